"""`gx remove-test-users`: a Job in the cluster that removes the users that the program has added, and no one else."""

from datetime import UTC, datetime

from common.errors import InputError
from common.objects import Object
from gx.cluster.kubernetes_api import KubernetesApi
from gx.cluster.one_off import one_off
from settings.project import PROJECT, stack_file
from settings.settings import Settings

JOB = "database-test-users"


def removal_job(api: KubernetesApi, settings: Settings) -> Object:
    """Return the Job: the pods of the Job that adds them, with the statements that remove them.

    Raises:
        InputError: The network holds real users, still wants test users, or never had the Job.
    """
    network, file = settings.network, stack_file(settings.network.name)
    if network.production:
        raise InputError(
            file=file,
            key=f"{PROJECT}:environment",
            value=repr(settings.stack.environment.value),
            consequence="the program adds no test user there; accounts that people made are theirs to remove",
            fix="see docs/runbooks/rotation-list.md",
        )
    if settings.stack.test_users:
        raise InputError(
            file=file,
            key=f"{PROJECT}:testUsers",
            value="true",
            consequence="the next `pulumi up` would add them again",
            fix="set it to false, remove the users, then run `pulumi up`",
        )
    jobs = [
        job
        for job in api.list_objects("batch/v1", "Job", network.namespace)
        if job["metadata"]["name"].startswith(f"{JOB}-")
    ]
    if not jobs:
        raise InputError(
            file=api.origin,
            key=f"Job {network.namespace}/{JOB}-*",
            consequence="is not there: the program has added no test user, or `pulumi up` has removed its Job already",
            fix="nothing; or set testUsers to true, run `pulumi up`, set it to false and try again",
        )
    newest = max(jobs, key=lambda job: str(job["metadata"]["creationTimestamp"]))
    command = ["/bin/sh", "/scripts/run-sql.sh", "/scripts/remove-test-users.sql"]
    name = f"{JOB}-removal-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    return one_off(newest, name, network.namespace, command=command, env=[])
