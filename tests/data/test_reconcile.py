"""Databases that others made by hand or by Prisma: completed where that is safe, named and left alone where not."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalogue.feature_gates import FeatureGate
from common.plan import Plan
from components.database.scram import scram_verifier
from gx.plan.record import record
from settings.project import ROOT
from tests.data.sql_jobs import Job, Query
from tests.helpers.stack import copy_project, edit

SCHEMA = (ROOT / "components/database/sql/schema.sql").read_text()


def by_hand() -> str:
    """Return the statements of mainnet's hand-written tables: as wanted, but for the names of one table."""
    text = SCHEMA
    for ours, theirs in (
        ("id", "participantKeyId"),
        ("participantProfileId", "profileId"),
        ("encryptedKey", "wrappedKey"),
    ):
        head, table = text.split('CREATE TABLE IF NOT EXISTS "GroupParticipantKey"')
        text = f'{head}CREATE TABLE IF NOT EXISTS "GroupParticipantKey"' + table.replace(f'"{ours}"', f'"{theirs}"')
    return text.rstrip().removesuffix(");") + (
        ', "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT now(), '
        'CONSTRAINT "GroupParticipantKey_unique" UNIQUE ("groupKeyId", "profileId"));'
        'CREATE INDEX "GroupParticipantKey_tenantId_profileId_idx" ON "GroupParticipantKey" ("tenantId", "profileId")'
    )


def by_prisma() -> str:
    """Return the statements of the tables as Prisma makes them: no default of an id, four kinds of messages."""
    text = SCHEMA.replace("DEFAULT gen_random_uuid()::text", "").replace('"FILE", "IMAGE", ', "")
    text = re.sub(r'  "file(Name|MimeType|StorageKey|Size)" \w+,\n', "", text)
    return text.replace('"updatedAt" TIMESTAMPTZ(3) NOT NULL DEFAULT now()', '"updatedAt" TIMESTAMPTZ(3) NOT NULL')


ROWS = (
    'INSERT INTO "Conversation" ("conversationId", "tenantId", "type", "updatedAt") '
    "VALUES ('c', 'default', 'DIRECT', now());"
    'INSERT INTO "GroupEncryptionKey" ("keyId", "tenantId", "conversationId", "keyVersion", "createdByProfileId", '
    "\"masterKeyWrapped\") VALUES ('k', 'default', 'c', 1, 'p', 'm');"
)


def shape(query: Query) -> list[str]:
    """Return columns and unique constraints of the live tables, without names."""
    columns = query(
        "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns "
        "WHERE table_schema = 'public' AND table_name NOT LIKE 'gx_%' ORDER BY 1, 2"
    )
    keys = query(
        "SELECT DISTINCT indrelid::regclass::text, indisunique, indkey::text FROM pg_index x "
        "JOIN pg_class c ON c.oid = indrelid WHERE relnamespace = 'public'::regnamespace AND relname NOT LIKE 'gx_%' "
        "ORDER BY 1, 2, 3"
    )
    return columns + keys


@pytest.mark.parametrize("made", [by_hand, by_prisma], ids=["by hand", "by Prisma"])
def test_what_others_made_is_completed_without_losing_a_row(
    schema: Job, database: dict[str, str], query: Query, made: "type[str]"
) -> None:
    query(made() + ";" + ROWS)  # type: ignore[operator]
    columns = query(
        "SELECT string_agg(column_name, ',') FROM information_schema.columns WHERE table_name = 'GroupParticipantKey'"
    )
    old_names = "wrappedKey" in columns[0]
    if old_names:
        query(
            'INSERT INTO "GroupParticipantKey" ("tenantId", "groupKeyId", "profileId", "wrappedKey") '
            "VALUES ('default', 'k', 'p', 'w')"
        )
    code, output = schema.run(database)
    assert code == 0, output
    if old_names:
        found = query('SELECT "groupKeyId", "participantProfileId", "encryptedKey" FROM "GroupParticipantKey"')
        assert found == ["k|p|w"], "incident 9: the client uses other names; no row is lost"
    assert query('SELECT "conversationId" FROM "Conversation"') == ["c"]
    wanted = query('SELECT unnest(enum_range(NULL::"MessageType"))')
    assert set(wanted) == {"TEXT", "VOICE", "FILE", "IMAGE", "SYSTEM", "TRANSACTION_REF"}
    query(
        'INSERT INTO "Message" ("messageId", "tenantId", "conversationId", "senderProfileId", "type", '
        '"encryptedContent", "contentNonce", "encryptionKeyId", "fileName") '
        "VALUES ('m', 'default', 'c', 'p', 'FILE', 'e', 'n', 'k', 'f')"
    )
    before = shape(query)
    assert schema.run(database)[0] == 0
    assert shape(query) == before


