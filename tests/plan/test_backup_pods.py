"""The backup's pods: their image has what the code imports, and each may do no more than it must."""

import ast
import sys
from pathlib import Path
from typing import Any

import pytest

from backup.config import Limits, RunEnvironment, ShrinkRule
from common.plan import Plan
from common.pods import Pod, pods
from gx.backups.restore import restore_job
from gx.plan.record import record
from rules.backup import check_backup
from settings.offline import offline_settings
from settings.project import ROOT
from tests.helpers.stack import copy_project, edit

IN_THE_IMAGE = {"boto3", "botocore", "urllib3", "prometheus_client", "pyrage", "backup"}
RUNS = {"minio-backup": "take", "minio-restore-drill": "drill", "backup-metrics": "metrics"}


def pod_of(plan: Plan, name: str) -> Pod:
    return next(pod for pod in pods(plan) if pod.owner.object_name == name)


def test_the_code_imports_only_what_the_image_has() -> None:
    for path in (ROOT / "backup").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            for name in names:
                top = name.split(".")[0]
                assert top in sys.stdlib_module_names | IN_THE_IMAGE | {"types_boto3_s3"}, f"{path.name}: {name}"


def test_the_image_has_the_libraries_of_the_lock() -> None:
    wanted = (ROOT / "images/backup/requirements.txt").read_text()
    project = (ROOT / "pyproject.toml").read_text()
    for library in ("boto3", "prometheus-client", "pyrage"):
        version = project.split(f'"{library}==')[1].split('"')[0]
        assert f"{library}=={version} " in wanted


def test_the_image_takes_its_programs_from_the_released_object_store(plan: Plan) -> None:
    dockerfile = (ROOT / "images/backup/Dockerfile").read_text()
    image = next(p for p in pods(plan) if p.owner.object_name == "minio").containers[0]["image"]
    assert image.rsplit("/", 1)[1] in dockerfile


@pytest.mark.parametrize(("name", "module"), RUNS.items())
def test_each_pod_runs_a_module_of_its_image(plan: Plan, name: str, module: str) -> None:
    pod = pod_of(plan, name)
    assert pod.containers[0]["command"] == ["python3", "-m", f"backup.{module}"]
    assert (ROOT / "backup" / f"{module}.py").exists()
    assert pod.containers[0]["image"].rpartition("/")[2] == "gx-backup:2.0.0"
    assert "-t REGISTRY/gx-backup:2.0.0 -f" in (ROOT / "images/backup/Dockerfile").read_text()
    assert "code" not in {volume["name"] for volume in pod.spec["volumes"]}
    assert "minio-backup-scripts" not in {c.object_name for c in plan.of_kind("ConfigMap")}


def test_only_the_backup_may_write_to_the_volume(plan: Plan) -> None:
    mounts = {
        pod.owner.object_name: bool(mount.get("readOnly"))
        for pod in pods(plan)
        for container in pod.containers
        for mount in container.get("volumeMounts", [])
        if mount["name"] == "backups"
    }
    assert mounts == {"minio-backup": False, "minio-restore-drill": True}


def test_the_runs_understand_what_their_pods_say(plan: Plan) -> None:
    env = {e["name"]: e.get("value", "") for e in pod_of(plan, "minio-backup").containers[0]["env"]}
    environment = RunEnvironment(env)
    limits = Limits.read(environment)
    assert (limits.seconds, limits.free_bytes) == (58 * 60, 10 << 30)
    assert ShrinkRule.read(environment).percent == 30
    job = next(j for j in plan.of_kind("CronJob") if j.object_name == "minio-backup")
    assert job.spec["jobTemplate"]["spec"]["activeDeadlineSeconds"] > limits.seconds, "the run ends itself first"


