"""Database: the Jobs that bring schema, countries and test users into a PostgreSQL that is not ours."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import pulumi
import pulumi_kubernetes as k8s

from common.files import text_beside
from common.labels import PartOf
from common.naming import (
    BACKEND_SECRETS,
    DATABASE_NAME,
    DATABASE_ROLES,
    MESSAGING_DATABASE,
    POSTGRES_PORT,
    QSEND_USERS,
    TEST_USERS,
)
from components.arguments import ResourcesArgs, SchedulingArgs, SecretValueArgs
from components.base import GxComponent, metadata
from components.database.scram import scram_verifier
from components.hashed_job import HashedJob
from components.urls import database_url

SCHEMA_VERSION = 1
SCHEMA_FILES = (
    "sql/apply.sql",
    "sql/renames.sql",
    "sql/schema.sql",
    "sql/indexes.sql",
    "sql/enum-values.sql",
    "sql/reconcile.sql",
    "sql/countries.sql",
    "sql/role.sql",
    "countries.csv",
)
TEST_USER_FILES = ("sql/guard.sql", "sql/test-users.sql", "sql/remove-test-users.sql")
RUNNER = "run-sql.sh"
ROLE_EPOCH = "messagingDatabaseRole"


class ServiceRoleArgs(TypedDict):
    """A role of svc-messaging's own, with rights on its own tables only."""

    epoch: int
    """Raised for a new role beside the one before."""
    retired: int
    """Roles of this epoch and of those before it are removed."""


class TestUsersArgs(TypedDict):
    """Users for trials."""

    epoch: int
    """Raised for a new password."""
    qsend: bool
    """Whether two of them can pay each other."""


class DatabaseArgs(TypedDict):
    """What the Jobs need."""

    namespace: pulumi.Input[str]
    network: str
    production: bool
    """Whether real users' data lives there: test users are refused."""
    host: str
    """The Service of the writable database."""
    image: str
    """Image with psql."""
    service_role: NotRequired[ServiceRoleArgs]
    test_users: NotRequired[TestUsersArgs]
    resources: ResourcesArgs
    scheduling: SchedulingArgs


