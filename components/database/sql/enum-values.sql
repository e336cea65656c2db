-- Adds the values that a live enum lacks. An enum that is not there yet is made by schema.sql, complete.
DO $$
DECLARE
  item record;
BEGIN
  FOR item IN
    SELECT w.typname AS name, v.enumlabel AS label, l.typowner::regrole AS owner
      FROM pg_type w JOIN pg_enum v ON v.enumtypid = w.oid
      JOIN pg_type l ON l.typname = w.typname AND l.typtype = 'e' AND l.typnamespace = 'public'::regnamespace
     WHERE w.typnamespace = pg_my_temp_schema()
       AND NOT EXISTS (SELECT FROM pg_enum x WHERE x.enumtypid = l.oid AND x.enumlabel = v.enumlabel)
     ORDER BY w.typname, v.enumsortorder
  LOOP
    BEGIN
      EXECUTE format('ALTER TYPE public.%I ADD VALUE %L', item.name, item.label);
    EXCEPTION WHEN insufficient_privilege THEN
      RAISE EXCEPTION 'the enum % lacks %, and only its owner % can add it: nothing was changed',
        quote_ident(item.name), item.label, item.owner;
    END;
  END LOOP;
END $$;