def test_an_index_that_exists_under_another_name_is_not_made_twice(
    schema: Job, database: dict[str, str], query: Query
) -> None:
    query(by_hand())
    schema.run(database)
    same = query(
        "SELECT indkey::text, count(*) FROM pg_index WHERE indrelid = '\"GroupParticipantKey\"'::regclass "
        "GROUP BY indkey::text HAVING count(*) > 1"
    )
    assert same == []


def test_some_tables_of_eight_are_completed(schema: Job, database: dict[str, str], query: Query) -> None:
    fresh = {**database, "PGDATABASE": f"{database['PGDATABASE']}_fresh"}
    subprocess.run(["createdb", fresh["PGDATABASE"]], env=database, check=True)
    assert schema.run(fresh)[0] == 0
    query(SCHEMA + ';DROP TABLE "Message", "MessageDeliveryReceipt", "SignalPreKey" CASCADE')
    query('ALTER TABLE "Conversation" DROP COLUMN "isArchived", ALTER COLUMN "tenantId" DROP NOT NULL')
    query('ALTER TABLE "UserSignalKey" ALTER COLUMN "revokedAt" SET NOT NULL')
    query('ALTER TABLE "GroupEncryptionKey" DROP CONSTRAINT "GroupEncryptionKey_conversationId_fkey"')
    code, output = schema.run(database)
    assert code == 0, output
    dump = ["pg_dump", "--schema-only", "--no-owner"]
    texts = [
        sorted(
            line
            for line in subprocess.run(dump, env=env, capture_output=True, text=True, check=True).stdout.splitlines()
            if "restrict" not in line
        )
        for env in (database, fresh)
    ]
    strip = [[line.strip().rstrip(",") for line in text] for text in texts]
    assert sorted(strip[0]) == sorted(strip[1])


