"""Database: the Jobs that bring schema, countries and test users into the network's foreign PostgreSQL."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import pulumi
import pulumi_kubernetes as k8s

from components.base import GxArgs, GxComponent
from components.hashed_job import HashedJob, HashedJobArgs
from gx.assets import asset
from gx.catalogue.model import SecretKey
from gx.labels import PartOf
from gx.naming import (
    BACKEND_SECRETS,
    DATABASE_NAME,
    DATABASE_ROLES,
    MESSAGING_DATABASE,
    POSTGRES_PORT,
    QSEND_USERS,
    TEST_USERS,
)
from gx.scram import scram_verifier
from gx.steps import Step
from gx.urls import database_url

SCHEMA_VERSION = 1
SCHEMA_FILES = (
    "sql/apply.sql",
    "sql/renames.sql",
    "sql/schema.sql",
    "sql/indexes.sql",
    "sql/reconcile.sql",
    "sql/countries.sql",
    "sql/role.sql",
    "countries.csv",
)
TEST_USER_FILES = ("sql/guard.sql", "sql/test-users.sql", "sql/remove-test-users.sql")
RUNNER = "scripts/run-sql.sh"
ROLE_EPOCH = "messagingDatabaseRole"


@dataclass(frozen=True, kw_only=True)
class DatabaseArgs(GxArgs):
    """What every component needs is all that it takes."""


class Database(GxComponent):
    """The schema Job and, off production, the Job of the test users.

    Token: gx:database:Database. The server, its role and its other tables are foreign: nothing is revoked, dropped or
    overwritten. With the step messaging-database-role svc-messaging gets a role of its own, made by the schema Job
    before the Secret with its URL exists. Test users are refused for production by the settings, by this component
    and by the Job itself. `ready` is what svc-messaging waits for; `contents` what its Secret holds, by "name/key".
    """

    TOKEN: ClassVar[str] = "gx:database:Database"

    def __init__(self, name: str, args: DatabaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        self.contents: dict[str, pulumi.Output[str]] = {}
        content = hashlib.sha256("\0".join(_files(SCHEMA_FILES).values()).encode()).hexdigest()
        versions = {"SCHEMA_VERSION": str(SCHEMA_VERSION), "SCHEMA_HASH": content}
        if args.site.settings.has(Step.MESSAGING_DATABASE_ROLE):
            self.ready = self._schema_with_role(versions, args.wait_for)
        else:
            self.ready: tuple[pulumi.Resource, ...] = (self._schema(versions, args.wait_for),)
        if args.site.settings.stack.test_users:
            self._test_users()
        self.register_outputs({"schemaVersion": SCHEMA_VERSION, "schemaHash": content})

    def _schema(
        self,
        env: Mapping[str, str],
        wait_for: tuple[pulumi.Resource, ...],
        secrets: Mapping[str, SecretKey] | None = None,
    ) -> k8s.batch.v1.Job:
        return self._job(
            "database-schema", SCHEMA_FILES, "apply.sql", env=env, secrets=secrets or {}, wait_for=wait_for
        )

    def _schema_with_role(
        self, env: Mapping[str, str], wait_for: tuple[pulumi.Resource, ...]
    ) -> tuple[pulumi.Resource, ...]:
        """Make the role with the schema, and only then the Secret by which svc-messaging logs in."""
        stack, network = self.site.settings.stack, self.site.settings.network
        epoch = stack.epoch(ROLE_EPOCH)
        password = self.generated(f"{ROLE_EPOCH}-password", epoch=ROLE_EPOCH)
        salt = self.generated(f"{ROLE_EPOCH}-salt", epoch=ROLE_EPOCH, length=24)
        verifier = pulumi.Output.all(password, salt).apply(lambda pair: scram_verifier(str(pair[0]), str(pair[1])))
        verifiers = self._secret(DATABASE_ROLES, {"verifier": verifier})
        job = self._schema(
            {
                **env,
                "SERVICE_ROLE": _role(epoch),
                "RETIRED_ROLES": " ".join(_role(n) for n in range(1, stack.retired_epochs.get(ROLE_EPOCH, 0) + 1)),
            },
            (verifiers, *wait_for),
            {"SERVICE_ROLE_VERIFIER": SecretKey(DATABASE_ROLES, "verifier")},
        )
        url = password.apply(lambda text: database_url(network, _role(epoch), text))
        self.contents[f"{MESSAGING_DATABASE}/DATABASE_URL"] = url
        return job, self._secret(MESSAGING_DATABASE, {"DATABASE_URL": url}, wait_for=(job,))

    def _secret(
        self, name: str, values: dict[str, pulumi.Output[str]], wait_for: tuple[pulumi.Resource, ...] = ()
    ) -> k8s.core.v1.Secret:
        return k8s.core.v1.Secret(
            name,
            metadata=self.site.metadata(name, PartOf.DATABASE),
            string_data=dict(values),
            opts=self.child("Secret", name, depends_on=wait_for),
        )

    def _job(
        self,
        name: str,
        files: tuple[str, ...],
        start: str,
        *,
        env: Mapping[str, str],
        secrets: Mapping[str, SecretKey],
        epochs: Mapping[str, int] | None = None,
        wait_for: tuple[pulumi.Resource, ...] = (),
    ) -> k8s.batch.v1.Job:
        settings = self.site.settings
        connection = {
            "PGHOST": settings.network.database_host,
            "PGPORT": str(POSTGRES_PORT),
            "PGDATABASE": DATABASE_NAME,
            "PGCONNECT_TIMEOUT": "10",
        }
        args = HashedJobArgs(
            site=self.site,
            part_of=PartOf.DATABASE,
            image=settings.platform_image("postgres-client"),
            files={"run-sql.sh": asset(RUNNER), **_files(files)},
            command=("/bin/sh", "/scripts/run-sql.sh", f"/scripts/{start}"),
            service_account="database-jobs",
            env={**connection, **env},
            secrets={
                "PGUSER": SecretKey(BACKEND_SECRETS, "DATABASE_USER"),
                "PGPASSWORD": SecretKey(BACKEND_SECRETS, "DATABASE_PASSWORD"),
                **secrets,
            },
            epochs=epochs or {},
            wait_for=wait_for,
        )
        return HashedJob(name, args, opts=pulumi.ResourceOptions(parent=self)).job

    def _test_users(self) -> None:
        settings = self.site.settings
        network = settings.network
        if network.production:
            raise pulumi.RunError(f"test users are refused on {network.name}: it holds real users' data")
        secret = self._secret(TEST_USERS, {"password": self.generated("testUsers", epoch="testUsers")})
        env = {"GX_NETWORK": network.name, "TEST_USER_DOMAIN": f"{network.name}.gxcoin.test"}
        if settings.stack.ingress.qsend_route:
            env["QSEND_USERS"] = " ".join(QSEND_USERS)
        self._job(
            "database-test-users",
            TEST_USER_FILES,
            "test-users.sql",
            env=env,
            secrets={"TEST_USER_PASSWORD": SecretKey(TEST_USERS, "password")},
            epochs={"testUsers": settings.stack.epoch("testUsers")},
            wait_for=(secret, *self.ready),
        )


def _files(paths: tuple[str, ...]) -> dict[str, str]:
    return {path.rsplit("/", 1)[-1]: asset(path) for path in paths}


def _role(epoch: int) -> str:
    """Return the role of an epoch: two epochs are two roles, so that one can retire after the other."""
    return f"svc_messaging_{epoch}"
