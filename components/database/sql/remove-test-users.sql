-- Removes the users that test-users.sql has added, with their wallets and the conversations among them; no one else's.
\ir guard.sql
BEGIN;
SET LOCAL lock_timeout = '5s';
SELECT pg_advisory_xact_lock(hashtext('gx-infra test users')) AS locked \gset
SELECT to_regclass('public.gx_test_user') IS NOT NULL AS marked \gset
\if :marked
  SELECT count(*) AS removed FROM gx_test_user \gset
  DELETE FROM "Conversation" c
    WHERE EXISTS (SELECT FROM "ConversationParticipant" p WHERE p."conversationId" = c."conversationId")
      AND NOT EXISTS (
        SELECT FROM "ConversationParticipant" p
        WHERE p."conversationId" = c."conversationId" AND p."profileId" NOT IN (SELECT profile_id FROM gx_test_user));
  DELETE FROM "UserProfile" WHERE "profileId" IN (SELECT profile_id FROM gx_test_user);
  DROP TABLE gx_test_user;
\else
  \set removed 0
\endif
COMMIT;
\echo :removed test users were removed
