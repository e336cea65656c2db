-- Brings the live tables to the wanted shape, which lies in pg_temp: adds what is missing, loosens what is too strict,
-- and fails with the name of everything that it cannot mend. Columns and indexes that nobody asked for stay.
DO $$
DECLARE
  temp CONSTANT oid := pg_my_temp_schema();
  problems text[] := '{}';
  item record;
BEGIN
  FOR item IN
    SELECT w.relname AS name, l.relkind
      FROM pg_class w JOIN pg_class l ON l.relname = w.relname AND l.relnamespace = 'public'::regnamespace
     WHERE w.relnamespace = temp AND w.relkind = 'r' AND l.relkind NOT IN ('r', 'p')
  LOOP
    RAISE EXCEPTION '% is no table, nothing was changed', quote_ident(item.name);
  END LOOP;

  -- Columns: a column's type by name, so that an enum of pg_temp equals its live namesake.
  FOR item IN
    WITH columns AS (
      SELECT c.relnamespace = temp AS wanted, c.relname AS tab, a.attname AS col, a.attnotnull AS required,
        CASE t.typtype WHEN 'e' THEN quote_ident(t.typname) ELSE format_type(a.atttypid, a.atttypmod) END AS typ,
        replace(pg_get_expr(d.adbin, d.adrelid), temp::regnamespace::text || '.', '') AS fallback,
        a.attidentity <> '' OR a.attgenerated <> '' AS filled
      FROM pg_class c
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      JOIN pg_type t ON t.oid = a.atttypid
      LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
      WHERE c.relkind IN ('r', 'p') AND c.relnamespace IN (temp, 'public'::regnamespace)
        AND c.relname IN (SELECT relname FROM pg_class WHERE relnamespace = temp AND relkind = 'r')
    )
    SELECT coalesce(w.tab, l.tab) AS tab, coalesce(w.col, l.col) AS col, w.typ, w.required, w.fallback,
      l.typ AS live_typ, l.required AS live_required, l.fallback AS live_fallback, l.filled AS live_filled,
      w.col IS NULL AS unknown, l.col IS NULL AS missing
    FROM (SELECT * FROM columns WHERE wanted) w
    FULL JOIN (SELECT * FROM columns WHERE NOT wanted) l ON l.tab = w.tab AND l.col = w.col
    ORDER BY 1, 2
  LOOP
    IF item.unknown THEN
      IF item.live_required AND item.live_fallback IS NULL AND NOT item.live_filled THEN
        problems := problems || format('%I.%I must be given, and the service does not know it', item.tab, item.col);
      END IF;
    ELSIF item.missing THEN
      BEGIN
        EXECUTE format('ALTER TABLE public.%I ADD COLUMN %I %s %s %s', item.tab, item.col, item.typ,
          coalesce('DEFAULT ' || item.fallback, ''), CASE WHEN item.required THEN 'NOT NULL' ELSE '' END);
      EXCEPTION WHEN not_null_violation THEN
        problems := problems || format('%I.%I is missing and no row has a value for it', item.tab, item.col);
      WHEN insufficient_privilege THEN
        problems := problems || format('%I.%I is missing: %s', item.tab, item.col, SQLERRM);
      END;
    ELSIF item.typ <> item.live_typ THEN
      problems := problems || format('%I.%I is %s, not %s', item.tab, item.col, item.live_typ, item.typ);
    ELSIF item.required AND NOT item.live_required THEN
      BEGIN
        EXECUTE format('ALTER TABLE public.%I ALTER COLUMN %I SET NOT NULL', item.tab, item.col);
      EXCEPTION WHEN not_null_violation THEN
        problems := problems || format('%I.%I is empty in some rows', item.tab, item.col);
      WHEN insufficient_privilege THEN
        problems := problems || format('%I.%I may be empty: %s', item.tab, item.col, SQLERRM);
      END;
    ELSIF item.live_required AND NOT item.required THEN
      BEGIN
        EXECUTE format('ALTER TABLE public.%I ALTER COLUMN %I DROP NOT NULL', item.tab, item.col);
      EXCEPTION WHEN insufficient_privilege THEN
        problems := problems || format('%I.%I must be given: %s', item.tab, item.col, SQLERRM);
      END;
    END IF;
  END LOOP;

  -- An index that was never finished (CREATE INDEX CONCURRENTLY that failed) is there and holds nothing.
  FOR item IN
    SELECT t.relname AS tab, i.relname AS name
      FROM pg_index x JOIN pg_class t ON t.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
     WHERE t.relnamespace = 'public'::regnamespace AND NOT x.indisvalid
       AND t.relname IN (SELECT relname FROM pg_class WHERE relnamespace = temp AND relkind = 'r')
     ORDER BY t.relname, i.relname
  LOOP
    BEGIN
      EXECUTE format('REINDEX INDEX public.%I', item.name);
    EXCEPTION
      WHEN unique_violation THEN
        problems := problems || format('the index %I of %I was never finished: rows are equal in it', item.name, item.tab);
      WHEN insufficient_privilege THEN
        problems := problems || format('the index %I of %I was never finished: %s', item.name, item.tab, SQLERRM);
    END;
  END LOOP;

  -- Indexes and primary keys: by their columns, whatever their names. Columns that are only included are no part of
  -- what is unique.
  FOR item IN
    WITH indexes AS (
      SELECT t.relnamespace = temp AS wanted, t.relname AS tab, i.relname AS name, x.indisunique AS uniq, x.indimmediate AS at_once,
        x.indisprimary AS pk,
        (SELECT array_agg(a.attname::text ORDER BY k.position)
           FROM unnest(x.indkey::int2[]) WITH ORDINALITY AS k(attnum, position)
           JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum
          WHERE k.position <= x.indnkeyatts) AS cols
      FROM pg_index x JOIN pg_class t ON t.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
      WHERE t.relnamespace IN (temp, 'public'::regnamespace) AND x.indpred IS NULL AND x.indexprs IS NULL
        AND (x.indisvalid OR t.relnamespace = temp)
    )
    SELECT w.*, (SELECT string_agg(quote_ident(col), ', ') FROM unnest(w.cols) AS col) AS list,
      l.late
    FROM indexes w CROSS JOIN LATERAL (
      SELECT count(*) FILTER (WHERE (l.uniq OR NOT w.uniq) AND (l.pk OR NOT w.pk)) AS fitting,
        min(l.name) FILTER (WHERE w.uniq AND NOT l.at_once) AS late
      FROM indexes l WHERE NOT l.wanted AND l.tab = w.tab AND l.cols = w.cols) l
    WHERE w.wanted AND (l.fitting = 0 OR l.late IS NOT NULL)
    ORDER BY w.tab, w.name
  LOOP
    IF item.late IS NOT NULL THEN
      problems := problems || format('%I of %I is checked at the end of a transaction: no upsert can use it', item.late,
        item.tab);
      CONTINUE;
    END IF;
    IF item.pk THEN
      problems := problems || format('%I has another primary key than (%s)', item.tab, item.list);
      CONTINUE;
    END IF;
    BEGIN
      EXECUTE format('CREATE %s INDEX %I ON public.%I (%s)', CASE WHEN item.uniq THEN 'UNIQUE' ELSE '' END,
        item.name, item.tab, item.list);
    EXCEPTION
      WHEN unique_violation THEN
        problems := problems || format('%I holds rows that are equal in (%s)', item.tab, item.list);
      WHEN undefined_column THEN
        problems := problems || format('%I lacks a column of (%s)', item.tab, item.list);
      WHEN duplicate_table THEN
        problems := problems || format('the name %I is taken by another index', item.name);
      WHEN insufficient_privilege THEN
        problems := problems || format('%I lacks an index on (%s): %s', item.tab, item.list, SQLERRM);
    END;
  END LOOP;

  -- Foreign keys.
  FOR item IN
    WITH keys AS (
      SELECT t.relnamespace = temp AS wanted, t.relname AS tab, r.relname AS ref, c.conname AS name,
        c.confdeltype AS on_delete,
        c.convalidated AS validated,
        NOT EXISTS (SELECT FROM pg_trigger g WHERE g.tgconstraint = c.oid AND g.tgenabled = 'D')
          AND coalesce(to_jsonb(c) ->> 'conenforced', 'true') = 'true' AS enforced,  -- a column since PostgreSQL 18
        (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY k.position)
           FROM unnest(c.conkey) WITH ORDINALITY AS k(attnum, position)
           JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum) AS cols,
        (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY k.position)
           FROM unnest(c.confkey) WITH ORDINALITY AS k(attnum, position)
           JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.attnum) AS ref_cols
      FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN pg_class r ON r.oid = c.confrelid
      WHERE c.contype = 'f' AND t.relnamespace IN (temp, 'public'::regnamespace)
    )
    SELECT w.*, l.name AS live_name, l.on_delete AS live_on_delete,
      l.validated AS live_validated, l.enforced AS live_enforced
    FROM keys w LEFT JOIN keys l ON NOT l.wanted AND (l.tab, l.ref, l.cols, l.ref_cols) = (w.tab, w.ref, w.cols, w.ref_cols)
    WHERE w.wanted
    ORDER BY w.tab, w.name
  LOOP
    IF item.live_name IS NOT NULL THEN
      IF item.live_on_delete <> item.on_delete THEN
        problems := problems || format('%I (%s) does not delete with its %I', item.tab, item.cols, item.ref);
      END IF;
      IF NOT item.live_enforced THEN
        problems := problems || format('the foreign key %I of %I is switched off', item.live_name, item.tab);
      ELSIF NOT item.live_validated THEN
        BEGIN
          EXECUTE format('ALTER TABLE public.%I VALIDATE CONSTRAINT %I', item.tab, item.live_name);
        EXCEPTION
          WHEN foreign_key_violation THEN
            problems := problems || format('%I (%s) names rows that %I does not have', item.tab, item.cols, item.ref);
          WHEN insufficient_privilege THEN
            problems := problems || format('the foreign key %I of %I was never checked: %s', item.live_name, item.tab,
              SQLERRM);
        END;
      END IF;
      CONTINUE;
    END IF;
    BEGIN
      EXECUTE format('ALTER TABLE public.%I ADD CONSTRAINT %I FOREIGN KEY (%s) REFERENCES public.%I (%s) ON DELETE CASCADE',
        item.tab, item.name, item.cols, item.ref, item.ref_cols);
    EXCEPTION
      WHEN foreign_key_violation THEN
        problems := problems || format('%I (%s) names rows that %I does not have', item.tab, item.cols, item.ref);
      WHEN undefined_column OR datatype_mismatch OR invalid_foreign_key THEN
        problems := problems || format('%I (%s) cannot point to %I', item.tab, item.cols, item.ref);
      WHEN insufficient_privilege THEN
        problems := problems || format('%I (%s) does not point to %I: %s', item.tab, item.cols, item.ref, SQLERRM);
    END;
  END LOOP;

  IF cardinality(problems) > 0 THEN
    RAISE EXCEPTION E'% things cannot be reconciled, nothing was changed:\n  %',
      cardinality(problems), array_to_string(problems, E'\n  ');
  END IF;
END $$;