IRRECONCILABLE = {
    '"Conversation"."isArchived" is text, not boolean': 'ALTER TABLE "Conversation" ALTER "isArchived" DROP DEFAULT, '
    'ALTER "isArchived" TYPE text',
    '"Conversation"."tenantId" is missing and no row has a value for it': 'ALTER TABLE "Conversation" DROP "tenantId"',
    '"Conversation"."tenantId" is empty in some rows': 'ALTER TABLE "Conversation" ALTER "tenantId" DROP NOT NULL; '
    'UPDATE "Conversation" SET "tenantId" = NULL',
    '"Conversation".surprise must be given, and the service does not know it': 'ALTER TABLE "Conversation" '
    "ADD surprise text NOT NULL DEFAULT 'x'; ALTER TABLE \"Conversation\" ALTER surprise DROP DEFAULT",
    '"GroupEncryptionKey" ("conversationId") names rows that "Conversation" does not have': "ALTER TABLE "
    '"GroupEncryptionKey" DROP CONSTRAINT "GroupEncryptionKey_conversationId_fkey"; '
    'UPDATE "GroupEncryptionKey" SET "conversationId" = \'nowhere\'',
    '"GroupEncryptionKey" ("conversationId") does not delete with its "Conversation"': "ALTER TABLE "
    '"GroupEncryptionKey" DROP CONSTRAINT "GroupEncryptionKey_conversationId_fkey", '
    'ADD FOREIGN KEY ("conversationId") REFERENCES "Conversation"',
    '"GroupEncryptionKey" holds rows that are equal in ("conversationId", "keyVersion")': "INSERT INTO "
    '"GroupEncryptionKey" SELECT \'k2\', "tenantId", "conversationId", "keyVersion", "createdByProfileId", '
    '"masterKeyWrapped" FROM "GroupEncryptionKey"',
    '"SignalPreKey" has another primary key than ("preKeyId")': 'ALTER TABLE "SignalPreKey" DROP CONSTRAINT '
    '"SignalPreKey_pkey"',
    '"GroupParticipantKey" ("groupKeyId") names rows that "GroupEncryptionKey" does not have': "ALTER TABLE "
    '"GroupParticipantKey" DROP CONSTRAINT "GroupParticipantKey_groupKeyId_fkey"; INSERT INTO "GroupParticipantKey" '
    "VALUES ('p', 'default', 'nowhere', 'p', 'w'); "
    'ALTER TABLE "GroupParticipantKey" ADD FOREIGN KEY ("groupKeyId") REFERENCES "GroupEncryptionKey" '
    "ON DELETE CASCADE NOT VALID",  # a key that was never checked
    'the foreign key "GroupEncryptionKey_conversationId_fkey" of "GroupEncryptionKey" is switched off': "ALTER TABLE "
    '"GroupEncryptionKey" DISABLE TRIGGER ALL',
    'late of "GroupEncryptionKey" is checked at the end of a transaction: no upsert can use it': "ALTER TABLE "
    '"GroupEncryptionKey" ADD CONSTRAINT late UNIQUE ("conversationId", "keyVersion") DEFERRABLE',
    '"SignalPreKey" is no table': 'DROP TABLE "SignalPreKey"; CREATE VIEW "SignalPreKey" AS SELECT 1 AS one',
}


@pytest.mark.parametrize("problem", IRRECONCILABLE)
def test_what_cannot_be_reconciled_is_named_and_nothing_is_changed(
    schema: Job, database: dict[str, str], query: Query, problem: str
) -> None:
    query(SCHEMA + ";" + ROWS + IRRECONCILABLE[problem])
    before = shape(query)
    code, output = schema.run(database)
    assert code == 1
    assert problem in output, output
    assert "nothing was changed" in output
    assert shape(query) == before
    assert query("SELECT to_regclass('gx_schema_version') IS NULL") == ["t"]


def test_every_problem_is_named_at_once(schema: Job, database: dict[str, str], query: Query) -> None:
    changes = list(IRRECONCILABLE)
    query(SCHEMA + ";" + ROWS + ";".join(IRRECONCILABLE[problem] for problem in (changes[0], changes[3], changes[7])))
    _, output = schema.run(database)
    assert output.count("\n") >= 3
    assert all(problem in output for problem in (changes[0], changes[3], changes[7]))


EQUAL_ROWS = (
    'INSERT INTO "GroupEncryptionKey" SELECT \'k2\', "tenantId", "conversationId", "keyVersion", \'p\', \'m\' '
    'FROM "GroupEncryptionKey"'
)
UNFINISHED = 'CREATE UNIQUE INDEX CONCURRENTLY unfinished ON "GroupEncryptionKey" ("conversationId", "keyVersion")'


def unfinished_index(database: dict[str, str], query: Query) -> None:
    """Leave an index as PostgreSQL leaves it when building it beside writers finds equal rows."""
    query(SCHEMA + ";" + ROWS + EQUAL_ROWS)
    done = subprocess.run(["psql", "-Xqc", UNFINISHED], env=database, capture_output=True, text=True, check=False)
    assert "could not create unique index" in done.stderr
    assert query("SELECT indisvalid FROM pg_index WHERE indexrelid = 'unfinished'::regclass") == ["f"]


