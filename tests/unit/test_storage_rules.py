"""Rules between the settings of storage and backup: each mistake gets one line."""

from dataclasses import replace
from pathlib import Path
from unittest.mock import sentinel

import pytest
import yaml

from common.errors import InputError
from settings.offline import offline_settings
from settings.project import ROOT
from settings.storage_rules import check_key_pairs
from tests.helpers.stack import Change, edit, put

BACKUP = yaml.safe_load((ROOT / "Pulumi.mainnet.yaml").read_text())["config"]["gx-infra:backup"]
OFFSITE = {"endpoint": "https://s3.example.com", "bucket": "gx-copies", "prefix": "mainnet/", "schedule": "30 1 * * *"}
MISTAKES: list[tuple[str, str, Change, list[str]]] = [
    (
        "backups overlap",
        "mainnet",
        put("backup/schedule", "*/30 * * * *"),
        ["backup.schedule = '*/30 * * * *'", "every 30 min, one may take 60 min"],
    ),
    (
        "backups overlap once a day",
        "mainnet",
        put("backup/schedule", "0,45 3 * * *"),
        ["backup.schedule", "every 45 min"],
    ),
    (
        "drills overlap",
        "mainnet",
        put("backup/drillSchedule", "*/5 * * * *"),
        ["backup.drillSchedule", "would still run when the next is due"],
    ),
    (
        "one snapshot only",
        "mainnet",
        put("backup", {**BACKUP, "schedule": "0 0 * * 0", "retentionDays": 6}),
        ["backup.retentionDays = 6", "only one snapshot would ever exist"],
    ),
    ("no retention", "mainnet", put("backup/retentionDays", 0), ["backup.retentionDays = 0"]),
    ("no time at all", "mainnet", put("backup/deadlineMinutes", 1), ["backup.deadlineMinutes = 1"]),
    ("whole loss allowed", "mainnet", put("backup/maxShrinkPercent", 100), ["backup.maxShrinkPercent = 100"]),
    ("no snapshot's name", "mainnet", put("backup/acceptedShrink", "yes"), ["backup.acceptedShrink = 'yes'"]),
    (
        "off-site without TLS",
        "mainnet",
        put("backup/offsite", {**OFFSITE, "endpoint": "http://s3.example.com"}),
        ["backup.offsite.endpoint = 'http://s3.example.com'", "has no TLS"],
    ),
    (
        "off-site with a path",
        "mainnet",
        put("backup/offsite", {**OFFSITE, "endpoint": "https://s3.example.com/bucket"}),
        ["backup.offsite.endpoint", "more or less than https://host"],
    ),
    (
        "off-site in the cluster",
        "mainnet",
        put(
            "backup/offsite",
            {
                **OFFSITE,
                "endpoint": "https://minio.backend-mainnet.svc.cluster.local:9000",
                "bucket": "gx-voice-messages",
            },
        ),
        ["backup.offsite.endpoint", "lies in the cluster", "lost together"],
    ),
    (
        "off-site at an own host",
        "mainnet",
        put("backup/offsite", {**OFFSITE, "endpoint": "https://api.gxcoin.money"}),
        ["backup.offsite.endpoint", "lies in the cluster"],
    ),
    (
        "prefix without an end",
        "mainnet",
        put("backup/offsite", {**OFFSITE, "prefix": "gx/mainnet"}),
        ["backup.offsite.prefix = 'gx/mainnet'"],
    ),
    (
        "off-site copies overlap",
        "mainnet",
        put("backup/offsite", {**OFFSITE, "schedule": "*/10 * * * *"}),
        ["backup.offsite.schedule", "every 10 min"],
    ),
    (
        "larger volume",
        "mainnet",
        put("minio/storage", "100Gi"),
        ["minio.storage = '100Gi'", "minio-pvc was made with 50Gi", "follow docs/runbooks/grow-volume.md"],
    ),
    (
        "smaller backup volume",
        "devnet",
        put("backup/storage", "5Gi"),
        ["backup.storage = '5Gi'", "minio-backup-pvc was made with 10Gi", "follow docs/runbooks/grow-volume.md"],
    ),
    (
        "retired before it was replaced",
        "mainnet",
        put("retiredEpochs", {"minioMessagingUser": 1}),
        ["retiredEpochs.minioMessagingUser = 1", "would be locked out"],
    ),
    (
        "retired without a second key",
        "mainnet",
        put("retiredEpochs", {"minioRoot": 1}),
        ["retiredEpochs.minioRoot", "is not known"],
    ),
]


@pytest.mark.parametrize(("stack", "change", "words"), [row[1:] for row in MISTAKES], ids=[row[0] for row in MISTAKES])
def test_a_mistake_is_one_line(project: Path, stack: str, change: Change, words: list[str]) -> None:
    edit(project, stack, change)
    with pytest.raises(InputError) as refused:
        offline_settings(stack, project)
    line = str(refused.value)
    assert line.startswith(f"Pulumi.{stack}.yaml: gx-infra:")
    assert "; fix: " in line
    assert "\n" not in line
    assert all(word in line for word in words), line


def test_the_same_size_in_another_unit_is_the_same_volume(project: Path) -> None:
    edit(project, "mainnet", put("minio/storage", "51200Mi"))
    assert offline_settings("mainnet", project).stack.minio.storage == "51200Mi"


def test_a_network_whose_volumes_were_never_recorded_may_have_any_size(project: Path) -> None:
    (project / "networks/devnet/volumes.yaml").unlink()
    edit(project, "devnet", put("minio/storage", "40Gi"))
    assert offline_settings("devnet", project).stack.minio.storage == "40Gi"


@pytest.mark.parametrize(
    ("given", "missing"),
    [("minioRootUser", "minioRootPassword"), ("offsiteSecretAccessKey", "offsiteAccessKeyId")],
)
def test_half_a_key_pair_is_refused(given: str, missing: str) -> None:
    settings = replace(offline_settings("devnet"), secrets={given: sentinel.value})
    with pytest.raises(InputError, match=f"{missing}: is not set, but {given} is"):
        check_key_pairs(settings)


def test_an_off_site_copy_needs_its_keys(project: Path) -> None:
    edit(project, "mainnet", put("backup/offsite", OFFSITE))
    with pytest.raises(InputError, match=r"offsiteAccessKeyId: is not set, but backup\.offsite is"):
        check_key_pairs(offline_settings("mainnet", project))


@pytest.mark.parametrize(
    ("repository", "tag", "accepted"),
    [
        ("minio/minio", "RELEASE.2025-09-07T16-13-09Z", False),
        ("minio", "RELEASE.2024-12-18T13-15-44Z", False),
        ("minio/mc", "RELEASE.2025-08-13T08-35-41Z", False),
        ("minio", "RELEASE.2025-10-15T17-29-55Z", True),
        ("silo", "RELEASE.2026-08-06", True),
    ],
)
def test_an_abandoned_image_of_the_object_store_is_refused(
    project: Path, repository: str, tag: str, accepted: bool
) -> None:
    file = project / "networks/devnet/release.yaml"
    release = yaml.safe_load(file.read_text())
    release["platform"]["minio"] = {"repository": repository, "tag": tag}
    file.write_text(yaml.safe_dump(release))
    if accepted:
        offline_settings("devnet", project)
        return
    with pytest.raises(InputError, match="CVE-2025-62506") as refused:
        offline_settings("devnet", project)
    assert f"networks/devnet/release.yaml: platform.minio = '{repository}:{tag}'" in str(refused.value)
