-- Test users belong on networks without users of their own: this ends the run anywhere else.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
\set network ''
\set namespace ''
\getenv network GX_NETWORK
\getenv namespace POD_NAMESPACE
SELECT :'network' IN ('mainnet', 'production') OR :'namespace' <> 'backend-' || :'network' AS refused \gset
\if :refused
  DO 'BEGIN RAISE EXCEPTION $$test users are refused on this network$$; END';
\endif
