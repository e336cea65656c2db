"""Backups: a copy on the disk of its source is lost with it."""

from collections.abc import Iterator

from gx.checks.finding import Finding, Severity
from gx.naming import BACKUP, OFFSITE
from gx.plan.model import Plan


def check_backup(plan: Plan) -> Iterator[Finding]:
    """Yield a warning where snapshots have no copy outside the cluster."""
    jobs = {job.object_name for job in plan.of_kind("CronJob")}
    if BACKUP in jobs and OFFSITE not in jobs:
        yield Finding(
            check="backup",
            place=f"CronJob/{BACKUP}",
            text="source and copy lie on one disk, and are lost together; set gx-infra:backup.offsite for a copy "
            "outside the cluster",
            severity=Severity.WARNING,
        )
