"""The files of the schema and test-user Jobs, as the Plan mounts them, on a real PostgreSQL 15."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from gx.plan.model import Plan
from gx.plan.pods import pods

Query = Callable[[str], list[str]]
TABLES = [
    "Conversation",
    "ConversationParticipant",
    "Country",
    "GroupEncryptionKey",
    "GroupParticipantKey",
    "Message",
    "MessageDeliveryReceipt",
    "SignalPreKey",
    "UserSignalKey",
    "gx_schema_version",
]


class Job:
    """A Job of the Plan: its files in a folder, its command and environment."""

    def __init__(self, plan: Plan, name: str, folder: Path) -> None:
        pod = next(pod for pod in pods(plan) if pod.owner.object_name.startswith(name))
        container = pod.containers[0]
        config = next(c for c in plan.of_kind("ConfigMap") if c.object_name == pod.owner.object_name)
        folder.mkdir()
        for file, text in config.inputs["data"].items():
            (folder / file).write_text(text.replace("/scripts/", f"{folder}/"))
        self.command = [part.replace("/scripts/", f"{folder}/") for part in container["command"]]
        self.env = {e["name"]: e["value"] for e in container["env"] if "value" in e and not e["name"].startswith("PG")}

    def start(self, database: dict[str, str], **extra: str) -> subprocess.Popen[str]:
        """Start it without waiting."""
        env = {**database, **self.env, **extra}
        return subprocess.Popen(self.command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def run(self, database: dict[str, str], **extra: str) -> tuple[int, str]:
        """Run it; return exit code and what it printed."""
        with self.start(database, **extra) as running:
            output, _ = running.communicate(timeout=60)
        return running.returncode, output


@pytest.fixture
def schema(plans: dict[str, Plan], tmp_path: Path) -> Job:
    """Return the schema Job."""
    return Job(plans["devnet"], "database-schema-", tmp_path / "schema")


@pytest.fixture
def test_users(plans: dict[str, Plan], tmp_path: Path) -> Job:
    """Return the Job of the test users."""
    return Job(plans["devnet"], "database-test-users-", tmp_path / "users")


def tables(query: Query) -> list[str]:
    return sorted(query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))


def test_applies_from_nothing(schema: Job, database: dict[str, str], query: Query) -> None:
    code, output = schema.run(database)
    assert code == 0, output
    assert tables(query) == TABLES
    enums = query("SELECT count(DISTINCT enumtypid) FROM pg_enum")
    assert enums == ["4"]
    assert query('SELECT enum_range(NULL::"MessageType")') == ["{TEXT,VOICE,FILE,IMAGE,SYSTEM,TRANSACTION_REF}"]
    assert query('SELECT count(*), count(region) FROM "Country"')[0].startswith("234|")


def _dump(database: dict[str, str]) -> list[str]:
    command = ["pg_dump", "--no-owner", database["PGDATABASE"]]
    text = subprocess.run(command, env=database, capture_output=True, text=True, check=True).stdout
    return [line for line in text.splitlines() if "restrict" not in line]  # these two lines carry a random key


def test_second_run_changes_nothing(schema: Job, database: dict[str, str]) -> None:
    assert schema.run(database)[0] == 0
    before = _dump(database)
    assert schema.run(database)[0] == 0
    assert _dump(database) == before


def test_two_at_once_wait_for_each_other(schema: Job, database: dict[str, str], query: Query) -> None:
    running = [schema.start(database) for _ in range(3)]
    outputs = [process.communicate(timeout=60)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], outputs
    assert tables(query) == TABLES


def test_a_failure_in_the_middle_leaves_nothing(
    schema: Job, database: dict[str, str], query: Query, tmp_path: Path
) -> None:
    file = tmp_path / "schema/schema.sql"
    file.write_text(file.read_text().replace('CREATE TABLE IF NOT EXISTS "UserSignalKey"', "CREATE TABEL x"))
    code, output = schema.run(database)
    assert code == 1
    assert "syntax error" in output
    assert tables(query) == []


def test_a_table_of_mainnets_hand_written_shape_is_renamed_in_place(
    schema: Job, database: dict[str, str], query: Query
) -> None:
    """Incident 9: the client uses other names; no row is lost."""
    query(
        'CREATE TABLE "GroupEncryptionKey" ("keyId" TEXT PRIMARY KEY, "tenantId" TEXT, "conversationId" TEXT, '
        '"keyVersion" INTEGER, "isActive" BOOLEAN);'
        'CREATE TABLE "GroupParticipantKey" ("participantKeyId" TEXT PRIMARY KEY DEFAULT gen_random_uuid()::text, '
        '"tenantId" TEXT NOT NULL, "groupKeyId" TEXT NOT NULL REFERENCES "GroupEncryptionKey", '
        '"profileId" TEXT NOT NULL, '
        '"wrappedKey" TEXT NOT NULL, "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT now(), '
        'CONSTRAINT "GroupParticipantKey_unique" UNIQUE ("groupKeyId", "profileId"));'
        "INSERT INTO \"GroupEncryptionKey\" VALUES ('k', 'default', 'c', 1, true);"
        'INSERT INTO "GroupParticipantKey" ("tenantId", "groupKeyId", "profileId", "wrappedKey") '
        "VALUES ('default', 'k', 'p', 'w')"
    )
    code, output = schema.run(database)
    assert code == 0, output
    rows = query('SELECT "groupKeyId", "participantProfileId", "encryptedKey" FROM "GroupParticipantKey"')
    assert rows == ["k|p|w"]


def test_enums_of_prisma_get_the_missing_values(schema: Job, database: dict[str, str], query: Query) -> None:
    query("CREATE TYPE \"MessageType\" AS ENUM ('TEXT', 'VOICE', 'SYSTEM', 'TRANSACTION_REF')")
    assert schema.run(database)[0] == 0
    assert set(query('SELECT unnest(enum_range(NULL::"MessageType"))')) >= {"FILE", "IMAGE"}


def test_a_newer_recorded_schema_is_success(schema: Job, database: dict[str, str], query: Query) -> None:
    assert schema.run(database, SCHEMA_VERSION="7")[0] == 0
    code, output = schema.run(database)
    assert code == 0
    assert "newer schema is recorded" in output
    assert query("SELECT version FROM gx_schema_version") == ["7"]


def test_version_and_hash_are_recorded(schema: Job, database: dict[str, str], query: Query) -> None:
    schema.run(database)
    assert query("SELECT version, length(hash) FROM gx_schema_version") == ["1|64"]


def test_countries_that_exist_stay_as_they_are(schema: Job, database: dict[str, str], query: Query) -> None:
    query('CREATE TABLE "Country" ("countryCode" CHAR(2) PRIMARY KEY, "countryName" TEXT NOT NULL, "region" TEXT)')
    query("INSERT INTO \"Country\" VALUES ('DE', 'Deutschland', 'Europe')")
    assert schema.run(database)[0] == 0
    assert query('SELECT "countryName" FROM "Country" WHERE "countryCode" = \'DE\'') == ["Deutschland"]
    assert query('SELECT count(*) FROM "Country"') == ["234"]


def test_a_database_that_is_not_there_is_waited_for_then_named(
    schema: Job, database: dict[str, str], tmp_path: Path
) -> None:
    runner = tmp_path / "schema/run-sql.sh"
    runner.write_text(runner.read_text().replace("-lt 24", "-lt 2").replace("sleep 5", "sleep 0"))
    code, output = schema.run({**database, "PGPORT": "1"})
    assert code == 1
    assert "gave up after 2 tries" in output
    assert "127.0.0.1" in output


USER_TABLE = """
CREATE TYPE "UserProfileStatus" AS ENUM ('REGISTERED', 'ACTIVE');
CREATE TABLE "UserProfile" (
  "profileId" TEXT PRIMARY KEY, "tenantId" TEXT NOT NULL, "firstName" TEXT NOT NULL, "lastName" TEXT NOT NULL,
  "biometricHash" TEXT NOT NULL UNIQUE, "passwordHash" TEXT NOT NULL, "updatedAt" TIMESTAMPTZ(3) NOT NULL,
  "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT now(), "status" "UserProfileStatus" NOT NULL DEFAULT 'REGISTERED',
  "isLocked" BOOLEAN NOT NULL DEFAULT false, "email" TEXT UNIQUE, "gender" TEXT, "dateOfBirth" DATE,
  "nationalityCountryCode" CHAR(2) REFERENCES "Country", "onchainStatus" TEXT)
