-- One transaction under one advisory lock: two runs at once wait for each other, a failure leaves nothing behind.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
\getenv version SCHEMA_VERSION
\getenv hash SCHEMA_HASH
BEGIN;
SET LOCAL lock_timeout = '5s';
SET LOCAL search_path = public;
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
  -- The wanted shape first, as temporary tables that go with the session: what is live is compared with it.
  SET LOCAL search_path = pg_temp;
  \ir schema.sql
  \ir indexes.sql
  SET LOCAL search_path = public, pg_temp;
  \ir renames.sql
  \ir schema.sql
  \ir reconcile.sql
  \ir countries.sql
  INSERT INTO gx_schema_version (version, hash) VALUES (:'version'::integer, :'hash')
    ON CONFLICT (version) DO UPDATE SET hash = excluded.hash, applied_at = now()
    WHERE gx_schema_version.hash <> excluded.hash;
\endif
\getenv role SERVICE_ROLE
\if :{?role}
  \ir role.sql
\endif
COMMIT;
