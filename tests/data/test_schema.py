"""The schema Job on a real PostgreSQL 15: from nothing, again, at once, and broken in the middle."""

import subprocess
from pathlib import Path

from tests.data.sql_jobs import Job, Query

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
