"""`gx restore`: a Job in the cluster that brings a snapshot back into a bucket and proves it there."""

from datetime import UTC, datetime

from backup.snapshot import NEWEST, STAMP
from common.errors import InputError, shown
from common.naming import AGE_IDENTITY, BACKUP, MINIO_RESTORE_USER, OFFSITE
from common.objects import Object
from gx.cluster.kubernetes_api import KubernetesApi
from gx.cluster.one_off import one_off
from settings.settings import Settings

PAIR = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


def check_call(settings: Settings, snapshot: str, bucket: str) -> None:
    """Refuse a snapshot or bucket that cannot be meant.

    Raises:
        InputError: It is no snapshot's name, or a bucket that the restore user may not write.
    """
    if snapshot != NEWEST and not STAMP.fullmatch(snapshot):
        raise InputError(
            file="gx restore",
            key="SNAPSHOT",
            value=shown(snapshot),
            consequence="is no snapshot's name",
            fix=f"write a name that `gx backups` shows, as 20251225T060000Z, or {NEWEST}",
        )
    own = settings.network.bucket
    if bucket != own and not (bucket.startswith(f"{own}-") and len(bucket) > len(own) + 1):
        raise InputError(
            file="gx restore",
            key="--into",
            value=shown(bucket),
            consequence="is a bucket that the restore user may not write",
            fix=f"write {own}, or a new name that begins with {own}-",
        )


def restore_job(
    settings: Settings, live: Object, snapshot: str, bucket: str, *, execute: bool, over: bool, offsite: bool
) -> Object:
    """Return the Job: the pods of the backup, with the key pair that may write.

    Args:
        settings: The settings of the network.
        live: The live CronJob of the backup.
        snapshot: The snapshot's name, or "newest".
        bucket: Where to.
        execute: Whether to write.
        over: Whether the bucket may hold objects.
        offsite: Whether to read from the bucket outside the cluster.
    """
    module = live["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["command"][-1]
    # What is live may be of the edition before, whose package has another name.
    command = ["python3", "-m", f"{module.rpartition('.')[0]}.restore", snapshot, "--into", bucket]
    command += [flag for flag, on in (("--execute", execute), ("--over", over), ("--offsite", offsite)) if on]
    env = [_from_secret(key, MINIO_RESTORE_USER, key) for key in PAIR]
    target = settings.stack.backup.offsite
    if offsite and target:
        env += [
            {"name": "OFFSITE_S3_ENDPOINT", "value": target.endpoint},
            {"name": "OFFSITE_S3_REGION", "value": target.region},
            {"name": "OFFSITE_BUCKET", "value": target.bucket},
            {"name": "OFFSITE_PREFIX", "value": target.prefix},
            *(_from_secret(f"OFFSITE_{key}", OFFSITE, key) for key in PAIR),
            _from_secret(f"OFFSITE_{AGE_IDENTITY}", OFFSITE, AGE_IDENTITY, optional=True),
        ]
    name = f"minio-restore-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    job = one_off(live, name, settings.network.namespace, command=command, env=env)
    labels = job["spec"]["template"]["metadata"]["labels"]
    labels["app"] = OFFSITE if offsite else BACKUP  # the policies let these pods reach what they need
    return job


def _from_secret(variable: str, secret: str, key: str, *, optional: bool = False) -> Object:
    reference = {"name": secret, "key": key, **({"optional": True} if optional else {})}
    return {"name": variable, "valueFrom": {"secretKeyRef": reference}}


def live_backup(api: KubernetesApi, settings: Settings, *, offsite: bool) -> Object:
    """Return the live CronJob of the backup.

    Raises:
        InputError: The network has none, or no off-site copy.
    """
    if offsite and settings.stack.backup.offsite is None:
        raise InputError(
            file="gx restore",
            key="--offsite",
            consequence="this network has no off-site copy (backup.offsite)",
            fix="leave it out",
        )
    live = api.get("batch/v1", "CronJob", settings.network.namespace, BACKUP)
    if live is None:
        raise InputError(
            file=api.origin,
            key=f"CronJob {settings.network.namespace}/{BACKUP}",
            consequence="is not there",
            fix="bring the network up first: `pulumi up` with the component backup",
        )
    return live