"""
PASSWORD = "generated-test-password-0123456789"


def test_eight_test_users_once(schema: Job, test_users: Job, database: dict[str, str], query: Query) -> None:
    schema.run(database)
    query(USER_TABLE)
    for _ in range(2):
        code, output = test_users.run(database, TEST_USER_PASSWORD=PASSWORD)
        assert code == 0, output
        assert PASSWORD not in output
    hashes = query('SELECT "biometricHash" FROM "UserProfile"')
    assert len(hashes) == 8
    assert all(len(value) == 64 and set(value) <= set("0123456789abcdef") for value in hashes)
    assert query('SELECT DISTINCT split_part("email", \'@\', 2) FROM "UserProfile"') == ["devnet.gxcoin.test"]
    matching = f'SELECT count(*) FROM "UserProfile" WHERE crypt(\'{PASSWORD}\', "passwordHash") = "passwordHash"'
    assert query(matching) == ["8"]


@pytest.mark.parametrize("extra", [{"GX_NETWORK": "mainnet"}, {"TEST_USER_PASSWORD": "short"}])
def test_test_users_are_refused(
    schema: Job, test_users: Job, database: dict[str, str], query: Query, extra: dict[str, str]
) -> None:
    schema.run(database)
    query(USER_TABLE)
    code, output = test_users.run(database, **{"TEST_USER_PASSWORD": PASSWORD, **extra})
    assert code == 1
    assert "test users are refused" in output
    assert query('SELECT count(*) FROM "UserProfile"') == ["0"]
