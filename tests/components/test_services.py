"""Workloads, messaging and database by themselves."""

import pytest

from components.database import Database
from components.messaging_stack import MessagingStack
from components.workload import Workload, WorkloadArgs
from tests.components.alone import Made, build, only
from tests.components.small import DATABASE, WORKLOAD, container_of, env_of


def smallest_workload() -> None:
    Workload("reports", WORKLOAD)


def fullest_workload() -> None:
    Workload("reports", _full_workload())


def _full_workload() -> WorkloadArgs:
    return {
        **WORKLOAD,
        "env": {
            "KEY": {"from_secret": {"secret": "keys", "key": "k", "content": "known"}},
            "NAMESPACE": {"field_path": "metadata.namespace"},
        },
        "own_env": {"MODE": {"value": "own"}},
        "env_from": {"config": {"a": "b"}},
        "mounts": [{"secret": "files", "paths": ["/files"]}],
        "autoscaling": {
            "name": "reports-hpa",
            "min_replicas": 2,
            "max_replicas": 4,
            "cpu_percent": 70,
            "memory_percent": 80,
        },
        "generated": [{"secret": "own", "key": "o", "value_name": "own", "epoch": 2, "length": 20}],
        "metrics": {"port": 8080, "path": "/metrics"},
        "named_target_ports": True,
        "drains": True,
        "recreate": True,
        "api_token": True,
        "skip_await": True,
        "selector": {"app": "other"},
    }


def other_secret_workload() -> None:
    args = _full_workload()
    args["env"] = {**args["env"], "KEY": {"from_secret": {"secret": "keys", "key": "k", "content": "another"}}}
    Workload("reports", args)


def _checksum(made: list[Made]) -> str:
    metadata = only(made, "Deployment").inputs["spec"]["template"]["metadata"]
    return metadata["annotations"]["gxcoin.money/config-checksum"]


def test_the_smallest_workload_is_a_deployment_and_a_service() -> None:
    assert {one.kind for one in build(smallest_workload)} == {"Workload", "Deployment", "Service"}


def test_the_fullest_workload_has_everything_once() -> None:
    made = build(fullest_workload)
    kinds = [one.kind for one in made]
    for kind in ("Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget", "Secret", "RandomPassword"):
        assert kinds.count(kind) == 1, kind
    deployment = only(made, "Deployment")
    assert "replicas" not in deployment.inputs["spec"], "the autoscaler owns the number"
    assert [entry["name"] for entry in container_of(deployment)["env"]] == ["KEY", "NAMESPACE", "MODE"]
    assert only(made, "Service").inputs["spec"]["ports"][0]["targetPort"] == "http"


def test_pods_roll_when_a_secret_that_they_read_changes() -> None:
    assert _checksum(build(fullest_workload)) == _checksum(build(fullest_workload))
    assert _checksum(build(fullest_workload)) != _checksum(build(other_secret_workload))


def messaging() -> None:
    MessagingStack(
        "messaging",
        {
            "name": "reports",
            "workload": WORKLOAD,
            "s3": {"AWS_ACCESS_KEY_ID": {"secret": "store", "key": "id"}},
            "connections": {"DATABASE_URL": {"secret": "db", "key": "url"}},
        },
    )


def test_the_messaging_stack_reads_its_stores() -> None:
    env = env_of(container_of(only(build(messaging), "Deployment")))
    assert env["AWS_ACCESS_KEY_ID"] == {"secretKeyRef": {"name": "store", "key": "id"}}
    assert env["DATABASE_URL"] == {"secretKeyRef": {"name": "db", "key": "url"}}


def production_database() -> None:
    Database("database", {**DATABASE, "production": True, "test_users": {"epoch": 1, "qsend": False}})


def fullest_database() -> None:
    Database(
        "database",
        {**DATABASE, "service_role": {"epoch": 2, "retired": 1}, "test_users": {"epoch": 1, "qsend": True}},
    )


def test_the_database_refuses_test_users_in_production() -> None:
    with pytest.raises(AssertionError, match="test users are refused on reports"):
        build(production_database)


def test_the_database_makes_the_role_before_its_url() -> None:
    made = build(fullest_database)
    (schema,) = (one for one in made if one.kind == "Job" and one.name.startswith("database-schema-"))
    env = env_of(container_of(schema))
    assert (env["SERVICE_ROLE"], env["RETIRED_ROLES"]) == ("svc_messaging_2", "svc_messaging_1")
    names = [one.name for one in made]
    assert names.index(schema.name) < names.index("svc-messaging-database")
