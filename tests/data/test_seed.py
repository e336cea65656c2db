"""Countries and test users on a real PostgreSQL 15."""

import csv

import bcrypt
import pycountry
import pytest

from settings.project import ROOT
from tests.data.sql_jobs import Job, Query

PLATFORM = (ROOT / "images" / "fakes" / "platform.sql").read_text(encoding="utf-8")
PASSWORD = "generated-test-password-0123456789"


def test_the_countries_are_those_of_iso_3166() -> None:
    with (ROOT / "components/database/countries.csv").open(encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    assert len(rows) == len({code for code, _, _ in rows}) == 234
    known = {country.alpha_2 for country in pycountry.countries}
    assert {code for code, _, _ in rows} <= known
    assert all(name for _, name, _ in rows)
    regions = {"Africa", "Asia", "Europe", "North America", "South America", "Oceania"}
    assert {region for _, _, region in rows} <= regions


@pytest.fixture
def users(schema: Job, test_users: Job, database: dict[str, str], query: Query) -> Job:
    """Return the Job of the test users on a database that is ready for it."""
    query(PLATFORM)
    assert schema.run(database)[0] == 0
    return test_users


def test_eight_test_users_once(users: Job, database: dict[str, str], query: Query) -> None:
    for _ in range(2):
        code, output = users.run(database, TEST_USER_PASSWORD=PASSWORD)
        assert code == 0, output
        assert "8 test users are there" in output
        assert PASSWORD not in output
    rows = [row.split("|") for row in query('SELECT "biometricHash", "passwordHash", "email" FROM "UserProfile"')]
    assert len(rows) == 8
    assert all(len(fingerprint) == 64 and set(fingerprint) <= set("0123456789abcdef") for fingerprint, _, _ in rows)
    assert {email.split("@")[1] for _, _, email in rows} == {"devnet.gxcoin.test"}
    for _, password_hash, _ in rows:
        assert password_hash.startswith("$2a$10$"), "bcrypt at cost 10, as the identity service makes it"
        assert bcrypt.checkpw(PASSWORD.encode(), password_hash.encode())


def test_two_of_them_can_pay_each_other_on_devnet(users: Job, database: dict[str, str], query: Query) -> None:
    users.run(database, TEST_USER_PASSWORD=PASSWORD)
    users.run(database, TEST_USER_PASSWORD=PASSWORD)
    paying = query(
        'SELECT "firstName", "status", "onchainStatus", "fabricUserId", "cachedBalance"::int '
        'FROM "UserProfile" JOIN "Wallet" USING ("profileId") ORDER BY 1'
    )
    assert paying == [
        "Alice|ACTIVE|REGISTERED|gx-test-alice.johnson|10000",
        "Robert|ACTIVE|REGISTERED|gx-test-bob.williams|5000",
    ]
    others = query('SELECT DISTINCT "status", "onchainStatus" FROM "UserProfile" WHERE "fabricUserId" IS NULL')
    assert others == ["REGISTERED|NOT_REGISTERED"]


def test_on_testnet_nobody_is_active_on_chain(users: Job, database: dict[str, str], query: Query) -> None:
    del users.env["QSEND_USERS"]
    code, output = users.run(database, TEST_USER_PASSWORD=PASSWORD)
    assert code == 0, output
    assert query('SELECT DISTINCT "status" FROM "UserProfile"') == ["REGISTERED"]
    assert query('SELECT count(*) FROM "Wallet"') == ["0"]


BY_HAND = (
    'INSERT INTO "UserProfile" ("profileId", "tenantId", "firstName", "lastName", "biometricHash", "passwordHash", '
    '"email", "updatedAt") '
    "VALUES ('by-hand', 'default', 'A', 'J', 'b', 'p', 'alice.johnson@devnet.gxcoin.test', now())"
)


def test_a_user_that_somebody_made_by_hand_is_not_touched(users: Job, database: dict[str, str], query: Query) -> None:
    query(BY_HAND)
    code, output = users.run(database, TEST_USER_PASSWORD=PASSWORD)
    assert code == 0, output
    assert "7 test users are there" in output
    assert query('SELECT "passwordHash", "status" FROM "UserProfile" WHERE "profileId" = \'by-hand\'') == [
        "p|REGISTERED"
    ]


def test_a_new_password_reaches_the_marked_users(users: Job, database: dict[str, str], query: Query) -> None:
    query(BY_HAND)
    users.run(database, TEST_USER_PASSWORD=PASSWORD)
    users.run(database, TEST_USER_PASSWORD=PASSWORD[::-1])
    hashes = query('SELECT "passwordHash" FROM "UserProfile" WHERE "profileId" <> \'by-hand\'')
    assert all(bcrypt.checkpw(PASSWORD[::-1].encode(), text.encode()) for text in hashes)
    assert query('SELECT "passwordHash" FROM "UserProfile" WHERE "profileId" = \'by-hand\'') == ["p"]


def test_they_are_removed_with_what_is_theirs(users: Job, database: dict[str, str], query: Query) -> None:
    query(BY_HAND)
    users.run(database, TEST_USER_PASSWORD=PASSWORD)
    query(
        'INSERT INTO "Conversation" ("conversationId", "tenantId", "type") '
        "VALUES ('theirs', 'default', 'DIRECT'), ('shared', 'default', 'DIRECT'), ('empty', 'default', 'DIRECT');"
        'INSERT INTO "ConversationParticipant" ("tenantId", "conversationId", "profileId") '
        "SELECT 'default', c, profile_id FROM gx_test_user, unnest(ARRAY['theirs', 'shared']) AS c;"
        'INSERT INTO "ConversationParticipant" ("tenantId", "conversationId", "profileId") '
        "VALUES ('default', 'shared', 'by-hand')"
    )
    users.command[-1] = users.command[-1].replace("test-users.sql", "remove-test-users.sql")
    code, output = users.run(database)
    assert code == 0, output
    assert "7 test users were removed" in output
    assert query('SELECT "profileId" FROM "UserProfile"') == ["by-hand"]
    assert query('SELECT count(*) FROM "Wallet"') == ["0"]
    assert query('SELECT "conversationId" FROM "Conversation" ORDER BY 1') == ["empty", "shared"]
    code, output = users.run(database)
    assert (code, "0 test users were removed" in output) == (0, True)


@pytest.mark.parametrize(
    ("extra", "line"),
    [
        ({"GX_NETWORK": "mainnet", "POD_NAMESPACE": "backend-mainnet"}, "test users are refused on this network"),
        ({"POD_NAMESPACE": "backend-mainnet"}, "test users are refused on this network"),
        ({"POD_NAMESPACE": ""}, "test users are refused on this network"),
        ({"TEST_USER_PASSWORD": "short"}, "the password of the test users is missing"),
    ],
)
def test_test_users_are_refused(
    users: Job, database: dict[str, str], query: Query, extra: dict[str, str], line: str
) -> None:
    code, output = users.run(database, **{"TEST_USER_PASSWORD": PASSWORD, **extra})
    assert code == 1
    assert line in output
    assert query('SELECT count(*) FROM "UserProfile"') == ["0"]


def test_removal_is_refused_on_another_network(users: Job, database: dict[str, str], query: Query) -> None:
    users.run(database, TEST_USER_PASSWORD=PASSWORD)
    users.command[-1] = users.command[-1].replace("test-users.sql", "remove-test-users.sql")
    code, output = users.run(database, GX_NETWORK="mainnet", POD_NAMESPACE="backend-mainnet")
    assert code == 1
    assert "refused" in output
    assert query('SELECT count(*) FROM "UserProfile"') == ["8"]
