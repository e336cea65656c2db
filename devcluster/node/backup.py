"""The first backup of a new network: on its schedule it would come hours later, and `gx verify` asks for one."""

import time

from common.naming import BACKUP
from common.objects import Object, mapping
from gx.cluster.kubernetes_api import KubernetesApi
from gx.cluster.readiness import job_ended
from settings.settings import Settings

NAME = f"{BACKUP}-first"
SECONDS = 60


def first_backup(api: KubernetesApi, settings: Settings, manager: str) -> bool:
    """Make a backup if none ever succeeded, the CronJob's own, as by hand; return whether there is one in the end."""
    namespace = settings.network.namespace
    cron_job = api.get("batch/v1", "CronJob", namespace, BACKUP)
    if cron_job is None or mapping(cron_job, "status").get("lastSuccessfulTime"):
        return cron_job is not None
    job = api.get("batch/v1", "Job", namespace, NAME) or api.apply(manual_job(cron_job, NAME), manager=manager)
    deadline = time.monotonic() + SECONDS
    while job is not None and time.monotonic() < deadline:
        state = job_ended(job)
        if state.ready or state.failed:
            return state.ready
        time.sleep(0.5)
        job = api.get("batch/v1", "Job", namespace, NAME)
    return False


def manual_job(cron_job: Object, name: str) -> Object:
    """Return a run of a CronJob as `kubectl create job --from` makes it: the CronJob's own, so its success counts."""
    template, meta = cron_job["spec"]["jobTemplate"], cron_job["metadata"]
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": meta["name"], "uid": meta["uid"], "controller": True}
    metadata = {
        **mapping(template, "metadata"),
        "name": name,
        "namespace": meta["namespace"],
        "annotations": {"cronjob.kubernetes.io/instantiate": "manual"},
        "ownerReferences": [owner],
    }
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template["spec"]}
