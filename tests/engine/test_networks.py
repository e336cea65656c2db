"""Every network on the real engine and a real API server: applied, unchanged, scheduled, within its quota."""

import base64
import time
import urllib.parse
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from catalogue.feature_gates import FeatureGate
from catalogue.managed_components import ManagedComponent
from catalogue.nodes import NODES
from common.objects import mapping
from devcluster.engine import EngineError, Event
from gx.cluster.kubernetes_api import ApiError
from settings.project import PROJECT, stack_file
from settings.renamed import RENAMED
from tests.engine.conftest import Cluster, Stack
from tests.helpers.stack import NETWORKS

MAINNET_NODES = {node.name for node in NODES if "backend-environment" in node.labels}
SHARED_NODE = {node.name for node in NODES} - MAINNET_NODES


MAINNET = pytest.mark.parametrize(
    "stack",
    [pytest.param(name, marks=() if name == "mainnet" else pytest.mark.soak) for name in NETWORKS],
    indirect=True,
    scope="module",
)
"""What does not depend on the network is tried on mainnet, and by `make soak` on the others."""


@pytest.fixture(scope="module", params=NETWORKS)
def stack(request: pytest.FixtureRequest, make_stack: Callable[..., Stack]) -> Stack:
    """Return a network that was applied from nothing."""
    stack = make_stack(request.param)
    result = stack.run()
    assert result.changes["create"] > 100
    assert result.changes["import"] == 1, "the namespace, which what lives in it needs before"
    return stack


def pods(stack: Stack, **labels: str) -> list[dict[str, Any]]:
    """Return the pods of the namespace with some labels that have not ended."""
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    found = stack.api.list_objects("v1", "Pod", stack.namespace, labels=selector)
    return [pod for pod in found if mapping(pod, "status").get("phase") not in {"Succeeded", "Failed"}]


def ours(stack: Stack) -> list[dict[str, Any]]:
    """Return the pods that the program runs."""
    return pods(stack, **{"app.kubernetes.io/managed-by": "gx-infra"})


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until something is so; fail if it does not become so."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not become so"
        time.sleep(0.5)


def test_every_object_is_accepted_and_the_next_preview_is_empty(stack: Stack) -> None:
    changes = stack.run("preview").changes
    assert set(changes) == {"same"}


@MAINNET
def test_keys_under_their_old_names_change_nothing(stack: Stack) -> None:
    """The engine adds the defaults of Pulumi.yaml to what the file says; the old name counts all the same."""
    path = stack.network.prepare(stack.api, lambda _: None) / stack_file(stack.network.stack)
    document = yaml.safe_load(path.read_text())
    config = document["config"]
    config[f"{PROJECT}:managedComponents"] = [component.value for component in ManagedComponent]
    config[f"{PROJECT}:featureGates"] = []
    for old, new in RENAMED.items():
        config[f"{PROJECT}:{old}"] = config.pop(f"{PROJECT}:{new}")
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    assert set(stack.network.run("preview").changes) == {"same"}


def test_pods_run_where_the_network_belongs(stack: Stack) -> None:
    allowed = MAINNET_NODES if stack.network.stack == "mainnet" else SHARED_NODE
    assert {pod["spec"]["nodeName"] for pod in ours(stack)} <= allowed
    if stack.network.stack == "mainnet":
        # Its autoscaler brings it from one replica to its minimum of three, one on each node.
        wait_for(lambda: {pod["spec"].get("nodeName") for pod in pods(stack, app="svc-identity")} == MAINNET_NODES)


def test_the_state_holds_no_secret_in_any_form(stack: Stack) -> None:
    redis, backend = stack.network.settings.stack.redis, "backend-secrets"
    values: list[str] = []
    for name in (redis.secret, backend, "minio-credentials", "gx-connections"):
        data = mapping(stack.get("v1", "Secret", name), "data")
        values += [base64.b64decode(text).decode() for key, text in data.items() if key != "DATABASE_USER"]
    forms = {form for value in values if len(value) > 8 for form in _forms(value)}
    assert len(forms) > 10
    files = [path for path in (stack.cluster.folder.path / "state").rglob("*") if path.is_file()]
    assert any(path.suffix == ".bak" for path in files)
    assert any("history" in path.parts for path in files)
    for path in files:
        text = path.read_text(errors="replace")
        assert not [form for form in forms if form in text], path


def _forms(value: str) -> set[str]:
    return {value, base64.b64encode(value.encode()).decode(), urllib.parse.quote(value, safe="")}


def test_the_quota_holds_while_everything_rolls_and_the_backup_runs(stack: Stack) -> None:
    backup = stack.get("batch/v1", "CronJob", "minio-backup")
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "backup-by-hand", "namespace": stack.namespace},
        "spec": backup["spec"]["jobTemplate"]["spec"],
    }
    stack.api.create(job)
    started = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 1))
    deployments = [d for d in stack.api.list_objects("apps/v1", "Deployment", stack.namespace) if _is_ours(d)]
    for deployment in deployments:
        restarted = {"spec": {"template": {"metadata": {"annotations": {"gx.test/restarted": started}}}}}
        stack.api.patch(deployment, restarted)

    def ended() -> bool:
        live = [d for d in stack.api.list_objects("apps/v1", "Deployment", stack.namespace) if _is_ours(d)]
        done = stack.get("batch/v1", "Job", "backup-by-hand").get("status", {}).get("succeeded")
        return bool(done) and all(_rolled(d) for d in live)

    wait_for(ended)
    stack.api.delete("batch/v1", "Job", stack.namespace, "backup-by-hand", propagation="Foreground")
    refused = [
        event["message"]
        for event in stack.api.list_objects("v1", "Event", stack.namespace)
        if "exceeded quota" in event.get("message", "")
    ]
    accepted = stack.network.settings.stack.quota.accepted_at_peak
    assert [text for text in refused if not any(f"used: {figure}=" in text for figure in accepted)] == []


