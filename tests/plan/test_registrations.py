"""Rules that hold for every registration of every network."""

import importlib
import inspect
import re
import subprocess
import sys
import typing
from collections.abc import Iterator

import pulumi
import pytest

from common.labels import CONFIG_CHECKSUM, FIELD_MANAGER, MANAGED_BY, NAME, NETWORK, PART_OF, PATCH_FIELD_MANAGER
from common.plan import PROVIDERS, Plan
from common.pods import pods
from components.base import GxComponent
from settings.offline import offline_settings
from settings.project import ROOT
from tests.helpers.repository import STOREYS

TOKENS = {
    "gx:cluster:Cluster",
    "gx:database:Database",
    "gx:job:HashedJob",
    "gx:messaging:MessagingStack",
    "gx:monitoring:MonitoringRules",
    "gx:platform:Connections",
    "gx:platform:Environment",
    "gx:policy:Context",
    "gx:storage:BackupJob",
    "gx:storage:MinioStorage",
    "gx:storage:MinioUsers",
    "gx:traffic:DnsRecords",
    "gx:traffic:EdgeProxy",
    "gx:traffic:IngressRoutes",
    "gx:traffic:NetworkPolicies",
    "gx:workload:Workload",
}
"""Type tokens are part of every child's URN: a change here needs an alias and a line in CHANGELOG.md."""


def test_tokens_are_the_known_ones(plan: Plan) -> None:
    tokens = {resource.type for resource in plan.resources if not resource.custom}
    assert tokens == (TOKENS if plan.production else TOKENS - {"gx:traffic:EdgeProxy"})
    assert all(re.fullmatch(r"gx:[a-z]+:[A-Z]\w+", token) for token in tokens)


def test_every_custom_resource_lies_in_a_component(plan: Plan) -> None:
    components = {resource.urn for resource in plan.resources if not resource.custom}
    assert [r.urn for r in plan.resources if r.custom and r.parent not in components] == []


def test_no_urn_stands_twice(plan: Plan) -> None:
    urns = [resource.urn for resource in plan.resources]
    assert len(urns) == len(set(urns))


def test_type_and_name_find_one_resource(plan: Plan) -> None:
    """By them the run notes the options that the policy pack is not shown (docs/adr/0020)."""
    found = [(resource.type, resource.name) for resource in plan.resources]
    assert len(found) == len(set(found))


def test_urns_carry_the_types_of_all_parents(mainnet: Plan) -> None:
    """As the engine writes them; aliases and import maps depend on it."""
    urn = next(r.urn for r in mainnet.of_kind("Deployment") if r.object_name == "svc-messaging")
    chain = "gx:messaging:MessagingStack$gx:workload:Workload$kubernetes:apps/v1:Deployment"
    assert urn == f"urn:pulumi:mainnet::gx-infra::{chain}::svc-messaging"


def test_every_object_uses_the_one_explicit_provider(plan: Plan) -> None:
    providers = [r for r in plan.resources if r.type.startswith(PROVIDERS)]
    assert sorted(r.type for r in providers) == ["pulumi:providers:cloudflare", "pulumi:providers:kubernetes"]
    kubernetes = next(r for r in providers if r.type.endswith("kubernetes"))
    for resource in plan.resources:
        if resource.type.startswith("kubernetes:"):
            assert resource.options.provider.startswith(kubernetes.urn), resource.urn


def test_provider_options(plan: Plan) -> None:
    inputs = next(r for r in plan.resources if r.type == "pulumi:providers:kubernetes").inputs
    assert inputs["clusterIdentifier"] == offline_settings(plan.network).stack.cluster_uid
    assert (inputs["enableSecretMutable"], inputs["enableConfigMapMutable"]) == ("true", "true")
    assert "kubeconfig" not in inputs


def test_every_object_has_labels_manager_and_timeouts(plan: Plan) -> None:
    for resource in plan.objects:
        metadata = resource.metadata
        assert {NAME, PART_OF, MANAGED_BY, NETWORK} <= set(metadata["labels"]), resource.urn
        assert metadata["labels"][NETWORK] == plan.network
        assert metadata["annotations"][PATCH_FIELD_MANAGER] == FIELD_MANAGER
        assert set(resource.options.timeouts) == {"create", "update", "delete"}


def test_no_habitual_options(plan: Plan) -> None:
    """Each of these hides something; none is used."""
    for resource in plan.resources:
        assert resource.options.ignore_changes == ()
        assert not resource.options.delete_before_replace
        assert resource.options.import_id == ""  # no network is being adopted


def test_what_is_protected(plans: dict[str, Plan]) -> None:
    guarded = {
        name: sorted(f"{r.kind}/{r.object_name}" for r in plan.resources if r.options.protect)
        for name, plan in plans.items()
    }
    assert guarded == {
        "devnet": ["Namespace/backend-devnet"],
        "testnet": ["Namespace/backend-testnet"],
        "mainnet": [
            "Namespace/backend-mainnet",
            "PersistentVolumeClaim/minio-backup-pvc",
            "PersistentVolumeClaim/minio-pvc",
            "StatefulSet/minio",
        ],
    }


def test_protected_objects_are_retained_and_nothing_else_is(plan: Plan) -> None:
    for resource in plan.resources:
        assert resource.options.retain_on_delete == resource.options.protect, resource.urn


def test_passwords_and_dns_records_can_be_rotated_and_drained(plan: Plan) -> None:
    for resource in plan.resources:
        if resource.kind in {"RandomPassword", "DnsRecord"}:
            assert not resource.options.protect
            assert not resource.options.retain_on_delete


