"""Database: the Jobs that bring schema, countries and test users into the network's foreign PostgreSQL."""

import hashlib
from dataclasses import dataclass
from typing import ClassVar

import pulumi
import pulumi_kubernetes as k8s

from components.base import GxArgs, GxComponent
from components.hashed_job import HashedJob, HashedJobArgs
from gx.assets import asset
from gx.catalogue.model import SecretKey
from gx.labels import PartOf
from gx.naming import BACKEND_SECRETS, DATABASE_NAME, POSTGRES_PORT, TEST_USERS

SCHEMA_VERSION = 1
SCHEMA_FILES = ("sql/apply.sql", "sql/schema.sql", "sql/countries.sql", "countries.csv")
RUNNER = "scripts/run-sql.sh"


@dataclass(frozen=True, kw_only=True)
class DatabaseArgs(GxArgs):
    """What every component needs is all that it takes."""


class Database(GxComponent):
    """The schema Job and, off production, the Job of the test users.

    Token: gx:database:Database. The server, its role and its other tables are foreign: nothing is revoked, dropped or
    overwritten. Test users are refused for production by the settings, by this component and by the Job itself.
    """

    TOKEN: ClassVar[str] = "gx:database:Database"

    def __init__(self, name: str, args: DatabaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        site = args.site
        files = {path.rsplit("/", 1)[-1]: asset(path) for path in SCHEMA_FILES}
        content = hashlib.sha256("\0".join(files.values()).encode()).hexdigest()
        self.schema = self._job(
            "database-schema",
            files,
            "apply.sql",
            env={"SCHEMA_VERSION": str(SCHEMA_VERSION), "SCHEMA_HASH": content},
            wait_for=args.wait_for,
        )
        if site.settings.stack.test_users:
            self._test_users()
        self.register_outputs({"schemaVersion": SCHEMA_VERSION, "schemaHash": content})

    def _job(
        self,
        name: str,
        files: dict[str, str],
        start: str,
        *,
        env: dict[str, str],
        secrets: dict[str, SecretKey] | None = None,
        epochs: dict[str, int] | None = None,
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
            files={"run-sql.sh": asset(RUNNER), **files},
            command=("/bin/sh", "/scripts/run-sql.sh", f"/scripts/{start}"),
            service_account="database-jobs",
            env={**connection, **env},
            secrets={
                "PGUSER": SecretKey(BACKEND_SECRETS, "DATABASE_USER"),
                "PGPASSWORD": SecretKey(BACKEND_SECRETS, "DATABASE_PASSWORD"),
                **(secrets or {}),
            },
            epochs=epochs or {},
            wait_for=wait_for,
        )
        return HashedJob(name, args, opts=pulumi.ResourceOptions(parent=self)).job

    def _test_users(self) -> None:
        network = self.site.settings.network
        if network.production:
            raise pulumi.RunError(f"test users are refused on {network.name}: it holds real users' data")
        secret = k8s.core.v1.Secret(
            TEST_USERS,
            metadata=self.site.metadata(TEST_USERS, PartOf.DATABASE),
            string_data={"password": self.generated("testUsers", epoch="testUsers")},
            opts=self.child("Secret", TEST_USERS),
        )
        self._job(
            "database-test-users",
            {"test-users.sql": asset("sql/test-users.sql")},
            "test-users.sql",
            env={"GX_NETWORK": network.name, "TEST_USER_DOMAIN": f"{network.name}.gxcoin.test"},
            secrets={"TEST_USER_PASSWORD": SecretKey(TEST_USERS, "password")},
            epochs={"testUsers": self.site.settings.stack.epoch("testUsers")},
            wait_for=(secret, self.schema),
        )
