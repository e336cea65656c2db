"""What an adopted network switches on later: off it is as found, on it changes just what its name says."""

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from catalogue.feature_gates import FeatureGate
from catalogue.managed_components import ManagedComponent
from common.labels import CONFIG_CHECKSUM
from common.plan import Plan
from common.pods import pods
from common.values import plain
from gx.plan.record import record
from rules import run_checks
from rules.finding import Severity
from tests.helpers.mutate import container, find
from tests.helpers.stack import copy_project, edit


@pytest.fixture(scope="module")
def stepped(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """Return mainnet's Plan with every feature gate enabled, as a network on an empty cluster would have it."""
    root = copy_project(tmp_path_factory.mktemp("gates"))
    edit(root, "mainnet", lambda config: config.update(featureGates=[gate.value for gate in FeatureGate]))
    return record("mainnet", root=root)


def test_as_found_takes_no_step(plans: dict[str, Plan]) -> None:
    for plan in plans.values():
        labels = next(plan.of_kind("Namespace")).metadata["labels"]
        assert "pod-security.kubernetes.io/enforce" not in labels
        assert labels["pod-security.kubernetes.io/warn"] == "restricted"
        assert all(isinstance(p["targetPort"], int) for s in plan.of_kind("Service") for p in s.spec["ports"])
        assert "securityContext" not in container(_minio(plan))
        tiers = {p.owner.object_name: p.labels.get("tier") for p in pods(plan) if p.owner.kind == "Deployment"}
        assert tiers["svc-tax"] == "backend"
        assert tiers["svc-messaging"] == tiers["gx-wallet-frontend"] == "api"


def _minio(plan: Plan) -> dict[str, Any]:
    return next(r.inputs for r in plan.objects if r.object_name == "minio" and r.kind in {"StatefulSet", "Deployment"})


def test_with_all_steps_every_check_passes_without_exception(stepped: Plan) -> None:
    found = [f for f in run_checks(stepped) if f.severity is not Severity.NOTE]
    kept = [(f.check, f.location) for f in found]
    assert kept == [("pod-security", "DaemonSet/edge-proxy"), ("backup", "CronJob/minio-backup")], (
        "no feature gate ends these"
    )


def test_a_gate_whose_absence_is_a_risk_is_warned_of(plans: dict[str, Plan]) -> None:
    warned = [f for f in run_checks(plans["mainnet"]) if "feature gate" in f.text]
    assert {(f.location, f.severity) for f in warned} == {("Pulumi.mainnet.yaml", Severity.WARNING)}
    assert [f.text.split()[3] for f in warned] == [
        "messaging-s3-user",
        "minio-metrics-token",
        "messaging-database-role",
        "bucket-expiry",
        "pod-security-enforce",
    ]
    assert "MinIO's root pair" in warned[0].text


GATES: list[tuple[FeatureGate, Callable[[Plan], Any], Any]] = [
    (FeatureGate.NAMED_TARGET_PORTS, lambda p: find(p, "Service", "svc-tax").spec["ports"][0]["targetPort"], "http"),
    (
        FeatureGate.TIER_API_LABELS,
        lambda p: find(p, "Deployment", "svc-tax").spec["template"]["metadata"]["labels"]["tier"],
        "api",
    ),
    (
        FeatureGate.MESSAGING_S3_USER,
        lambda p: next(
            e
            for e in container(find(p, "Deployment", "svc-messaging").inputs)["env"]
            if e["name"] == "AWS_ACCESS_KEY_ID"
        )["valueFrom"]["secretKeyRef"]["name"],
        "minio-svc-messaging",
    ),
    (
        FeatureGate.MINIO_METRICS_TOKEN,
        lambda p: (
            next(e for e in container(_minio(p))["env"] if e["name"] == "MINIO_PROMETHEUS_AUTH_TYPE")["value"],
            "prometheus.io/scrape" in _minio(p)["spec"]["template"]["metadata"]["annotations"],
        ),
        ("jwt", False),
    ),
    (
        FeatureGate.MESSAGING_DATABASE_ROLE,
        lambda p: next(
            e for e in container(find(p, "Deployment", "svc-messaging").inputs)["env"] if e["name"] == "DATABASE_URL"
        )["valueFrom"]["secretKeyRef"]["name"],
        "svc-messaging-database",
    ),
    (
        FeatureGate.MINIO_NON_ROOT,
        lambda p: _minio(p)["spec"]["template"]["spec"]["securityContext"]["runAsNonRoot"],
        True,
    ),
    (
        FeatureGate.BUCKET_EXPIRY,
        lambda p: (
            '"expire-files"'
            in next(c for c in p.of_kind("ConfigMap") if c.object_name.startswith("minio-provision-")).inputs["data"][
                "lifecycle.json"
            ]
        ),
        True,
    ),
    (
        FeatureGate.POD_SECURITY_ENFORCE,
        lambda p: find(p, "Namespace", p.namespace).metadata["labels"].get("pod-security.kubernetes.io/enforce"),
        "restricted",
    ),
    (
        FeatureGate.REAL_CLIENT_ADDRESS,
        lambda p: find(p, "Ingress", "gx-backend-ingress").metadata["annotations"][
            "nginx.ingress.kubernetes.io/upstream-hash-by"
        ],
        "$http_cf_connecting_ip",
    ),
    (
        FeatureGate.LONG_SOCKETS,
        lambda p: find(p, "Ingress", "gx-backend-ingress").metadata["annotations"][
            "nginx.ingress.kubernetes.io/proxy-read-timeout"
        ],
        "3625",
    ),
]


def test_every_step_has_a_test() -> None:
    """That which retires old policies needs a record of them: its test follows."""
    assert [gate for gate, _, _ in GATES] == [
        gate for gate in FeatureGate if gate is not FeatureGate.RETIRE_OLD_POLICIES
    ]


def test_policies_made_by_hand_are_planned_until_they_are_retired(tmp_path: Path) -> None:
    root, uid = copy_project(tmp_path / "project"), "22222222-2222-2222-2222-222222222222"
    everybody: dict[str, Any] = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]}
    document = {
        "clusterUid": uid,
        "imports": {},
        "managedComponents": list(ManagedComponent),
        "oldPolicies": {"allow-all": everybody},
    }
    (root / "networks/mainnet/adoption.yaml").write_text(json.dumps(document))
    found: list[tuple[bool, bool]] = []
    for gates in ([], [FeatureGate.RETIRE_OLD_POLICIES.value]):
        edit(root, "mainnet", lambda config, gates=gates: config.update(clusterUid=uid, featureGates=gates))
        plan = record("mainnet", root=root)
        planned = any(policy.object_name == "allow-all" for policy in plan.of_kind("NetworkPolicy"))
        found.append((planned, any(finding.check == "old-policies" for finding in run_checks(plan))))
    assert found == [(True, True), (False, False)]