def test_every_managed_resource_waits_for_the_cluster_check(plan: Plan) -> None:
    """An object that did not depend on the read of kube-system could be planned on a wrong cluster."""
    by_urn = plan.by_urn
    guard = next(r.urn for r in plan.resources if r.name == "cluster-identity")

    def waits(urn: str, seen: frozenset[str] = frozenset()) -> bool:
        if urn == guard:
            return True
        resource = by_urn.get(urn)
        return resource is not None and any(
            waits(dependency, seen | {urn}) for dependency in resource.options.depends_on if dependency not in seen
        )

    for resource in plan.resources:
        if resource.custom and not resource.read and not resource.type.startswith(PROVIDERS):
            assert waits(resource.urn), resource.urn


def test_every_namespaced_object_waits_for_the_namespace(plan: Plan) -> None:
    namespaces = {r.object_name: r.urn for r in plan.of_kind("Namespace")}
    for resource in plan.objects:
        if resource.kind != "Namespace":
            home = namespaces.get(resource.namespace, namespaces[plan.namespace])
            assert home in resource.options.depends_on, resource.urn


def test_nothing_waits_for_a_claim_to_be_bound(plan: Plan) -> None:
    """local-path binds a claim with its first pod: whoever waits for the claim before the pod waits forever."""
    for claim in plan.of_kind("PersistentVolumeClaim"):
        assert claim.metadata["annotations"]["pulumi.com/skipAwait"] == "true"
        if claim.object_name == "minio-pvc":
            assert not any(claim.urn in r.options.depends_on for r in plan.resources)


def test_jobs_come_after_quota_and_policies(plan: Plan) -> None:
    for job in plan.of_kind("Job"):
        before = {plan.by_urn[urn].kind for urn in job.options.depends_on}
        if "test-users" not in job.object_name:  # that one follows the schema Job
            assert {"ResourceQuota", "LimitRange", "NetworkPolicy", "ConfigMap"} <= before


def test_only_messaging_waits_for_the_schema(plan: Plan) -> None:
    schema = next(r.urn for r in plan.of_kind("Job") if r.object_name.startswith("database-schema"))
    waiting = {r.object_name for r in plan.of_kind("Deployment") if schema in r.options.depends_on}
    assert waiting == {"svc-messaging"}


def test_default_deny_comes_after_what_it_would_cut(plan: Plan) -> None:
    policies = {r.urn for r in plan.of_kind("NetworkPolicy") if r.namespace == plan.namespace}
    deny = next(r for r in plan.of_kind("NetworkPolicy") if r.object_name == "default-deny-all")
    assert set(deny.options.depends_on) >= policies - {deny.urn}


def test_every_pod_runs_on_the_networks_nodes(plan: Plan) -> None:
    """Incident 23: selector and toleration on every pod, Jobs included."""
    for pod in pods(plan):
        if plan.network == "mainnet":
            assert pod.spec["nodeSelector"] == {"backend-environment": "mainnet"}
            assert "tolerations" not in pod.spec
        else:
            assert pod.spec["nodeSelector"] == {"node-id": "vps4"}
            tolerated = {"key": "environment", "operator": "Equal", "value": "nonprod", "effect": "NoSchedule"}
            assert pod.spec["tolerations"] == [tolerated]


def test_only_svc_admin_on_devnet_has_a_token(plan: Plan) -> None:
    tokens = {pod.owner.object_name for pod in pods(plan) if pod.spec["automountServiceAccountToken"]}
    assert tokens == ({"svc-admin"} if plan.network == "devnet" else set())


def test_pods_with_inputs_carry_a_checksum(plan: Plan) -> None:
    for pod in pods(plan):
        if pod.owner.kind in {"Deployment", "StatefulSet"}:
            assert re.fullmatch(r"[0-9a-f]{16}", pod.annotations[CONFIG_CHECKSUM]), pod.location


def test_checksum_follows_the_content(plans: dict[str, Plan]) -> None:
    sums = {
        next(p.annotations[CONFIG_CHECKSUM] for p in pods(plan) if p.location.endswith("svc-tax"))
        for plan in plans.values()
    }
    assert len(sums) == 3


def _components() -> Iterator[type[pulumi.ComponentResource]]:
    for path in sorted((ROOT / "components").rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        module = importlib.import_module(name.removesuffix(".__init__"))
        for _, component in inspect.getmembers(module, inspect.isclass):
            if component.__module__ == module.__name__ and issubclass(component, pulumi.ComponentResource):
                yield component


@pytest.mark.parametrize("component", list(_components()), ids=lambda component: component.__name__)
def test_every_component_has_the_same_signature(component: type[pulumi.ComponentResource]) -> None:
    """(name, args, opts=None), arguments a typed dict with a text for each that is no matter of course."""
    if component is GxComponent:
        return
    parameters = inspect.signature(component.__init__).parameters
    assert list(parameters)[:4] == ["self", "name", "args", "opts"]
    assert parameters["opts"].default is None
    assert list(parameters)[4:] in ([], ["wait_for"])
    assert typing.is_typeddict(parameters["args"].annotation)


def test_the_program_needs_nothing_of_the_tools_around_it() -> None:
    """`pulumi up` imports no client of a live cluster and nothing of the local one."""
    code = "import program, sys; print([m for m in sys.modules if m.startswith(('gx', 'devcluster', 'rules'))])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_files_and_functions_stay_readable() -> None:
    sources = [
        *(p for top in STOREYS for p in ROOT.glob(f"{top}/**/*.py")),
        *(path for path in ROOT.glob("tools/**/*.py") if ".venv" not in path.parts),
        *ROOT.glob("*.py"),
    ]
    assert [p.name for p in sources if len(p.read_text().splitlines()) > 400] == []
    assert len((ROOT / "__main__.py").read_text().splitlines()) < 60
