"""What holds for every object of a stack: whose it is, who may delete it, how long it may take, what is imported.

One stack transformation, registered before the first resource. Components know nothing of it.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pulumi

from common.labels import FIELD_MANAGER, PATCH_FIELD_MANAGER, PATCH_FORCE, owner_labels

SECRET_OUTPUTS = {
    "Secret": ["metadata"],
    **{kind: ["metadata", "spec"] for kind in ("CronJob", "DaemonSet", "Deployment", "Job", "StatefulSet")},
}
"""What of a live object the state encrypts beside a Secret's data, by kind.

kubectl keeps a copy of the whole manifest in an annotation, and a variable set by hand may be a literal secret.
"""

_MINUTES = {
    # Longest honest wait per kind. Deployment: svc-admin's rollout allows 300 s
    # (production.md#promotion-and-readiness), doubled for a pull.
    "Deployment": 10,
    "DaemonSet": 10,
    "StatefulSet": 10,
    "Job": 15,
    "PersistentVolumeClaim": 5,
    "Namespace": 10,
    "ResourceQuota": 2,
}
_DEFAULT_MINUTES = 5
_DNS_RECORD = "cloudflare:index/dnsRecord:DnsRecord"

Props = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Conventions:
    """What one network says about all of its objects.

    The backend's namespace is guarded everywhere, volumes and the servers on them in production. Passwords and DNS
    records are not: a guard there would block their own rotation and drain.

    Attributes:
        network: The network's name.
        production: Whether real users' data lives there.
        taken_over: Whether objects of it were made by hand: a value that differs would be a conflict without force.
        imports: Id of what is imported while the network is adopted, by "Kind/name".
        namespaces: Names of the namespaces that the program makes, by logical name: an object's name may be an output.
        disposable: Those of them that hold nothing which could not be made again.
    """

    network: str
    production: bool
    taken_over: bool
    imports: Mapping[str, str] = field(default_factory=dict[str, str])
    namespaces: Mapping[str, str] = field(default_factory=dict[str, str])
    disposable: Sequence[str] = ()

    def register(self) -> None:
        """Apply them to every resource that is made from now on."""
        pulumi.runtime.register_stack_transformation(self._transform)

    def _transform(self, args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        if args.opts.id is not None:  # it is only read
            return None
        options = copy.copy(args.opts)
        if args.type_ == _DNS_RECORD:
            options.import_ = self.imports.get(f"DnsRecord/{args.name}")
            return pulumi.ResourceTransformationResult(args.props, options)
        if not args.type_.startswith("kubernetes:"):
            return None
        props, kind = cast("Props", args.props), args.type_.rsplit(":", 1)[-1]
        self._guard(options, kind, args.name, props)
        minutes = f"{_MINUTES.get(kind, _DEFAULT_MINUTES)}m"
        options.custom_timeouts = pulumi.CustomTimeouts(create=minutes, update=minutes, delete=minutes)
        if kind in SECRET_OUTPUTS:
            options.additional_secret_outputs = [*SECRET_OUTPUTS[kind], *(options.additional_secret_outputs or [])]
        name = self.namespaces.get(args.name) if kind == "Namespace" else props["metadata"]["name"]
        options.import_ = self.imports.get(f"{kind}/{name}")
        return pulumi.ResourceTransformationResult(self._owned(props), options)

    def _guard(self, options: pulumi.ResourceOptions, kind: str, name: str, props: Props) -> None:
        if kind == "Namespace":
            guarded = self.namespaces.get(name) not in self.disposable
        else:
            guarded = self.production and (kind == "PersistentVolumeClaim" or _holds_data(kind, props))
        if guarded:
            options.protect = options.retain_on_delete = True

    def _owned(self, props: Props) -> dict[str, Any]:
        manager = {PATCH_FIELD_MANAGER: FIELD_MANAGER, **({PATCH_FORCE: "true"} if self.taken_over else {})}
        metadata = _labelled(props["metadata"], owner_labels(self.network))
        metadata["annotations"] = {**manager, **metadata.get("annotations", {})}
        owned = {**props, "metadata": metadata}
        spec = props.get("spec")
        if isinstance(spec, dict):
            owned["spec"] = _with_owned_pods(cast("dict[str, Any]", spec), owner_labels(self.network))
        return owned


def _labelled(metadata: Props, labels: Mapping[str, str]) -> dict[str, Any]:
    return {**metadata, "labels": {**labels, **metadata.get("labels", {})}}


def _with_owned_pods(spec: dict[str, Any], labels: Mapping[str, str]) -> dict[str, Any]:
    """Return a spec whose pod template, at whatever depth, says whose its pods are."""
    if "job_template" in spec:
        job = spec["job_template"]
        return {**spec, "job_template": {**job, "spec": _with_owned_pods(job["spec"], labels)}}
    if "template" in spec:
        template = spec["template"]
        return {**spec, "template": {**template, "metadata": _labelled(template["metadata"], labels)}}
    return spec


def _holds_data(kind: str, props: Props) -> bool:
    """Return whether an object is a server on a volume: a Job on one can be made again."""
    if kind not in {"Deployment", "StatefulSet"}:
        return False
    volumes: list[Mapping[str, Any]] = props["spec"]["template"]["spec"].get("volumes", [])
    return any("persistent_volume_claim" in volume for volume in volumes)
