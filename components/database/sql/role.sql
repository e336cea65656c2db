-- A role of svc-messaging's own, with rights on its own tables. The password comes as a SCRAM verifier: no statement
-- that the server may log holds it. The shared role keeps every right.
\getenv verifier SERVICE_ROLE_VERIFIER
\getenv retired RETIRED_ROLES
SELECT format('CREATE ROLE %I LOGIN', :'role') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \gexec
SELECT format('ALTER ROLE %I LOGIN PASSWORD %L', :'role', :'verifier') \gexec
SELECT format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), :'role')
  WHERE NOT has_database_privilege(:'role', current_database(), 'CONNECT') \gexec
SELECT format('GRANT USAGE ON SCHEMA public TO %I', :'role')
  WHERE NOT has_schema_privilege(:'role', 'public', 'USAGE') \gexec
SELECT format('GRANT %s ON public.%I TO %I', privilege, name, :'role')
  FROM unnest(ARRAY['Conversation', 'ConversationParticipant', 'Message', 'MessageDeliveryReceipt', 'UserSignalKey',
    'SignalPreKey', 'GroupEncryptionKey', 'GroupParticipantKey']) AS name,
    unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS privilege
  WHERE NOT has_table_privilege(:'role', format('public.%I', name), privilege) \gexec
SELECT format('GRANT SELECT ON public."UserProfile" TO %I', :'role')
  WHERE NOT has_table_privilege(:'role', to_regclass('public."UserProfile"')::oid, 'SELECT') \gexec
SELECT format('DROP OWNED BY %I', rolname) FROM pg_roles WHERE rolname = ANY (string_to_array(:'retired', ' ')) \gexec
SELECT format('DROP ROLE %I', rolname) FROM pg_roles WHERE rolname = ANY (string_to_array(:'retired', ' ')) \gexec
