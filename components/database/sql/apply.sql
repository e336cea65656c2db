-- Under one advisory lock, so that two runs at once wait for each other. What is there is read first: a statement runs
-- only for what is missing, because most need rights even where they would change nothing.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
SET lock_timeout = '5s';
\getenv version SCHEMA_VERSION
\getenv hash SCHEMA_HASH
SELECT pg_advisory_lock(hashtext('gx-infra schema')) AS locked \gset
SELECT to_regclass('public.gx_schema_version') IS NULL AS unversioned \gset
\set newer false
\if :unversioned
\else
  SELECT coalesce(max(version), 0) > :'version'::integer AS newer FROM public.gx_schema_version \gset
\endif
\if :newer
  \echo a newer schema is recorded: nothing to do
\else
  -- The wanted shape, as temporary tables that go with the session: what is live is compared with it. Values that an
  -- enum lacks come with it, because a transaction cannot use a value that it added itself.
  BEGIN;
  SET LOCAL search_path = pg_temp;
  \ir schema.sql
  \ir indexes.sql
  \ir enum-values.sql
  COMMIT;
\endif
\getenv role SERVICE_ROLE
-- All the rest in one transaction: a failure leaves nothing behind.
BEGIN;
SET LOCAL search_path = public, pg_temp;
\if :newer
\else
  \ir renames.sql
  SELECT EXISTS (
    SELECT FROM pg_class w WHERE w.relnamespace = pg_my_temp_schema() AND w.relkind = 'r'
      AND to_regclass('public.' || quote_ident(w.relname)) IS NULL
    ) OR EXISTS (
    SELECT FROM pg_type w WHERE w.typnamespace = pg_my_temp_schema() AND w.typtype = 'e'
      AND to_regtype('public.' || quote_ident(w.typname)) IS NULL) AS incomplete \gset
  \if :incomplete
    \ir schema.sql
  \endif
  \ir reconcile.sql
  \ir countries.sql
  \if :unversioned
    CREATE TABLE gx_schema_version (
      version INTEGER PRIMARY KEY,
      hash TEXT NOT NULL,
      applied_at TIMESTAMPTZ NOT NULL DEFAULT now()
    );
  \endif
  SELECT NOT EXISTS (SELECT FROM gx_schema_version WHERE version = :'version'::integer AND hash = :'hash')
    AS unrecorded \gset
  \if :unrecorded
    INSERT INTO gx_schema_version (version, hash) VALUES (:'version'::integer, :'hash')
      ON CONFLICT (version) DO UPDATE SET hash = excluded.hash, applied_at = now();
  \endif
\endif
\if :{?role}
  \ir role.sql
\endif
COMMIT;