@pytest.fixture(scope="module")
def with_offsite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project in which mainnet has an off-site bucket."""
    root = copy_project(tmp_path_factory.mktemp("offsite"))
    target = {"endpoint": "https://s3.example.com:8443", "bucket": "copies", "prefix": "t/", "schedule": "0 1 * * *"}
    edit(root, "mainnet", lambda config: config["backup"].update(offsite=target))
    return root


def test_an_off_site_copy_without_keys_registers_nothing(with_offsite: Path) -> None:
    with pytest.raises(Exception, match="offsiteAccessKeyId: is not set"):
        record("mainnet", root=with_offsite)


def test_an_off_site_copy_reaches_its_port_and_nothing_else_does(with_offsite: Path) -> None:
    secret = {"secure": "v1:not-decrypted-here"}
    edit(with_offsite, "mainnet", lambda c: c.update(offsiteAccessKeyId=secret, offsiteSecretAccessKey=secret))
    plan = record("mainnet", root=with_offsite)
    pod = pod_of(plan, "minio-offsite")
    env = {e["name"]: e for e in pod.containers[0]["env"]}
    assert env["OFFSITE_S3_ENDPOINT"]["value"] == "https://s3.example.com:8443"
    assert env["OFFSITE_AWS_SECRET_ACCESS_KEY"]["valueFrom"]["secretKeyRef"]["name"] == "minio-offsite"
    policy = next(p for p in plan.of_kind("NetworkPolicy") if p.object_name == "gx-minio-offsite")
    assert policy.spec["podSelector"]["matchLabels"] == {"app": "minio-offsite"}
    assert policy.spec["egress"][0]["ports"] == [{"port": 8443, "protocol": "TCP"}]
    mount = next(m for m in pod.containers[0]["volumeMounts"] if m["name"] == "backups")
    assert mount["readOnly"] is True
    warned = [f.text for f in check_backup(plan)]
    assert warned == [
        "the copies outside the cluster are not encrypted; set gx-infra:offsiteAgeIdentity to a key of age"
    ]


def test_an_identity_encrypts_what_leaves_the_cluster(with_offsite: Path) -> None:
    secret = {"secure": "v1:not-decrypted-here"}
    keys = ("offsiteAccessKeyId", "offsiteSecretAccessKey", "offsiteAgeIdentity")
    edit(with_offsite, "mainnet", lambda c: c.update(dict.fromkeys(keys, secret)))
    plan = record("mainnet", root=with_offsite)
    env = {e["name"]: e for e in pod_of(plan, "minio-offsite").containers[0]["env"]}
    reference = env["OFFSITE_AGE_IDENTITY"]["valueFrom"]["secretKeyRef"]
    assert reference == {"name": "minio-offsite", "key": "AGE_IDENTITY"}
    assert list(check_backup(plan)) == []


@pytest.mark.parametrize(("edition", "module"), [("gx.snapshots.backup", "gx.snapshots"), ("backup.take", "backup")])
def test_a_restore_runs_the_package_that_is_live_with_the_identity_that_may_be_there(
    with_offsite: Path, edition: str, module: str
) -> None:
    settings = offline_settings("mainnet", with_offsite, adopting=False)
    container: dict[str, Any] = {"command": ["python3", "-m", edition]}
    pod = {"template": {"metadata": {}, "spec": {"containers": [container]}}}
    metadata = {"name": "minio-backup", "uid": "x"}
    live: dict[str, Any] = {"kind": "CronJob", "metadata": metadata, "spec": {"jobTemplate": {"spec": pod}}}
    job = restore_job(settings, live, "newest", "b", execute=False, over=False, offsite=True)
    made = job["spec"]["template"]["spec"]["containers"][0]
    assert made["command"][:3] == ["python3", "-m", f"{module}.restore"]
    identity = next(e for e in made["env"] if e["name"] == "OFFSITE_AGE_IDENTITY")
    assert identity["valueFrom"]["secretKeyRef"] == {"name": "minio-offsite", "key": "AGE_IDENTITY", "optional": True}