def test_an_index_that_holds_nothing_is_none(schema: Job, database: dict[str, str], query: Query) -> None:
    unfinished_index(database, query)
    code, output = schema.run(database)
    assert code == 1
    assert 'the index unfinished of "GroupEncryptionKey" was never finished: rows are equal in it' in output
    query('DELETE FROM "GroupEncryptionKey" WHERE "keyId" = \'k2\'')
    code, output = schema.run(database)
    assert code == 0, output
    assert query("SELECT indisvalid FROM pg_index WHERE indexrelid = 'unfinished'::regclass") == ["t"]


def test_columns_that_are_only_included_make_nothing_unique(
    schema: Job, database: dict[str, str], query: Query
) -> None:
    added = 'ADD CONSTRAINT wide UNIQUE ("conversationId") INCLUDE ("keyVersion")'
    query(f'{SCHEMA};ALTER TABLE "GroupEncryptionKey" {added}')
    assert schema.run(database)[0] == 0
    table = "'\"GroupEncryptionKey\"'::regclass"
    unique = query(f"SELECT indnkeyatts FROM pg_index WHERE indisunique AND indrelid = {table} ORDER BY 1")
    assert unique == ["1", "1", "2"]


def test_a_foreign_key_that_was_never_checked_is_checked(schema: Job, database: dict[str, str], query: Query) -> None:
    query(
        f'{SCHEMA};{ROWS};ALTER TABLE "GroupEncryptionKey" DROP CONSTRAINT "GroupEncryptionKey_conversationId_fkey", '
        'ADD CONSTRAINT later FOREIGN KEY ("conversationId") REFERENCES "Conversation" ON DELETE CASCADE NOT VALID'
    )
    assert schema.run(database)[0] == 0
    assert query("SELECT convalidated FROM pg_constraint WHERE conname = 'later'") == ["t"]


def test_a_default_that_its_enum_lacks(schema: Job, database: dict[str, str], query: Query) -> None:
    query("CREATE TYPE \"MessageStatus\" AS ENUM ('SENT', 'DELIVERED', 'READ', 'FAILED')")
    code, output = schema.run(database)
    assert code == 0, output
    assert "SENDING" in query('SELECT unnest(enum_range(NULL::"MessageStatus"))')


@pytest.fixture
def reader(database: dict[str, str], query: Query) -> Iterator[dict[str, str]]:
    """Return the environment of a role that owns nothing and may only read."""
    query("CREATE ROLE gx_reader LOGIN")
    query("GRANT SELECT ON ALL TABLES IN SCHEMA public TO gx_reader")
    query("ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO gx_reader")
    yield {**database, "PGUSER": "gx_reader"}
    query("DROP OWNED BY gx_reader; DROP ROLE gx_reader")


def test_a_right_schema_of_another_owner_needs_no_right(
    schema: Job, database: dict[str, str], reader: dict[str, str]
) -> None:
    assert schema.run(database)[0] == 0
    code, output = schema.run(reader)
    assert code == 0, output


CHECKED_KEY = 'ALTER TABLE "Message" DROP CONSTRAINT "Message_conversationId_fkey"'
FOREIGN = {
    'ALTER TABLE "Conversation" DROP COLUMN "name"': '"Conversation".name is missing: must be owner',
    'ALTER TABLE "Conversation" ALTER "name" SET NOT NULL': '"Conversation".name must be given: must be owner',
    'ALTER TABLE "Conversation" ALTER "tenantId" DROP NOT NULL': '"Conversation"."tenantId" may be empty: must be',
    'DROP INDEX "Message_status_idx"': '"Message" lacks an index on (status): must be owner of table',
    CHECKED_KEY: '"Message" ("conversationId") does not point to "Conversation": must be owner of table',
    CHECKED_KEY + ', ADD CONSTRAINT later FOREIGN KEY ("conversationId") REFERENCES "Conversation" ON DELETE CASCADE '
    "NOT VALID": 'the foreign key later of "Message" was never checked: must be owner of table',
    'DELETE FROM "Country"': "permission denied for table Country",
    'DROP TABLE "SignalPreKey"': "permission denied for schema public",
}


