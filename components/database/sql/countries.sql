-- The reference table that registration needs. Rows that exist are left as they are.
CREATE TABLE IF NOT EXISTS "Country" (
  "countryCode" CHAR(2) PRIMARY KEY,
  "countryName" TEXT NOT NULL,
  "region" TEXT
);
CREATE TEMPORARY TABLE wanted_country (code CHAR(2), name TEXT, region TEXT) ON COMMIT DROP;
\copy wanted_country FROM '/scripts/countries.csv' WITH (FORMAT csv, HEADER)
INSERT INTO "Country" ("countryCode", "countryName", "region")
  SELECT code, name, nullif(region, '') FROM wanted_country
  ON CONFLICT ("countryCode") DO NOTHING;
