"""Commands about data on a real API server: Jobs that are made from what the network has, and keys that retire."""

import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from catalogue.feature_gates import FeatureGate
from catalogue.secrets import MESSAGING_USER
from common.errors import InputError
from gx.backups.locations import secret_pair
from gx.rotation.rotate import check_rolled
from settings.offline import offline_settings
from settings.settings import Settings
from tests.engine.conftest import Stack

Gx = Callable[..., subprocess.CompletedProcess[str]]
CONTEXT = ("--context", "gx-local")


@pytest.fixture(scope="module")
def stack(make_stack: Callable[..., Stack]) -> Stack:
    """Return devnet, applied, with svc-messaging on its own S3 user."""

    def change(config: dict[str, Any]) -> None:
        config["featureGates"] = [FeatureGate.MESSAGING_S3_USER.value]

    stack = make_stack("devnet", change)
    stack.run()
    return stack


@pytest.fixture
def gx_there(stack: Stack, gx: Gx, monkeypatch: pytest.MonkeyPatch) -> Gx:
    """Return the command `gx` in the project of the stack, with its cluster's kubeconfig."""
    monkeypatch.setenv("KUBECONFIG", str(stack.cluster.folder.kubeconfig))
    return lambda *arguments: gx(*arguments, cwd=stack.root)


def settings(stack: Stack) -> Settings:
    return offline_settings("devnet", stack.root, adopting=False)


def newest_job(stack: Stack, prefix: str) -> dict[str, Any]:
    jobs = [
        j
        for j in stack.api.list_objects("batch/v1", "Job", stack.namespace)
        if j["metadata"]["name"].startswith(prefix)
    ]
    return max(jobs, key=lambda job: job["metadata"]["creationTimestamp"])


def test_a_restore_is_a_job_with_the_pods_of_the_backup(stack: Stack, gx_there: Gx) -> None:
    into = "gx-voice-messages-restored"
    shown = gx_there("restore", "devnet", "20251225T060000Z", "--into", into, *CONTEXT, "--execute")
    assert shown.returncode == 0, shown.stderr
    assert "the log of minio-restore-" in shown.stdout, "simulated pods write none; it says so"
    job = newest_job(stack, "minio-restore-2")
    pod = job["spec"]["template"]["spec"]
    backup = stack.get("batch/v1", "CronJob", "minio-backup")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    container, original = pod["containers"][0], backup["containers"][0]
    command = ["python3", "-m", "backup.restore", "20251225T060000Z", "--into", into, "--execute"]
    assert container["command"] == command
    assert container["image"] == original["image"]
    assert pod["nodeSelector"] == backup["nodeSelector"]
    assert pod["volumes"] == backup["volumes"]
    env = {variable["name"]: variable for variable in container["env"]}
    assert env["AWS_ACCESS_KEY_ID"]["valueFrom"]["secretKeyRef"]["name"] == "minio-restore"
    assert env["S3_ENDPOINT"]["value"] == "http://minio.backend-devnet.svc.cluster.local:9000"
    assert job["spec"]["template"]["metadata"]["labels"]["app"] == "minio-backup", "policies let it reach MinIO"
    assert job["spec"]["backoffLimit"] == 0


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["newest", "--into", "gx-backup-status"], "is a bucket that the restore user may not write"),
        (["newest", "--into", "gx-voice-messages-"], "is a bucket that the restore user may not write"),
        (["2025-12-25", "--into", "gx-voice-messages"], "is no snapshot's name"),
        (["newest", "--into", "gx-voice-messages", "--offsite"], "this network has no off-site copy"),
    ],
)
def test_a_restore_that_cannot_be_meant(gx_there: Gx, arguments: list[str], line: str) -> None:
    shown = gx_there("restore", "devnet", *arguments, *CONTEXT)
    assert shown.returncode == 2
    assert line in shown.stderr
    assert shown.stderr.count("\n") == 1


def test_a_restore_without_a_network(gx_there: Gx) -> None:
    shown = gx_there("restore", "testnet", "newest", "--into", "gx-voice-messages", *CONTEXT)
    assert shown.returncode == 2
    assert "CronJob backend-testnet/minio-backup: is not there" in shown.stderr


def test_keys_come_from_the_networks_own_secret(stack: Stack) -> None:
    access_key, secret_key = secret_pair(stack.api, stack.namespace, "minio-backup-reader")
    assert access_key == "backup-1"
    assert len(secret_key) == 40
    with pytest.raises(InputError, match="is not there"):
        secret_pair(stack.api, stack.namespace, "minio-offsite")


def test_a_key_retires_only_after_every_pod_has_the_new_one(stack: Stack, gx_there: Gx) -> None:
    assert gx_there("rotate", "devnet", "minioMessagingUser").returncode == 0
    early = gx_there("rotate", "devnet", "minioMessagingUser", "--retire", *CONTEXT)
    assert early.returncode == 2
    assert "Secret minio-svc-messaging: still holds svc-messaging-1" in early.stderr
    stack.run()
    deployment = stack.get("apps/v1", "Deployment", "svc-messaging")
    pod = next(stack.api.list_objects("v1", "Pod", stack.namespace, labels="app=svc-messaging"))
    metadata = {
        "name": "left-over",
        "namespace": stack.namespace,
        "labels": deployment["spec"]["selector"]["matchLabels"],
        "annotations": {"gxcoin.money/config-checksum": "of-the-old-key"},
    }
    spec = {key: value for key, value in pod["spec"].items() if key != "nodeName"}
    stack.api.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    try:
        with pytest.raises(InputError, match=r"Pod left-over: was started with the old value"):
            check_rolled(stack.api, settings(stack), MESSAGING_USER)
    finally:
        stack.api.delete("v1", "Pod", stack.namespace, "left-over", propagation="Background")
    done = gx_there("rotate", "devnet", "minioMessagingUser", "--retire", *CONTEXT)
    assert done.returncode == 0, done.stderr
    assert settings(stack).stack.retired_epochs == {"minioMessagingUser": 1}
    stack.run()
    job = newest_job(stack, "minio-provision-")
    env = {v["name"]: v.get("value") for v in job["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert env["RETIRED"] == "svc-messaging-1"
    again = gx_there("rotate", "devnet", "minioMessagingUser", "--retire", *CONTEXT)
    assert "there is no older value than epoch 2" in again.stderr


def test_test_users_are_removed_by_one_command(stack: Stack, gx_there: Gx) -> None:
    wanted = gx_there("remove-test-users", "devnet", *CONTEXT)
    assert wanted.returncode == 2
    assert "gx-infra:testUsers = true: the next `pulumi up` would add them again" in wanted.stderr
    stack.edit(lambda config: config.update(testUsers=False))
    shown = gx_there("remove-test-users", "devnet", *CONTEXT)
    assert shown.returncode == 0, shown.stderr
    job = newest_job(stack, "database-test-users-removal-")
    container = job["spec"]["template"]["spec"]["containers"][0]
    assert container["command"][-1] == "/scripts/remove-test-users.sql"
    assert {"name": "GX_NETWORK", "value": "devnet"} in container["env"]
    refused = gx_there("remove-test-users", "mainnet", *CONTEXT)
    assert refused.returncode == 2
    assert "the program adds no test user there" in refused.stderr
