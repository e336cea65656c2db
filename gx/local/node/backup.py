"""The first backup of a new network: on its schedule it would come hours later, and `gx verify` asks for one."""

import time

from gx.live.kubernetes_api import KubernetesApi
from gx.naming import BACKUP
from gx.objects import mapping, sequence
from gx.settings.settings import Settings

NAME = f"{BACKUP}-first"
SECONDS = 60


def first_backup(api: KubernetesApi, settings: Settings, manager: str) -> bool:
    """Make a backup if none ever succeeded, the CronJob's own, as by hand; return whether there is one in the end."""
    namespace = settings.network.namespace
    cron_job = api.get("batch/v1", "CronJob", namespace, BACKUP)
    if cron_job is None or mapping(cron_job, "status").get("lastSuccessfulTime"):
        return cron_job is not None
    template, meta = cron_job["spec"]["jobTemplate"], cron_job["metadata"]
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": BACKUP, "uid": meta["uid"], "controller": True}
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            **mapping(template, "metadata"),
            "name": NAME,
            "namespace": namespace,
            "annotations": {"cronjob.kubernetes.io/instantiate": "manual"},
            "ownerReferences": [owner],
        },
        "spec": template["spec"],
    }
    if api.get("batch/v1", "Job", namespace, NAME) is None:
        api.apply(job, manager=manager)
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        status = mapping(api.get("batch/v1", "Job", namespace, NAME) or {}, "status")
        ended = {c["type"] for c in sequence(status, "conditions") if c.get("status") == "True"}
        if ended & {"Complete", "Failed"}:
            return "Complete" in ended
        time.sleep(0.5)
    return False