@pytest.mark.parametrize(("gate", "look", "wanted"), GATES, ids=[s[0].value for s in GATES])
def test_step_changes_what_it_says(
    mainnet: Plan, stepped: Plan, gate: FeatureGate, look: Callable[[Plan], Any], wanted: object
) -> None:
    assert look(stepped) == wanted, gate
    as_found = None
    with contextlib.suppress(KeyError):
        as_found = look(mainnet)
    assert as_found != wanted


def test_steps_leave_the_urns_alone(mainnet: Plan, stepped: Plan) -> None:
    """Only Jobs are named by their content; only the role of svc-messaging brings something new."""
    lasting = [{r.urn for r in plan.resources if "HashedJob" not in r.urn} for plan in (stepped, mainnet)]
    assert lasting[1] <= lasting[0]
    assert sorted(urn.rsplit("::", 1)[1] for urn in lasting[0] - lasting[1]) == [
        "gx-database-roles",
        "messagingDatabaseRole-password-1",
        "messagingDatabaseRole-salt-1",
        "svc-messaging-database",
    ]


def test_steps_never_touch_selectors(mainnet: Plan, stepped: Plan) -> None:
    for kind in ("Deployment", "StatefulSet", "Service"):
        for before in mainnet.of_kind(kind):
            after = find(stepped, kind, before.object_name)
            assert plain(after.spec["selector"]) == plain(before.spec["selector"])


@pytest.mark.parametrize(
    "component",
    [
        ManagedComponent.ENVIRONMENT,
        ManagedComponent.DNS,
        ManagedComponent.NETWORK_POLICIES,
        ManagedComponent.MONITORING,
    ],
)
def test_one_component_alone_is_a_whole_program(project: Path, component: ManagedComponent) -> None:
    edit(project, "testnet", lambda config: config.update(managedComponents=[component.value]))
    plan = record("testnet", root=project)
    components = {r.kind for r in plan.resources if not r.custom} - {"Cluster", "Context"}
    assert len(components) == 1


