"""The Plan: an immutable, typed list of what a run of the program would register."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, cast

from pydantic import AliasChoices, Field, TypeAdapter

from common.objects import mapping
from common.values import Json, Unknown, decode, plain, walk

KUBERNETES = "kubernetes:"
PROVIDERS = "pulumi:providers:"
POLICY_CONTEXT = "gx:policy:Context"
"""The component by which the program hands the policy pack what is no resource."""
GENERATED = {"random:index/randomPassword:RandomPassword": ("result", "bcryptHash")}
"""Where a type of resource keeps the secret that it makes."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """Effective options of one registration: what the engine inherits from parents is filled in."""

    protect: bool = False
    retain_on_delete: bool = False
    ignore_changes: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    delete_before_replace: bool = False
    deleted_with: str = ""
    import_id: str = ""
    provider: str = ""
    version: str = ""
    timeouts: dict[str, str] = field(default_factory=dict[str, str])
    additional_secret_outputs: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One registration.

    Attributes:
        urn: The engine's name of it.
        type: Type token.
        name: Logical name.
        parent: Urn of its parent; empty below the stack.
        custom: Whether a provider manages it; components are not.
        read: Whether it exists outside and is only read.
        inputs: What the program passes, with `Secret` and `Unknown` where they stand.
        options: Effective options.
    """

    urn: str
    type: str
    name: str
    parent: str
    custom: bool
    read: bool
    inputs: dict[str, Any]
    options: Options

    @property
    def is_object(self) -> bool:
        """Whether it is a Kubernetes object that the program manages."""
        return self.custom and not self.read and self.type.startswith(KUBERNETES)

    @property
    def kind(self) -> str:
        """The Kubernetes kind, or the class of the type token."""
        return self.type.rsplit(":", 1)[-1]

    @property
    def object_name(self) -> str:
        """The Kubernetes object's name, else the logical name."""
        return str(self.metadata.get("name", self.name))

    @property
    def location(self) -> str:
        """What a user calls it: kind and name."""
        return f"{self.kind}/{self.object_name}"

    @property
    def namespace(self) -> str:
        """The Kubernetes object's namespace; empty for cluster-scoped ones."""
        return str(self.metadata.get("namespace", ""))

    @property
    def metadata(self) -> dict[str, Any]:
        """The Kubernetes object's metadata."""
        return mapping(self.inputs, "metadata")

    @property
    def spec(self) -> dict[str, Any]:
        """The Kubernetes object's spec."""
        return mapping(self.inputs, "spec")

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """The object as Kubernetes would get it, secrets still marked; apiVersion and kind first."""
        first = {key: self.inputs[key] for key in ("apiVersion", "kind", "metadata") if key in self.inputs}
        return {**first, **{key: value for key, value in self.inputs.items() if key not in first}}

    @property
    def unknown_paths(self) -> list[str]:
        """Where inputs depend on values that only the engine learns."""
        return [path for path, value in walk(self.inputs) if isinstance(value, Unknown)]


@dataclass(frozen=True, kw_only=True)
class Note:
    """Something to know before the first real run, from the settings rather than from an object.

    Attributes:
        location: The file.
        text: What to know.
        warning: Whether something must be done about it: a risk, or what the next release refuses.
    """

    location: Annotated[str, Field(validation_alias=AliasChoices("location", "place"))]  # as above
    text: str
    warning: bool = False


@dataclass(frozen=True)
class ExternalObject:
    """An object that must exist before the program runs and that the program never changes.

    Attributes:
        kind: Kubernetes kind.
        namespace: Its namespace; empty for cluster-scoped kinds.
        name: Its name.
        keys: Keys of a Secret, or names of a Service's ports as text.
        reason: Who needs it.
    """

    kind: str
    namespace: str
    name: str
    keys: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class ExternalPods:
    """Pods in the namespace that are not ours: count and figures per pod as decimal text."""

    name: str
    labels: dict[str, str]
    ports: tuple[int, ...]
    replicas: int
    per_pod: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class PlanContext:
    """What rules need beside the registrations, from the settings: never a secret, it stands in the state.

    Attributes:
        network: The stack's name.
        production: Whether real users' data lives there.
        namespace: Namespace of the backend.
        externals: Objects that must exist outside.
        external_workloads: Pods of the namespace that are not ours.
        external_counts: Services and claims of the external workloads.
        controller: Who serves the public routes, as a key of `common.cluster.CONTROLLERS`.
        accepted_at_peak: Quota figures whose shortfall at peak is accepted, with the reason.
        pod_exceptions: Pods that may break Pod Security "restricted", with the reason.
        imports: While the network is adopted, what lives and was found by `gx adopt`: its id by kind and name.
        live_only: Fields that only the live object had when `gx adopt` wrote them down, by kind and name.
        others: Names of the other networks.
        adopted: Managed components that the network's folder records: the stack must not lose one.
        notes: What is not set or not confirmed yet.
    """

    network: str
    production: bool
    namespace: str
    externals: tuple[ExternalObject, ...]
    # `gx diff` reads records of older revisions: the old names, and what they did not record.
    external_workloads: Annotated[
        tuple[ExternalPods, ...], Field(validation_alias=AliasChoices("external_workloads", "neighbours"))
    ]
    external_counts: Annotated[
        dict[str, int], Field(validation_alias=AliasChoices("external_counts", "neighbour_counts"))
    ]
    controller: str
    accepted_at_peak: dict[str, str]
    pod_exceptions: dict[str, str]
    imports: dict[str, str]
    live_only: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    others: tuple[str, ...] = ()
    adopted: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()

    def to_record(self) -> dict[str, Any]:
        """Return the context as JSON, from which `plan_from` reads it."""
        return _CONTEXT.dump_python(self, mode="json")


