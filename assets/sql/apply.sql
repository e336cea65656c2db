-- One transaction under one advisory lock: two runs at once wait for each other, a failure leaves nothing behind.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
\getenv version SCHEMA_VERSION
\getenv hash SCHEMA_HASH
BEGIN;
SET LOCAL lock_timeout = '5s';
SELECT pg_advisory_xact_lock(hashtext('gx-infra schema')) AS locked \gset
CREATE TABLE IF NOT EXISTS gx_schema_version (
  version INTEGER PRIMARY KEY,
  hash TEXT NOT NULL,
  applied_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
SELECT coalesce(max(version), 0) > :'version'::integer AS newer FROM gx_schema_version \gset
\if :newer
  \echo a newer schema is recorded: nothing to do
\else
  \ir schema.sql
  \ir countries.sql
  INSERT INTO gx_schema_version (version, hash) VALUES (:'version'::integer, :'hash')
    ON CONFLICT (version) DO UPDATE SET hash = excluded.hash, applied_at = now()
    WHERE gx_schema_version.hash <> excluded.hash;
\endif
COMMIT;
