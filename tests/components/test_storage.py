"""Object store and backup by themselves."""

import base64
import json
from typing import Any, cast

from common.labels import MANAGED_BY
from components.backup_job import BackupJob, BackupJobArgs
from components.minio_storage import MinioStorage, MinioStorageArgs
from tests.components.alone import build, only
from tests.components.small import BACKUP, STORAGE, container_of, env_of


def smallest_storage() -> None:
    MinioStorage("storage", STORAGE)


def fullest_storage() -> None:
    args: MinioStorageArgs = {
        **STORAGE,
        "stateful_set": True,
        "run_as_root": True,
        "metrics_token": True,
        "browser": True,
        "named_target_ports": True,
        "expiry_days": {"tmp/": 1},
        "root_credentials": {"access_key": "live", "secret_key": "live-secret"},
        "users": [
            {
                "purpose": "metrics",
                "secret": "metrics",
                "statements": [{"actions": ["admin:Prometheus"]}, {"actions": ["s3:GetObject"], "resources": ["a/*"]}],
                "epoch_name": "metrics",
                "epoch": 3,
                "retired": 2,
                "metrics": True,
            }
        ],
    }
    MinioStorage("storage", args)


def test_the_smallest_store_is_closed() -> None:
    made = build(smallest_storage)
    server = only(made, "Deployment")
    assert env_of(container_of(server))["MINIO_BROWSER"] == "off"
    assert container_of(server)["securityContext"]["readOnlyRootFilesystem"]
    assert server.inputs["spec"]["strategy"] == {"type": "Recreate"}
    assert MANAGED_BY not in server.inputs["metadata"]["labels"], "whose it is, is the caller's to say"
    assert {one.name for one in made if one.kind == "Secret"} == {"minio-credentials", "minio-users", "app"}


def test_the_fullest_store_does_as_it_is_told() -> None:
    made = build(fullest_storage)
    server = only(made, "StatefulSet")
    assert env_of(container_of(server))["MINIO_PROMETHEUS_AUTH_TYPE"] == "jwt"
    assert "securityContext" not in container_of(server)
    assert not [one for one in made if one.name.startswith("minioRoot")], "a live pair is not generated"
    (job,) = (one for one in made if one.kind == "Job")
    assert env_of(container_of(job))["USERS"] == "metrics:3:METRICS_SECRET_KEY"
    assert env_of(container_of(job))["RETIRED"] == "metrics-1 metrics-2"
    (files,) = (one.inputs["data"] for one in made if one.kind == "ConfigMap")
    statements = json.loads(files["metrics.json"])["Statement"]
    assert statements[1] == {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::a/*"]}
    assert [rule["ID"] for rule in json.loads(files["lifecycle.json"])["Rules"]] == ["old-versions", "expire-tmp"]
    token = only(made, "Secret", "metrics").inputs["stringData"]
    claims = json.loads(base64.urlsafe_b64decode(_plain(token)["token"].split(".")[1] + "=="))
    assert claims["sub"] == "metrics-3"


def _plain(value: Any) -> Any:
    """Return a value without the wrapper of a secret."""
    wrapped = isinstance(value, dict) and "4dabf18193072939515e22adb298388d" in value
    return cast("dict[str, Any]", value)["value"] if wrapped else cast("Any", value)


def smallest_backup() -> None:
    BackupJob("backup", BACKUP)


def fullest_backup() -> None:
    args: BackupJobArgs = {
        **BACKUP,
        "accepted_shrink": "20260101T000000Z",
        "expiry_days": {"tmp/": 1},
        "offsite": {
            "endpoint": "https://s3.example.com",
            "region": "eu",
            "bucket": "far",
            "prefix": "a/",
            "schedule": "0 8 * * *",
            "credentials": {"access_key": "id", "secret_key": "far-secret"},
            "age_identity": "AGE-SECRET-KEY-1",
        },
    }
    BackupJob("backup", args)


def test_the_smallest_backup_has_a_drill_and_no_copy_elsewhere() -> None:
    made = build(smallest_backup)
    assert {one.name for one in made if one.kind == "CronJob"} == {"minio-backup", "minio-restore-drill"}
    assert only(made, "PersistentVolumeClaim").inputs["spec"]["resources"]["requests"] == {"storage": "5Gi"}


def test_the_fullest_backup_copies_elsewhere_and_shows_no_key() -> None:
    made = build(fullest_backup)
    job = only(made, "CronJob", "minio-offsite").inputs["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    env = env_of(job["containers"][0])
    assert env["OFFSITE_PREFIX"] == "a/"
    assert env["OFFSITE_AGE_IDENTITY"] == {"secretKeyRef": {"name": "minio-offsite", "key": "AGE_IDENTITY"}}
    assert "4dabf18193072939515e22adb298388d" in only(made, "Secret", "minio-offsite").inputs["stringData"]
    assert "far-secret" not in json.dumps([one.inputs for one in made if one.kind != "Secret"])