@dataclass(frozen=True, kw_only=True)
class Plan(PlanContext):
    """What the program would register for one network.

    Attributes:
        resources: Registrations, sorted by urn: the order in which they arrive differs between runs.
        outputs: The stack's outputs.
        seconds: How long recording took.
    """

    resources: tuple[Resource, ...]
    outputs: dict[str, Any]
    seconds: float

    @cached_property
    def own_namespaces(self) -> frozenset[str]:
        """The namespaces that the network owns."""
        return frozenset({self.namespace, *(resource.object_name for resource in self.of_kind("Namespace"))})

    @cached_property
    def objects(self) -> tuple[Resource, ...]:
        """The Kubernetes objects."""
        return tuple(resource for resource in self.resources if resource.is_object)

    @cached_property
    def by_urn(self) -> dict[str, Resource]:
        """Registrations by urn."""
        return {resource.urn: resource for resource in self.resources}

    def of_kind(self, *kinds: str) -> Iterator[Resource]:
        """Yield the Kubernetes objects of the given kinds."""
        return (resource for resource in self.objects if resource.kind in kinds)

    def children(self, urn: str) -> list[Resource]:
        """Return the registrations below a parent; "" gives those below the stack."""
        return [resource for resource in self.resources if resource.parent == urn]

    def to_json(self, *, show_secrets: bool = False) -> Json:
        """Return the Plan as JSON for other programs; secrets are redacted unless asked for."""
        return {
            "network": self.network,
            "namespace": self.namespace,
            "resources": [
                {
                    "urn": resource.urn,
                    "type": resource.type,
                    "name": resource.name,
                    "parent": resource.parent,
                    "custom": resource.custom,
                    "read": resource.read,
                    "inputs": plain(resource.inputs, show_secrets=show_secrets),
                    "options": {key: _listed(value) for key, value in vars(resource.options).items()},
                }
                for resource in self.resources
            ],
            "outputs": self.outputs,
            "seconds": self.seconds,
        }


def _listed(value: object) -> object:
    return list(cast("tuple[object, ...]", value)) if isinstance(value, tuple) else value


_OPTIONS, _CONTEXT = TypeAdapter(Options), TypeAdapter(PlanContext)


def plan_from(record: dict[str, Any]) -> Plan:
    """Return the Plan of a record that the recorder wrote, with effective options."""
    raw = cast("list[dict[str, Any]]", record["resources"])
    retained = _inherited_retain(raw)
    resources = tuple(
        Resource(
            urn=entry["urn"],
            type=entry["type"],
            name=entry["name"],
            parent=entry["parent"],
            custom=entry["custom"],
            read=entry["read"],
            inputs=decode(entry["inputs"]),
            options=_OPTIONS.validate_python({**entry["options"], "retain_on_delete": retained[entry["urn"]]}),
        )
        for entry in sorted(raw, key=lambda entry: entry["urn"])
    )
    context = vars(_CONTEXT.validate_python(record))
    return Plan(**context, resources=resources, outputs=record["outputs"], seconds=record["seconds"])


def _inherited_retain(raw: list[dict[str, Any]]) -> dict[str, bool]:
    """The engine lets children inherit retainOnDelete unless they say otherwise; a registration does not show it."""
    own = {entry["urn"]: entry["options"]["retain_on_delete"] for entry in raw}
    parents = {entry["urn"]: entry["parent"] for entry in raw}

    def effective(urn: str) -> bool:
        while urn:
            if own.get(urn) is not None:
                return bool(own[urn])
            urn = parents.get(urn, "")
        return False

    return {urn: effective(urn) for urn in own}