class Database(GxComponent):
    """The schema Job and, off production, the Job of the test users.

    Token: gx:database:Database. The server, its role and its other tables are foreign: nothing is revoked, dropped or
    overwritten. A role of svc-messaging's own is made by the schema Job before the Secret with its URL exists. Test
    users are refused for production by the settings, by this component and by the Job itself.

    Attributes:
        ready: What svc-messaging waits for.
        service_connection: The variables of the role of its own; empty without one.
    """

    TOKEN = "gx:database:Database"

    def __init__(
        self,
        name: str,
        args: DatabaseArgs,
        opts: pulumi.ResourceOptions | None = None,
        *,
        wait_for: Sequence[pulumi.Resource] = (),
    ) -> None:
        super().__init__(name, opts)
        self._args, self._namespace = args, args["namespace"]
        self.service_connection: dict[str, SecretValueArgs] = {}
        content = hashlib.sha256("\0".join(_files(SCHEMA_FILES).values()).encode()).hexdigest()
        versions = {"SCHEMA_VERSION": str(SCHEMA_VERSION), "SCHEMA_HASH": content}
        self.ready: tuple[pulumi.Resource, ...]
        if "service_role" in args:
            self.ready = self._schema_with_role(args["service_role"], versions, wait_for)
        else:
            self.ready = (self._schema(versions, wait_for),)
        if "test_users" in args:
            self._test_users(args["test_users"])
        self.register_outputs({"schemaVersion": SCHEMA_VERSION, "schemaHash": content})

    def _schema(
        self,
        env: Mapping[str, str],
        wait_for: Sequence[pulumi.Resource],
        secrets: Mapping[str, SecretValueArgs] | None = None,
    ) -> k8s.batch.v1.Job:
        return self._job(
            "database-schema", SCHEMA_FILES, "apply.sql", env=env, secrets=secrets or {}, wait_for=wait_for
        )

    def _schema_with_role(
        self, role: ServiceRoleArgs, env: Mapping[str, str], wait_for: Sequence[pulumi.Resource]
    ) -> tuple[pulumi.Resource, ...]:
        """Make the role with the schema, and only then the Secret by which svc-messaging logs in."""
        epoch = role["epoch"]
        password = self.generated(f"{ROLE_EPOCH}-password-{epoch}", network=self._namespace)
        salt = self.generated(f"{ROLE_EPOCH}-salt-{epoch}", network=self._namespace, length=24)
        verifier = pulumi.Output.all(password, salt).apply(lambda pair: scram_verifier(str(pair[0]), str(pair[1])))
        verifiers = self._secret(DATABASE_ROLES, {"verifier": verifier})
        job = self._schema(
            {
                **env,
                "SERVICE_ROLE": _role(epoch),
                "RETIRED_ROLES": " ".join(_role(n) for n in range(1, role["retired"] + 1)),
            },
            (verifiers, *wait_for),
            {"SERVICE_ROLE_VERIFIER": {"secret": DATABASE_ROLES, "key": "verifier"}},
        )
        url = password.apply(lambda text: database_url(self._args["host"], _role(epoch), text))
        self.service_connection["DATABASE_URL"] = {"secret": MESSAGING_DATABASE, "key": "DATABASE_URL", "content": url}
        return job, self._secret(MESSAGING_DATABASE, {"DATABASE_URL": url}, (job,))

    def _secret(
        self, name: str, values: Mapping[str, pulumi.Output[str]], wait_for: Sequence[pulumi.Resource] = ()
    ) -> k8s.core.v1.Secret:
        return k8s.core.v1.Secret(
            name,
            metadata=metadata(name, PartOf.DATABASE, namespace=self._namespace),
            string_data=dict(values),
            opts=self.child(wait_for),
        )

    def _job(
        self,
        name: str,
        files: tuple[str, ...],
        start: str,
        *,
        env: Mapping[str, str],
        secrets: Mapping[str, SecretValueArgs],
        epochs: Mapping[str, int] | None = None,
        wait_for: Sequence[pulumi.Resource] = (),
    ) -> k8s.batch.v1.Job:
        connection = {
            "PGHOST": self._args["host"],
            "PGPORT": str(POSTGRES_PORT),
            "PGDATABASE": DATABASE_NAME,
            "PGCONNECT_TIMEOUT": "10",
        }
        return HashedJob(
            name,
            {
                "namespace": self._namespace,
                "part_of": PartOf.DATABASE,
                "image": self._args["image"],
                "files": {"run-sql.sh": text_beside(__file__, RUNNER), **_files(files)},
                "command": ("/bin/sh", "/scripts/run-sql.sh", f"/scripts/{start}"),
                "service_account": "database-jobs",
                "env": {**connection, **env},
                "secrets": {
                    "PGUSER": {"secret": BACKEND_SECRETS, "key": "DATABASE_USER"},
                    "PGPASSWORD": {"secret": BACKEND_SECRETS, "key": "DATABASE_PASSWORD"},
                    **secrets,
                },
                "epochs": epochs or {},
                "resources": self._args["resources"],
                "scheduling": self._args["scheduling"],
            },
            pulumi.ResourceOptions(parent=self),
            wait_for=wait_for,
        ).job

    def _test_users(self, users: TestUsersArgs) -> None:
        network, epoch = self._args["network"], users["epoch"]
        if self._args["production"]:
            raise pulumi.RunError(f"test users are refused on {network}: it holds real users' data")
        password = self.generated(f"testUsers-{epoch}", network=self._namespace)
        secret = self._secret(TEST_USERS, {"password": password})
        env = {"GX_NETWORK": network, "TEST_USER_DOMAIN": f"{network}.gxcoin.test"}
        if users["qsend"]:
            env["QSEND_USERS"] = " ".join(QSEND_USERS)
        self._job(
            "database-test-users",
            TEST_USER_FILES,
            "test-users.sql",
            env=env,
            secrets={"TEST_USER_PASSWORD": {"secret": TEST_USERS, "key": "password"}},
            epochs={"testUsers": epoch},
            wait_for=(secret, *self.ready),
        )


def _files(paths: tuple[str, ...]) -> dict[str, str]:
    return {path.rsplit("/", 1)[-1]: text_beside(__file__, path) for path in paths}


def _role(epoch: int) -> str:
    """Return the role of an epoch: two epochs are two roles, so that one can retire after the other."""
    return f"svc_messaging_{epoch}"
