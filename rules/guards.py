"""What must never be missing: guards on volumes, labels, isolation, options of the provider, records in DNS."""

from collections.abc import Iterator, Mapping
from typing import Any

from common.dns import AUTOMATIC_TTL
from common.labels import FIELD_MANAGER, MANAGED_BY, NAME, NETWORK, PART_OF, PartOf
from common.naming import QSEND_USERS, TEST_USERS
from common.objects import mapping, sequence
from common.plan import Plan, Resource
from common.pods import pods
from common.values import walk
from rules.finding import Finding
from rules.rule import rule

PROVIDER_OPTIONS = ("enableConfigMapMutable", "enableSecretMutable", "enableServerSideApply")
"""Without them a changed Secret would be deleted and made again, with every pod that reads it."""


@rule(
    "guards",
    reason="What holds data could be deleted by a mistake in a list.",
    remedy="Let components/conventions.py decide: protect and retain.",
)
def check_guards(plan: Plan) -> Iterator[Finding]:
    """Yield a finding for what holds data and is not guarded (docs/takeover.md 2)."""
    for resource in plan.objects:
        volume = resource.kind == "PersistentVolumeClaim" or _mounts_claim(resource)
        home = resource.kind == "Namespace" and resource.object_name == plan.namespace
        if (home or (plan.production and volume)) and not (
            resource.options.protect and resource.options.retain_on_delete
        ):
            location = resource.location
            yield Finding(location=location, text="holds data, and a mistake could delete it")


def _mounts_claim(resource: Resource) -> bool:
    spec = mapping(resource.spec, "template", "spec")
    holds = resource.kind in {"StatefulSet", "Deployment"}
    return holds and any("persistentVolumeClaim" in volume for volume in sequence(spec, "volumes"))


@rule(
    "test-data",
    reason="Known addresses with a known password on a network with real users.",
    remedy="Set testUsers to false.",
    live=True,
)
def check_test_data(plan: Plan) -> Iterator[Finding]:
    """Yield a finding for test users on a network with real ones (production.md#test-users)."""
    if not plan.production:
        return
    for resource in plan.resources:
        location = resource.location
        if resource.object_name == TEST_USERS or resource.object_name.startswith("database-test-users"):
            yield Finding(location=location, text="makes test accounts with known addresses")
            continue
        for path, value in walk(resource.inputs):
            if isinstance(value, str) and any(f"{user}@" in value for user in QSEND_USERS):
                yield Finding(location=location, text=f"{path} names a test user")


@rule(
    "labels",
    reason="Alerts, policies and people find objects by these labels.",
    remedy="Build the metadata with components.base.metadata, under the conventions of the program.",
)
def check_labels(plan: Plan) -> Iterator[Finding]:
    """Yield a finding for an object without the program's labels, or with a word that is not in the vocabulary."""
    parts = {part.value for part in PartOf}
    for resource in plan.objects:
        if resource.kind == "Namespace" and resource.object_name == plan.namespace:
            continue  # its labels stay as they are live, word for word (takeover.md 21)
        labels: Mapping[str, Any] = resource.metadata.get("labels", {})
        location = resource.location
        wanted = {MANAGED_BY: FIELD_MANAGER, NETWORK: plan.network}
        for key, value in wanted.items():
            if labels.get(key) != value:
                yield Finding(location=location, text=f"{key} is {labels.get(key)!r} instead of {value!r}")
        if NAME not in labels:
            yield Finding(location=location, text=f"has no label {NAME}")
        if labels.get(PART_OF) not in parts:
            yield Finding(
                location=location, text=f"{PART_OF} is {labels.get(PART_OF)!r}; use one of {', '.join(PartOf)}"
            )


@rule(
    "registries",
    reason="Another registry may be away, or serve a different image.",
    remedy="Push the image into the cluster's registry first.",
    live=True,
)
def check_registries(plan: Plan) -> Iterator[Finding]:
    """Yield a finding for an image from elsewhere than the cluster's own registry (takeover.md 27)."""
    own = {image.split("/")[0] for image in plan.outputs.get("versions", {}).values()}
    for pod in pods(plan):
        for container in pod.containers:
            registry = str(container["image"]).split("/")[0]
            if own and registry not in own:
                text = f"{container['image']} does not come from {', '.join(sorted(own))}"
                yield Finding(location=f"{pod.location}/{container['name']}", text=text)


@rule(
    "default-deny",
    reason="Policies only add up: without a deny everything else stays allowed.",
    remedy="Keep the component NetworkPolicies whole.",
    live=True,
)
def check_default_deny(plan: Plan) -> Iterator[Finding]:
    """Yield a finding for a namespace of ours with policies but without one that denies everything else."""
    for namespace in sorted(plan.own_namespaces):
        policies = [policy for policy in plan.of_kind("NetworkPolicy") if policy.namespace == namespace]
        if policies and not any(_denies(policy) for policy in policies):
            text = "has policies, and none that denies what they do not name"
            yield Finding(location=f"Namespace/{namespace}", text=text)


def _denies(policy: Resource) -> bool:
    spec = policy.spec
    everything = not spec.get("podSelector")
    both = set(spec.get("policyTypes", [])) == {"Ingress", "Egress"}
    return everything and both and not spec.get("ingress") and not spec.get("egress")


@rule(
    "provider",
    reason="The provider would replace what it should change in place.",
    remedy="Take the provider of components/cluster.py.",
)
def check_provider(plan: Plan) -> Iterator[Finding]:
    """Yield a finding for a Kubernetes provider that would replace what it should change (docs/adr/0002)."""
    for resource in plan.resources:
        if resource.type == "pulumi:providers:kubernetes":
            location = f"provider/{resource.name}"
            if not resource.inputs.get("clusterIdentifier"):
                text = "has no clusterIdentifier: a new address of the cluster would replace every object"
                yield Finding(location=location, text=text)
            for option in PROVIDER_OPTIONS:
                if str(resource.inputs.get(option, "")).lower() != "true":
                    yield Finding(location=location, text=f"{option} is not set")


@rule(
    "dns",
    reason="A record that leads elsewhere serves nobody, or production's users a test network.",
    remedy="Take addresses from the stack's own nodes.",
)
def check_dns(plan: Plan) -> Iterator[Finding]:
    """Yield a finding for a record that serves nobody, and a public host without one (production.md#dns-and-edge)."""
    nodes = {node["address"] for node in plan.outputs.get("edgeNodes", [])}
    records = [resource for resource in plan.resources if resource.kind == "DnsRecord"]
    for record in records:
        location, inputs = f"DnsRecord/{record.name}", record.inputs
        if inputs.get("content") not in nodes:
            text = f"leads to {inputs.get('content')}, no node of {plan.network}"
            yield Finding(location=location, text=text)
        if inputs.get("proxied") is not True:
            yield Finding(location=location, text="is not proxied: the node's address is public")
        elif inputs.get("ttl") != AUTOMATIC_TTL:
            yield Finding(
                location=location, text=f"ttl is {inputs.get('ttl')}: a proxied record must use 1 (automatic)"
            )
    named = {record.inputs.get("name") for record in records}
    hosts = {rule["host"] for ingress in plan.of_kind("Ingress") for rule in ingress.spec["rules"]}
    for host in sorted(hosts - named) if records else ():
        yield Finding(location=f"Ingress host {host}", text="has no record left: nobody finds it")
