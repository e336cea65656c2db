-- The reference table that registration needs. Rows that exist are left as they are.
SELECT to_regclass('public."Country"') IS NULL AS lacking \gset
\if :lacking
  CREATE TABLE "Country" (
    "countryCode" CHAR(2) PRIMARY KEY,
    "countryName" TEXT NOT NULL,
    "region" TEXT
  );
\endif
CREATE TEMPORARY TABLE wanted_country (code CHAR(2), name TEXT, region TEXT) ON COMMIT DROP;
\copy wanted_country FROM '/scripts/countries.csv' WITH (FORMAT csv, HEADER)
SELECT EXISTS (SELECT code FROM wanted_country EXCEPT SELECT "countryCode" FROM "Country") AS lacking \gset
\if :lacking
  INSERT INTO "Country" ("countryCode", "countryName", "region")
    SELECT code, name, nullif(region, '') FROM wanted_country
    ON CONFLICT ("countryCode") DO NOTHING;
\endif