@pytest.mark.parametrize("change", FOREIGN)
def test_what_only_the_owner_can_change_is_named(
    schema: Job, database: dict[str, str], query: Query, reader: dict[str, str], change: str
) -> None:
    assert schema.run(database)[0] == 0
    query(change)
    before = shape(query)
    code, output = schema.run(reader)
    assert code == 1
    assert FOREIGN[change] in output, output
    assert shape(query) == before


def test_an_enum_that_only_its_owner_can_complete(schema: Job, query: Query, reader: dict[str, str]) -> None:
    query("CREATE TYPE \"MessageType\" AS ENUM ('TEXT')")
    code, output = schema.run(reader)
    assert code == 1
    assert 'the enum "MessageType" lacks VOICE, and only its owner gx_admin can add it: nothing was changed' in output


RIGHTS = (
    "SELECT relname, privilege_type FROM pg_class, aclexplode(coalesce(relacl, acldefault('r', relowner))) "
    "WHERE relnamespace = 'public'::regnamespace AND grantee = 'gx_admin'::regrole ORDER BY 1, 2"
)


@pytest.fixture(scope="module")
def with_role(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Plan]:
    """Return devnet's Plan with a role of svc-messaging's own, in two epochs."""
    root = copy_project(tmp_path_factory.mktemp("role"))
    edit(root, "devnet", lambda config: config.update(featureGates=[FeatureGate.MESSAGING_DATABASE_ROLE.value]))
    first = record("devnet", root=root)
    changes = {"secretEpochs": {"messagingDatabaseRole": 2}, "retiredEpochs": {"messagingDatabaseRole": 1}}
    edit(root, "devnet", lambda config: config.update(changes))
    return {1: first, 2: record("devnet", root=root)}


def test_a_role_of_the_services_own(
    with_role: dict[int, Plan], database: dict[str, str], query: Query, tmp_path: Path
) -> None:
    query('CREATE TABLE "Secretive" (id int)')
    query('GRANT SELECT ON "Secretive" TO gx_admin')
    first = Job(with_role[1], "database-schema-", tmp_path / "one")
    verifier = scram_verifier("correct-horse", "salt-of-a-test")
    code, output = first.run(database, SERVICE_ROLE_VERIFIER=verifier)
    assert code == 0, output
    rights = query(RIGHTS)
    assert query("SELECT rolpassword FROM pg_authid WHERE rolname = 'svc_messaging_1'") == [verifier]
    as_service = {**os.environ, **database, "PGUSER": "svc_messaging_1"}

    def service(sql: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["psql", "-XAtqc", sql], env=as_service, capture_output=True, text=True, check=False)

    assert service('SELECT count(*) FROM "Message"').stdout == "0\n"
    for refused in (
        'SELECT * FROM "Secretive"',
        'DROP TABLE "Message"',
        "CREATE TABLE mine (id int)",
        'DELETE FROM "Country"',
    ):
        assert "ERROR" in service(refused).stderr, refused
    second = Job(with_role[2], "database-schema-", tmp_path / "two")
    code, output = second.run(database, SERVICE_ROLE_VERIFIER=verifier)
    assert code == 0, output
    assert query("SELECT rolname FROM pg_roles WHERE rolname LIKE 'svc_messaging_%'") == ["svc_messaging_2"]
    assert query(RIGHTS) == rights, "the shared role keeps every right"
    query("DROP OWNED BY svc_messaging_2; DROP ROLE svc_messaging_2")


def test_without_the_step_no_role_is_made(schema: Job, database: dict[str, str], query: Query) -> None:
    schema.run(database)
    assert query("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'svc_messaging%'") == ["0"]