def test_without_fabric_the_workers_rest(project: Path) -> None:
    edit(project, "mainnet", lambda config: config.update(fabricEnabled=False))
    plan = record("mainnet", root=project)
    replicas = {d.object_name: d.spec.get("replicas") for d in plan.of_kind("Deployment")}
    assert replicas["projector"] == replicas["outbox-submitter"] == 0
    assert replicas["svc-messaging"] == 2


def _key(plan: Plan, secret: str) -> Any:
    return find(plan, "Secret", secret).inputs["stringData"]["AWS_SECRET_ACCESS_KEY"]


def _rolled(before: Plan, after: Plan) -> set[str]:
    """Return the controllers whose pods a change would replace."""
    checksums = [
        {p.owner.object_name: p.annotations[CONFIG_CHECKSUM] for p in pods(plan) if CONFIG_CHECKSUM in p.annotations}
        for plan in (before, after)
    ]
    return {name for name, value in checksums[0].items() if checksums[1][name] != value}


BACKEND = {
    *("svc-identity", "svc-messaging", "svc-admin", "svc-governance", "svc-loanpool"),
    *("svc-organization", "svc-tax", "svc-tokenomics", "projector", "outbox-submitter"),
}


@pytest.mark.parametrize(
    ("setting", "rolled"),
    [
        ({"secretEpochs": {"minioRoot": 2}}, {"minio", "svc-messaging"}),
        ({"secretEpochs": {"nextauthSecret": 2}}, {"gx-wallet-frontend"}),
        ({"secretEpochs": {"minioMessagingUser": 2}}, set[str]()),  # nobody reads it before its feature gate
        ({"secretEpochs": {"minioMessagingUser": 2}, "featureGates": ["messaging-s3-user"]}, {"svc-messaging"}),
        ({"secretEpochs": {"minioBackupUser": 2}}, set[str]()),  # its pods start again every six hours
        ({"secretEpochs": {"minioMetricsUser": 2}}, {"backup-metrics"}),
        ({"projectionLagThresholdMs": 400000}, BACKEND),
    ],
)
def test_a_change_rolls_the_pods_that_read_it_and_no_others(
    project: Path, setting: dict[str, Any], rolled: set[str]
) -> None:
    before = record("mainnet", root=project)
    edit(project, "mainnet", lambda config: config.update(setting))
    assert _rolled(before, record("mainnet", root=project)) == rolled


def test_variables_of_one_network_reach_its_pods(project: Path) -> None:
    numbers = {"env": {"EMAIL_ENABLED": "true"}, "secretEnv": {"RESEND_API_KEY": {"secret": "mail", "key": "api-key"}}}
    edit(project, "mainnet", lambda config: config["workloads"]["svc-identity"].update(numbers))
    plan = record("mainnet", root=project)
    env = {e["name"]: e for e in container(find(plan, "Deployment", "svc-identity").inputs)["env"]}
    assert env["EMAIL_ENABLED"]["value"] == "true"
    assert env["RESEND_API_KEY"]["valueFrom"]["secretKeyRef"] == {"name": "mail", "key": "api-key"}
    assert [f for f in run_checks(plan) if f.severity is Severity.ERROR] == []


def test_a_raised_epoch_makes_a_new_value_and_runs_the_provisioning_again(project: Path, mainnet: Plan) -> None:
    edit(project, "mainnet", lambda config: config.update(secretEpochs={"minioMessagingUser": 2}))
    plan = record("mainnet", root=project)
    fresh = {r.urn.rsplit("::", 1)[1] for r in plan.resources} - {r.urn.rsplit("::", 1)[1] for r in mainnet.resources}
    assert "minioMessagingUser-key-2" in fresh
    assert len([name for name in fresh if name.startswith("minio-provision-")]) == 1
    assert _key(plan, "minio-svc-messaging") != _key(mainnet, "minio-svc-messaging")
    assert _key(plan, "minio-credentials") == _key(mainnet, "minio-credentials")
    before, after = (find(p, "StatefulSet", "minio").inputs for p in (mainnet, plan))
    assert before == after  # the server's pods follow root's keys alone
