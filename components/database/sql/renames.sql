-- The hand-written table of mainnet has other names than the client uses: renamed in place, no row is touched.
DO $$
DECLARE
  renames CONSTANT text[][] := ARRAY[
    ['participantKeyId', 'id'], ['profileId', 'participantProfileId'], ['wrappedKey', 'encryptedKey']];
  pair text[];
  live text[];
BEGIN
  SELECT array_agg(attname::text) INTO live FROM pg_attribute
   WHERE attrelid = to_regclass('public."GroupParticipantKey"') AND attnum > 0 AND NOT attisdropped;
  FOREACH pair SLICE 1 IN ARRAY renames LOOP
    IF pair[1] = ANY (live) AND NOT pair[2] = ANY (live) THEN
      EXECUTE format('ALTER TABLE public."GroupParticipantKey" RENAME COLUMN %I TO %I', pair[1], pair[2]);
    END IF;
  END LOOP;
END $$;
