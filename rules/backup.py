"""Backups: a copy on the disk of its source is lost with it."""

from collections.abc import Iterator

from common.naming import AGE_IDENTITY, BACKUP, OFFSITE
from common.plan import Plan
from rules.finding import Finding, Severity
from rules.rule import rule


@rule(
    "backup",
    reason="Source and copy on one disk are lost together.",
    remedy="Set backup.offsite.",
    live=True,
)
def check_backup(plan: Plan) -> Iterator[Finding]:
    """Yield a warning where snapshots have no copy outside the cluster, or one that anybody can read there."""
    jobs = {job.object_name for job in plan.of_kind("CronJob")}
    if BACKUP in jobs and OFFSITE not in jobs:
        yield Finding(
            location=f"CronJob/{BACKUP}",
            text="source and copy lie on one disk, and are lost together; set gx-infra:backup.offsite for a copy "
            "outside the cluster",
            severity=Severity.WARNING,
        )
    copies = next((secret for secret in plan.of_kind("Secret") if secret.object_name == OFFSITE), None)
    if copies is not None and AGE_IDENTITY not in copies.inputs["stringData"]:
        yield Finding(
            location=f"CronJob/{OFFSITE}",
            text="the copies outside the cluster are not encrypted; set gx-infra:offsiteAgeIdentity to a key of age",
            severity=Severity.WARNING,
        )
