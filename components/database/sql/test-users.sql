-- The eight test users of devnet and testnet, inserted only when absent and marked in gx_test_user. Those named in
-- QSEND_USERS are active, have an on-chain id and a wallet: what Q Send asks for.
\ir guard.sql
\set password ''
\getenv zone TEST_USER_DOMAIN
\getenv password TEST_USER_PASSWORD
\set qsend ''
\getenv qsend QSEND_USERS
SELECT length(:'password') < 20 AS refused, :'qsend' <> '' AS paying \gset
\if :refused
  DO 'BEGIN RAISE EXCEPTION $$the password of the test users is missing$$; END';
\endif
BEGIN;
SET LOCAL lock_timeout = '5s';
SELECT pg_advisory_xact_lock(hashtext('gx-infra test users')) AS locked \gset
CREATE EXTENSION IF NOT EXISTS pgcrypto;
CREATE TABLE IF NOT EXISTS gx_test_user (
  profile_id TEXT PRIMARY KEY,
  email TEXT NOT NULL UNIQUE,
  added_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE TEMPORARY TABLE wanted ON COMMIT DROP AS
SELECT local_part || '@' || :'zone' AS address, local_part = ANY (string_to_array(:'qsend', ' ')) AS pays, *
FROM (VALUES
  ('alice.johnson', 'Alice', 'Johnson', 'US', 'female', '1990-03-15', 10000),
  ('bob.williams', 'Robert', 'Williams', 'GB', 'male', '1985-07-22', 5000),
  ('charlie.adeyemi', 'Charles', 'Adeyemi', 'NG', 'male', '1992-11-08', 0),
  ('diana.mueller', 'Diana', 'Mueller', 'DE', 'female', '1988-04-20', 0),
  ('eve.tanaka', 'Eve', 'Tanaka', 'JP', 'female', '1995-09-12', 0),
  ('frank.sharma', 'Franklin', 'Sharma', 'IN', 'male', '1991-06-30', 0),
  ('grace.silva', 'Grace', 'Silva', 'BR', 'female', '1993-02-14', 0),
  ('henry.thompson', 'Henry', 'Thompson', 'CA', 'male', '1987-12-25', 0)
) AS person(local_part, first_name, last_name, country, gender, born, balance);
WITH added AS (
  INSERT INTO "UserProfile" (
    "profileId", "tenantId", "firstName", "lastName", "email", "gender", "dateOfBirth", "nationalityCountryCode",
    "biometricHash", "passwordHash", "status", "onchainStatus", "isLocked", "createdAt", "updatedAt")
  SELECT gen_random_uuid()::text, 'default', first_name, last_name, address, gender, born::date, country,
    encode(digest(address, 'sha256'), 'hex'), crypt(:'password', gen_salt('bf', 10)),
    'REGISTERED', 'NOT_REGISTERED', false, now(), now()
  FROM wanted
  ON CONFLICT DO NOTHING
  RETURNING "profileId", "email"
)
INSERT INTO gx_test_user (profile_id, email) SELECT "profileId", "email" FROM added;
-- A new password reaches the users that this file has added, and no one else's.
WITH marked AS MATERIALIZED (
  SELECT profile_id, "passwordHash" AS hash FROM "UserProfile" JOIN gx_test_user ON profile_id = "profileId"
)
UPDATE "UserProfile" SET "passwordHash" = crypt(:'password', gen_salt('bf', 10)), "updatedAt" = now()
  FROM marked
  WHERE "profileId" = profile_id AND crypt(:'password', hash) <> hash;
\if :paying
  UPDATE "UserProfile" SET "status" = 'ACTIVE', "onchainStatus" = 'REGISTERED',
      "fabricUserId" = 'gx-test-' || local_part, "updatedAt" = now()
    FROM wanted JOIN gx_test_user ON gx_test_user.email = address
    WHERE pays AND "profileId" = profile_id AND "fabricUserId" IS NULL;
  INSERT INTO "Wallet" (
    "walletId", "tenantId", "profileId", "primaryAccountId", "walletName", "cachedBalance", "createdAt", "updatedAt")
  SELECT gen_random_uuid()::text, 'default', profile_id, 'gx-test-' || local_part, first_name, balance, now(), now()
    FROM wanted JOIN gx_test_user ON gx_test_user.email = address
    WHERE pays
  ON CONFLICT DO NOTHING;
\endif
COMMIT;
SELECT count(*) || ' test users are there' FROM gx_test_user \g (format=unaligned tuples_only)
