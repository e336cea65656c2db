-- The eight test users of devnet and testnet, inserted only when absent. Never on a production network.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
\getenv network GX_NETWORK
\getenv zone TEST_USER_DOMAIN
\getenv password TEST_USER_PASSWORD
SELECT :'network' IN ('mainnet', 'production') OR length(:'password') < 20 AS refused \gset
\if :refused
  DO 'BEGIN RAISE EXCEPTION $$test users are refused on this network, or their password is missing$$; END';
\endif
BEGIN;
SET LOCAL lock_timeout = '5s';
SELECT pg_advisory_xact_lock(hashtext('gx-infra test users')) AS locked \gset
CREATE EXTENSION IF NOT EXISTS pgcrypto;
INSERT INTO "UserProfile" (
  "profileId", "tenantId", "firstName", "lastName", "email", "gender", "dateOfBirth", "nationalityCountryCode",
  "biometricHash", "passwordHash", "status", "onchainStatus", "isLocked", "createdAt", "updatedAt")
SELECT gen_random_uuid()::text, 'default', first_name, last_name, address, gender, born::date, country,
  encode(digest(address, 'sha256'), 'hex'), crypt(:'password', gen_salt('bf', 10)),
  'REGISTERED', 'NOT_REGISTERED', false, now(), now()
FROM (
  SELECT *, local_part || '@' || :'zone' AS address FROM (VALUES
    ('alice.johnson', 'Alice', 'Johnson', 'US', 'female', '1990-03-15'),
    ('bob.williams', 'Robert', 'Williams', 'GB', 'male', '1985-07-22'),
    ('charlie.adeyemi', 'Charles', 'Adeyemi', 'NG', 'male', '1992-11-08'),
    ('diana.mueller', 'Diana', 'Mueller', 'DE', 'female', '1988-04-20'),
    ('eve.tanaka', 'Eve', 'Tanaka', 'JP', 'female', '1995-09-12'),
    ('frank.sharma', 'Franklin', 'Sharma', 'IN', 'male', '1991-06-30'),
    ('grace.silva', 'Grace', 'Silva', 'BR', 'female', '1993-02-14'),
    ('henry.thompson', 'Henry', 'Thompson', 'CA', 'male', '1987-12-25')
  ) AS person(local_part, first_name, last_name, country, gender, born)
) AS wanted
ON CONFLICT DO NOTHING;
COMMIT;
