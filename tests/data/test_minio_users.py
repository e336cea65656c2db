"""The provisioning Job as the Plan mounts it, on a real MinIO: the smallest rights that work, and keys that rotate."""

import contextlib
import json
import os
import re
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from botocore.exceptions import ClientError

from catalogue.feature_gates import FeatureGate
from common.plan import Plan
from common.pods import pods
from components.minio_storage.policies import metrics_token
from devcluster.binaries import find
from gx.plan.record import record
from tests.data.servers import BUCKET, ROOT_PASSWORD, ROOT_USER, STATUS, Minio
from tests.helpers.stack import copy_project, edit

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

SECRETS = {name: f"secret-of-{name}-0123456789" for name in ("svc-messaging", "backup", "restore", "metrics")}


class Provision:
    """The provisioning Job of a Plan: its files in a folder, its command, its variables."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        pod = next(pod for pod in pods(plan) if pod.owner.object_name.startswith("minio-provision-"))
        config = next(c for c in plan.of_kind("ConfigMap") if c.object_name == pod.owner.object_name)
        folder.mkdir()
        for file, text in config.inputs["data"].items():
            moved = text.replace("/tmp/", "SCRATCH/").replace("/scripts/", f"{folder}/")  # noqa: S108 the pod's own
            (folder / file).write_text(moved.replace("SCRATCH/", f"{folder}/scratch-"))
        container = pod.containers[0]
        self.command = [part.replace("/scripts/", f"{folder}/") for part in container["command"]]
        self.env = {e["name"]: e.get("value", "") for e in container["env"] if "valueFrom" not in e}

    def run(self, server: Minio, secrets: dict[str, str], **extra: str) -> tuple[int, str]:
        """Run it; return exit code and output, which never shows a secret."""
        keys = {f"{purpose.upper().replace('-', '_')}_SECRET_KEY": key for purpose, key in secrets.items()}
        environment = {
            **self.env,
            **keys,
            "PATH": f"{find('mc').parent}:{os.environ['PATH']}",
            "HOME": str(server.folder),
            "S3_ENDPOINT": server.url,
            "MINIO_ROOT_USER": ROOT_USER,
            "MINIO_ROOT_PASSWORD": ROOT_PASSWORD,
            **extra,
        }
        done = subprocess.run(self.command, env=environment, capture_output=True, text=True, check=False, timeout=60)
        output = done.stdout + done.stderr
        assert not any(key in output for key in (*secrets.values(), ROOT_PASSWORD))
        return done.returncode, output


@pytest.fixture(scope="module")
def epochs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Plan]:
    """Return devnet's Plan before, during and after the rotation of svc-messaging's key."""
    root = copy_project(tmp_path_factory.mktemp("rotation"))
    edit(
        root,
        "devnet",
        lambda config: config.update(
            featureGates=[FeatureGate.MESSAGING_S3_USER.value, FeatureGate.BUCKET_EXPIRY.value]
        ),
    )
    plans = {"before": record("devnet", root=root)}
    edit(root, "devnet", lambda config: config.update(secretEpochs={"minioMessagingUser": 2}))
    plans["both"] = record("devnet", root=root)
    edit(root, "devnet", lambda config: config.update(retiredEpochs={"minioMessagingUser": 1}))
    plans["retired"] = record("devnet", root=root)
    return plans


@pytest.fixture
def provision(epochs: dict[str, Plan], tmp_path: Path) -> Callable[[str], Provision]:
    """Return a function that gives the Job of one stage."""
    return lambda stage: Provision(epochs[stage], tmp_path / stage)


@pytest.fixture
def provisioned(own_minio: Minio, provision: Callable[[str], Provision]) -> Minio:
    """Return a server on which the Job has run twice."""
    job = provision("before")
    for _ in range(2):
        code, output = job.run(own_minio, SECRETS)
        assert code == 0, output
    return own_minio


def test_running_it_again_changes_nothing(provisioned: Minio, provision: Callable[[str], Provision]) -> None:
    bucket = f"gx/{BUCKET}"
    asked = [
        ["admin", "user", "ls", "gx"],
        ["admin", "policy", "ls", "gx"],
        ["ilm", "export", bucket],
        ["version", "info", bucket],
    ]

    def state() -> list[str]:
        answers = [provisioned.mc(*question, "--json").stdout for question in asked]
        return [re.sub(r'"updatedAt":"[^"]*"', "", "\n".join(sorted(answer.splitlines()))) for answer in answers]

    before = state()
    assert '"svc-messaging-1"' in before[0]
    assert '"Enabled"' in before[3]
    job = provision("both")
    job.env["USERS"] = job.env["USERS"].replace("svc-messaging:2", "svc-messaging:1")
    assert job.run(provisioned, SECRETS)[0] == 0
    assert state() == before


def refused(action: Callable[[], object]) -> bool:
    try:
        action()
    except ClientError as error:
        return error.response["Error"]["Code"] in {"AccessDenied", "403"}  # type: ignore[typeddict-item]
    return False


def forbidden(client: "S3Client", version: str) -> dict[str, Callable[[], object]]:
    """Return what no user but root may do."""
    suspended: dict[str, Any] = {"Status": "Suspended"}
    return {
        "read another bucket": lambda: client.get_object(Bucket="other", Key="k"),
        "list another bucket": lambda: client.list_objects_v2(Bucket="other"),
        "write another bucket": lambda: client.put_object(Bucket="other", Key="k", Body=b""),
        "delete the bucket": lambda: client.delete_bucket(Bucket=BUCKET),
        "make a bucket of any name": lambda: client.create_bucket(Bucket="mine"),
        "delete a version": lambda: client.delete_object(Bucket=BUCKET, Key="files/a", VersionId=version),
        "drop the lifecycle": lambda: client.delete_bucket_lifecycle(Bucket=BUCKET),
        "end versioning": lambda: client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration=suspended),  # type: ignore[arg-type]
    }


def test_each_user_may_do_its_work_and_nothing_else(provisioned: Minio) -> None:
    root = provisioned.client()
    root.create_bucket(Bucket="other")
    root.put_object(Bucket="other", Key="k", Body=b"x")
    root.put_object(Bucket=BUCKET, Key="files/a", Body=b"x")
    service, backup, restore, metrics = (
        provisioned.client(f"{purpose}-1", SECRETS[purpose])
        for purpose in ("svc-messaging", "backup", "restore", "metrics")
    )
    service.put_object(Bucket=BUCKET, Key="files/b", Body=b"y")
    assert service.get_object(Bucket=BUCKET, Key="files/b")["Body"].read() == b"y"
    upload = service.create_multipart_upload(Bucket=BUCKET, Key="files/c")["UploadId"]
    service.list_multipart_uploads(Bucket=BUCKET)
    service.abort_multipart_upload(Bucket=BUCKET, Key="files/c", UploadId=upload)
    service.delete_object(Bucket=BUCKET, Key="files/b")
    assert backup.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 1
    backup.get_object(Bucket=BUCKET, Key="files/a")
    backup.put_object(Bucket=STATUS, Key="backup.json", Body=b"{}")
    metrics.get_object(Bucket=STATUS, Key="backup.json")
    restore.create_bucket(Bucket=f"{BUCKET}-restored")
    restore.put_object(Bucket=f"{BUCKET}-restored", Key="k", Body=b"x")
    restore.put_object(Bucket=BUCKET, Key="files/restored", Body=b"x")
    everyone = {"service": service, "backup": backup, "restore": restore, "metrics": metrics}
    version = root.list_object_versions(Bucket=BUCKET, Prefix="files/a")["Versions"][0].get("VersionId", "")
    for name, client in everyone.items():
        for what, action in forbidden(client, version).items():
            assert refused(action), f"{name}: {what}"
    for client in (backup, restore, metrics):
        assert refused(partial(client.delete_object, Bucket=BUCKET, Key="files/a"))
    for client in (backup, metrics):
        assert refused(partial(client.put_object, Bucket=BUCKET, Key="files/a", Body=b""))
    assert refused(lambda: metrics.get_object(Bucket=BUCKET, Key="files/a"))
    assert refused(lambda: metrics.put_object(Bucket=STATUS, Key="backup.json", Body=b""))
    assert refused(lambda: service.get_object(Bucket=STATUS, Key="backup.json"))
    assert refused(lambda: backup.put_object(Bucket=STATUS, Key="other.txt", Body=b""))
    for purpose, secret in SECRETS.items():
        environment = {**os.environ, "MC_HOST_me": f"http://{purpose}-1:{secret}@127.0.0.1:{provisioned.port}"}
        command = [str(find("mc")), "admin", "user", "ls", "me"]
        asked = subprocess.run(command, env=environment, capture_output=True, check=False)
        assert asked.returncode != 0, f"{purpose} may not administer"


def test_metrics_are_read_with_the_token_and_not_without(tmp_path: Path, provision: Callable[[str], Provision]) -> None:
    server = Minio(tmp_path / "minio", MINIO_PROMETHEUS_AUTH_TYPE="jwt").start()
    try:
        assert provision("before").run(server, SECRETS)[0] == 0
        url = f"{server.url}/minio/v2/metrics/cluster"
        token = metrics_token("metrics-1", SECRETS["metrics"])
        answer = httpx.get(url, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 200
        assert "minio_cluster_capacity_usable_free_bytes" in answer.text
        for wrong in (metrics_token("metrics-1", "guess" * 8), metrics_token("backup-1", SECRETS["backup"])):
            assert httpx.get(url, headers={"Authorization": f"Bearer {wrong}"}).status_code == 403
        assert httpx.get(url).status_code == 403
    finally:
        server.kill()


def test_unfinished_uploads_are_removed(tmp_path: Path) -> None:
    times = {"MINIO_API_STALE_UPLOADS_EXPIRY": "1s", "MINIO_API_STALE_UPLOADS_CLEANUP_INTERVAL": "1s"}
    server = Minio(tmp_path / "minio", **times).start()
    try:
        client = server.client()
        client.create_bucket(Bucket=BUCKET)
        upload = client.create_multipart_upload(Bucket=BUCKET, Key="k")["UploadId"]
        client.upload_part(Bucket=BUCKET, Key="k", UploadId=upload, PartNumber=1, Body=b"x" * 100)
        until = time.monotonic() + 30
        with contextlib.suppress(client.exceptions.ClientError):
            while True:
                client.list_parts(Bucket=BUCKET, Key="k", UploadId=upload)
                assert time.monotonic() < until
                time.sleep(0.3)
    finally:
        server.kill()


def test_the_server_is_told_when_unfinished_uploads_go(plan: Plan) -> None:
    server = next(pod for pod in pods(plan) if pod.owner.object_name == "minio")
    env = {e["name"]: e.get("value") for e in server.containers[0]["env"]}
    assert env["MINIO_API_STALE_UPLOADS_EXPIRY"] == "24h"


@pytest.mark.parametrize(
    ("extra", "line"),
    [
        ({"MINIO_ROOT_PASSWORD": "wrong-password"}, "did not answer or refused the root keys"),
        ({"LIFECYCLE_RULES": "old-versions never-made"}, "the lifecycle rule never-made is missing"),
    ],
)
def test_what_was_not_set_is_a_failure(
    own_minio: Minio, provision: Callable[[str], Provision], extra: dict[str, str], line: str
) -> None:
    job = provision("before")
    script = Path(job.command[-1])
    script.write_text(script.read_text().replace("-lt 30", "-lt 2").replace("sleep 5", "sleep 0"))
    code, output = job.run(own_minio, SECRETS, **extra)
    assert code == 1
    assert line in output


class Traffic:
    """Pods of svc-messaging: each writes and reads all the time with the pair that it was started with."""

    def __init__(self, server: Minio) -> None:
        self._server = server
        self._over = threading.Event()
        self._pods: list[threading.Thread] = []
        self.failed: list[str] = []
        self.requests: Counter[str] = Counter()

    def start_pod(self, access_key: str, secret_key: str) -> Callable[[], None]:
        """Start a pod; return what ends it once its last request is answered."""
        stop = threading.Event()
        client = self._server.client(access_key, secret_key)

        def serve() -> None:
            number = 0
            while not (stop.is_set() or self._over.is_set()):
                number += 1
                key = f"files/{access_key}/{number}"
                try:
                    client.put_object(Bucket=BUCKET, Key=key, Body=b"voice")
                    client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
                    self.requests[access_key] += 2
                except ClientError as error:
                    self.failed.append(f"{access_key}: {error}")

        pod = threading.Thread(target=serve)
        self._pods.append(pod)
        pod.start()

        def end() -> None:
            stop.set()
            pod.join()

        return end

    def go_on(self, access_key: str) -> None:
        """Wait until pods with a key have had fifty more answers."""
        wanted, until = self.requests[access_key] + 50, time.monotonic() + 60
        while self.requests[access_key] < wanted:
            assert time.monotonic() < until, self.failed[:3]
            time.sleep(0.02)

    def end(self) -> None:
        """End every pod."""
        self._over.set()
        for pod in self._pods:
            pod.join()


@pytest.fixture
def traffic(provisioned: Minio) -> Iterator[Traffic]:
    """Return traffic that ends with the test."""
    running = Traffic(provisioned)
    yield running
    running.end()


def test_a_key_is_rotated_without_a_failed_request(
    provisioned: Minio, provision: Callable[[str], Provision], traffic: Traffic
) -> None:
    """Two keys, roll, retire: as three runs of `pulumi up` do it, with two pods working all the time."""
    fresh = {**SECRETS, "svc-messaging": "the-second-secret-0123456789"}
    old_pods = [traffic.start_pod("svc-messaging-1", SECRETS["svc-messaging"]) for _ in range(2)]
    traffic.go_on("svc-messaging-1")
    assert provision("both").run(provisioned, fresh)[0] == 0
    traffic.go_on("svc-messaging-1")
    for end_old in old_pods:  # a rolling update: a new pod before each old one goes
        traffic.start_pod("svc-messaging-2", fresh["svc-messaging"])
        traffic.go_on("svc-messaging-2")
        end_old()
    code, output = provision("retired").run(provisioned, fresh)
    assert code == 0, output
    assert "retired: svc-messaging-1" in output
    traffic.go_on("svc-messaging-2")
    traffic.end()
    assert traffic.failed == []
    with pytest.raises(ClientError, match="InvalidAccessKeyId"):
        provisioned.client("svc-messaging-1", SECRETS["svc-messaging"]).list_objects_v2(Bucket=BUCKET)


def test_retiring_before_the_roll_would_be_seen(
    provisioned: Minio, provision: Callable[[str], Provision], traffic: Traffic
) -> None:
    """The test above can fail: the same traffic breaks when the old user goes too early."""
    traffic.start_pod("svc-messaging-1", SECRETS["svc-messaging"])
    traffic.go_on("svc-messaging-1")
    provision("retired").run(provisioned, SECRETS)
    until = time.monotonic() + 30
    while not traffic.failed and time.monotonic() < until:
        time.sleep(0.02)
    traffic.end()
    assert traffic.failed


def test_pods_change_only_after_the_user_exists(epochs: dict[str, Plan]) -> None:
    """Secret for the Job, Job, Secret for the pods, pods: in this order, on every network and in every stage."""
    for plan in epochs.values():
        job = next(r for r in plan.of_kind("Job") if r.object_name.startswith("minio-provision-"))
        secrets = {r.object_name: r for r in plan.of_kind("Secret")}
        service = next(r for r in plan.of_kind("Deployment") if r.object_name == "svc-messaging")
        assert secrets["minio-users"].urn in job.options.depends_on
        assert job.urn in secrets["minio-svc-messaging"].options.depends_on
        assert secrets["minio-svc-messaging"].urn in service.options.depends_on


def test_policies_name_no_wildcard_action(plan: Plan) -> None:
    config = next(c for c in plan.of_kind("ConfigMap") if c.object_name.startswith("minio-provision-"))
    for purpose in SECRETS:
        for statement in json.loads(config.inputs["data"][f"{purpose}.json"])["Statement"]:
            assert not any("*" in action for action in statement["Action"])
            if statement["Effect"] == "Allow":
                assert all(not arn.endswith((":::*", ":::*/*")) for arn in statement.get("Resource", []))
