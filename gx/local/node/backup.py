"""The first backup of a new network: on its schedule it would come hours later, and `gx verify` asks for one."""

from gx.live.kubernetes_api import KubernetesApi
from gx.naming import BACKUP
from gx.objects import mapping
from gx.settings.settings import Settings

NAME = f"{BACKUP}-first"


def first_backup(api: KubernetesApi, settings: Settings, manager: str) -> bool:
    """Start a backup if none ever succeeded; return whether that was needed. It is the CronJob's own, as by hand."""
    namespace = settings.network.namespace
    cron_job = api.get("batch/v1", "CronJob", namespace, BACKUP)
    if cron_job is None or mapping(cron_job, "status").get("lastSuccessfulTime"):
        return False
    if api.get("batch/v1", "Job", namespace, NAME) is not None:
        return False
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
    api.apply(job, manager=manager)
    return True
