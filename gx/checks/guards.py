"""What must never be missing: guards on volumes, labels, isolation, options of the provider, records in DNS."""

from collections.abc import Iterator, Mapping
from typing import Any

from gx.checks.finding import Finding
from gx.dns import AUTOMATIC_TTL
from gx.labels import FIELD_MANAGER, MANAGED_BY, NAME, NETWORK, PART_OF, PartOf
from gx.naming import QSEND_USERS, TEST_USERS
from gx.objects import mapping, sequence
from gx.plan.model import Plan, Resource
from gx.plan.pods import pods
from gx.plan.values import walk
from gx.reach.world import own_namespaces

PROVIDER_OPTIONS = ("enableConfigMapMutable", "enableSecretMutable", "enableServerSideApply")
"""Without them a changed Secret would be deleted and made anew, with every pod that reads it."""


def check_guards(plan: Plan) -> Iterator[Finding]:
    """Yield a finding for what holds data and is not guarded (docs/takeover.md 2)."""
    for resource in plan.objects:
        volume = resource.kind == "PersistentVolumeClaim" or _mounts_claim(resource)
        home = resource.kind == "Namespace" and resource.object_name == plan.namespace
        if (home or (plan.production and volume)) and not (
            resource.options.protect and resource.options.retain_on_delete
        ):
            place = resource.place
            yield Finding(check="guards", place=place, text="holds data, and a mistake could delete it")


def _mounts_claim(resource: Resource) -> bool:
    spec = mapping(resource.spec, "template", "spec")
    holds = resource.kind in {"StatefulSet", "Deployment"}
    return holds and any("persistentVolumeClaim" in volume for volume in sequence(spec, "volumes"))


def check_test_data(plan: Plan) -> Iterator[Finding]:
    """Yield a finding for test users on a network with real ones (production.md 8)."""
    if not plan.production:
        return
    for resource in plan.resources:
        place = resource.place
        if resource.object_name == TEST_USERS or resource.object_name.startswith("database-test-users"):
            yield Finding(check="test-data", place=place, text="makes test accounts with known addresses")
            continue
        for path, value in walk(resource.inputs):
            if isinstance(value, str) and any(f"{user}@" in value for user in QSEND_USERS):
                yield Finding(check="test-data", place=place, text=f"{path} names a test user")


def check_labels(plan: Plan) -> Iterator[Finding]:
    """Yield a finding for an object without the program's labels, or with a word that is not in the vocabulary."""
    parts = {part.value for part in PartOf}
    for resource in plan.objects:
        if resource.kind == "Namespace" and resource.object_name == plan.namespace:
            continue  # its labels stay as they are live, word for word (takeover.md 21)
        labels: Mapping[str, Any] = resource.metadata.get("labels", {})
        place = resource.place
        wanted = {MANAGED_BY: FIELD_MANAGER, NETWORK: plan.network}
        for key, value in wanted.items():
            if labels.get(key) != value:
                yield Finding(check="labels", place=place, text=f"{key} is {labels.get(key)!r} instead of {value!r}")
        if NAME not in labels:
            yield Finding(check="labels", place=place, text=f"has no label {NAME}")
        if labels.get(PART_OF) not in parts:
            yield Finding(
                check="labels", place=place, text=f"{PART_OF} is {labels.get(PART_OF)!r}, no part we page for"
            )


def check_registries(plan: Plan) -> Iterator[Finding]:
    """Yield a finding for an image from elsewhere than the cluster's own registry (takeover.md 27)."""
    own = {image.split("/")[0] for image in plan.outputs.get("versions", {}).values()}
    for pod in pods(plan):
        for container in pod.containers:
            registry = str(container["image"]).split("/")[0]
            if own and registry not in own:
                text = f"{container['image']} does not come from {', '.join(sorted(own))}"
                yield Finding(check="registries", place=f"{pod.place}/{container['name']}", text=text)


def check_default_deny(plan: Plan) -> Iterator[Finding]:
    """Yield a finding for a namespace of ours with policies but without one that denies everything else."""
    for namespace in sorted(own_namespaces(plan)):
        policies = [policy for policy in plan.of_kind("NetworkPolicy") if policy.namespace == namespace]
        if policies and not any(_denies(policy) for policy in policies):
            text = "has policies, and none that denies what they do not name"
            yield Finding(check="default-deny", place=f"Namespace/{namespace}", text=text)


def _denies(policy: Resource) -> bool:
    spec = policy.spec
    everything = not spec.get("podSelector")
    both = set(spec.get("policyTypes", [])) == {"Ingress", "Egress"}
    return everything and both and not spec.get("ingress") and not spec.get("egress")


def check_provider(plan: Plan) -> Iterator[Finding]:
    """Yield a finding for a Kubernetes provider that would replace what it should change (docs/adr/0002)."""
    for resource in plan.resources:
        if resource.type == "pulumi:providers:kubernetes":
            place = f"provider/{resource.name}"
            if not resource.inputs.get("clusterIdentifier"):
                text = "has no clusterIdentifier: a new address of the cluster would replace every object"
                yield Finding(check="provider", place=place, text=text)
            for option in PROVIDER_OPTIONS:
                if str(resource.inputs.get(option, "")).lower() != "true":
                    yield Finding(check="provider", place=place, text=f"{option} is not set")


def check_dns(plan: Plan) -> Iterator[Finding]:
    """Yield a finding for a record that would serve nobody, and for a public host without one (production.md 13)."""
    nodes = {node["address"] for node in plan.outputs.get("edgeNodes", [])}
    records = [resource for resource in plan.resources if resource.kind == "DnsRecord"]
    for record in records:
        place, inputs = f"DnsRecord/{record.name}", record.inputs
        if inputs.get("content") not in nodes:
            text = f"leads to {inputs.get('content')}, no node of {plan.network}"
            yield Finding(check="dns", place=place, text=text)
        if inputs.get("proxied") is not True:
            yield Finding(check="dns", place=place, text="is not proxied: the node's address is public")
        elif inputs.get("ttl") != AUTOMATIC_TTL:
            yield Finding(check="dns", place=place, text=f"ttl is {inputs.get('ttl')}: Cloudflare takes 1 alone here")
    named = {record.inputs.get("name") for record in records}
    hosts = {rule["host"] for ingress in plan.of_kind("Ingress") for rule in ingress.spec["rules"]}
    for host in sorted(hosts - named) if records else ():
        yield Finding(check="dns", place=f"Ingress host {host}", text="has no record left: nobody finds it")