def _is_ours(live: dict[str, Any]) -> bool:
    return live["metadata"].get("labels", {}).get("app.kubernetes.io/managed-by") == "gx-infra"


def _rolled(deployment: dict[str, Any]) -> bool:
    status, wanted = deployment.get("status", {}), deployment["spec"]["replicas"]
    seen = status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
    return seen and status.get("updatedReplicas", 0) == status.get("availableReplicas", 0) == wanted


@MAINNET
def test_a_raised_epoch_changes_the_secret_in_place_and_rolls_its_readers_alone(stack: Stack) -> None:
    before = stack.get("v1", "Secret", "minio-credentials")
    templates = {d["metadata"]["name"]: d["spec"]["template"] for d in _controllers(stack)}

    def raise_epoch(config: dict[str, Any]) -> None:
        config["secretEpochs"] = {**config.get("secretEpochs", {}), "minioRoot": 2}

    stack.edit(raise_epoch)
    stack.run()
    after = stack.get("v1", "Secret", "minio-credentials")
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["data"]["MINIO_ROOT_PASSWORD"] != before["data"]["MINIO_ROOT_PASSWORD"]
    rolled = {
        d["metadata"]["name"] for d in _controllers(stack) if d["spec"]["template"] != templates[d["metadata"]["name"]]
    }
    assert rolled == {"minio", "svc-messaging"}, "as found, the service logs in as root"
    assert set(stack.run("preview").changes) == {"same"}


def _controllers(stack: Stack) -> list[dict[str, Any]]:
    kinds = ("Deployment", "StatefulSet")
    return [
        live for kind in kinds for live in stack.api.list_objects("apps/v1", kind, stack.namespace) if _is_ours(live)
    ]


@MAINNET
def test_an_object_edited_by_hand_is_drift_or_a_named_conflict_and_is_put_right(stack: Stack) -> None:
    service = stack.get("apps/v1", "Deployment", "svc-tax")
    stack.api.patch(service, {"spec": {"replicas": 2}}, manager="kubectl-edit")
    try:
        said = f"update {stack.run('preview', refresh=True).changes.get('update')}"
    except EngineError as refusal:
        said = str(refusal)
    assert said == "update 1" or ('conflict with "kubectl-edit"' in said and ".spec.replicas" in said)
    stack.run("up", refresh=True)
    assert stack.get("apps/v1", "Deployment", "svc-tax")["spec"]["replicas"] == 1


@MAINNET
def test_components_that_leave_the_stack_are_deleted_in_order_and_nothing_else_is(stack: Stack) -> None:
    leaving = {"monitoring", "dns"} if stack.network.settings.stack.production else {"monitoring", "dns", "backup"}

    def leave(config: dict[str, Any]) -> None:
        config["managedComponents"] = [component for component in _all_components(config) if component not in leaving]

    stack.edit(leave)
    stack.network.prepare(stack.api, lambda _: None)
    deleted: list[str] = []

    def on_event(event: Event) -> None:
        if event["kind"] == "res_outputs_event" and event["op"] == "delete":
            deleted.append(event["type"].rsplit(":", 1)[-1])

    changes = stack.network.run("up", on_event).changes
    assert set(changes) == {"same", "delete"}, changes
    alerts = stack.network.settings.network.alerts_config_map
    assert stack.api.get("v1", "ConfigMap", "monitoring", alerts) is None
    if "backup" in leaving:
        assert deleted.index("CronJob") < deleted.index("PersistentVolumeClaim"), "what mounts it goes first"
    stack.edit(lambda config: config.pop("managedComponents"))
    stack.run()


def _all_components(config: dict[str, Any]) -> list[str]:
    return config.get("managedComponents") or [component.value for component in ManagedComponent]


@MAINNET
def test_destroy_leaves_what_is_protected(stack: Stack) -> None:
    """What the Automation API does: everything unprotected goes, then the run fails on the rest."""
    with pytest.raises(EngineError, match="protect"):
        stack.network.run("destroy")
    namespace = stack.api.get("v1", "Namespace", "", stack.namespace)
    assert namespace is not None
    assert "deletionTimestamp" not in namespace["metadata"]
    if stack.network.settings.stack.production:
        assert stack.get("v1", "PersistentVolumeClaim", "minio-pvc")["status"]["phase"] == "Bound"
        assert stack.get("apps/v1", "StatefulSet", "minio")["status"]["readyReplicas"] == 1
    else:
        assert stack.api.get("v1", "PersistentVolumeClaim", stack.namespace, "minio-pvc") is None


def test_pod_security_lets_every_pod_in_and_refuses_a_planted_one(
    cluster: Cluster, make_stack: Callable[..., Stack]
) -> None:
    """A network on an empty cluster has every feature gate: the namespace enforces "restricted" from the start."""

    def every_step(config: dict[str, Any]) -> None:
        config["featureGates"] = [gate.value for gate in FeatureGate]

    stack = make_stack("devnet", every_step)
    stack.run()
    labels = cluster.api.get("v1", "Namespace", "", stack.namespace)
    assert labels is not None
    assert labels["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for controller in _controllers(stack):
        assert controller["status"].get("readyReplicas") == controller["spec"]["replicas"]
    privileged = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "planted", "namespace": stack.namespace},
        "spec": {"containers": [{"name": "planted", "image": "x", "securityContext": {"privileged": True}}]},
    }
    with pytest.raises(ApiError, match="violates PodSecurity"):
        cluster.api.create(privileged)
