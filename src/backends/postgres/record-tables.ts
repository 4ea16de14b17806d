/**
 * A record's row says which version is its head, and counts the versions that are left. No index covers
 * what an ordinary write changes in it (a HOT update). Versions take their `id` while their record's row is
 * locked, from a sequence, so that what depends on another version has a higher one; a commit may come
 * later than that of a higher one. Their `place` in the feed is given by the first reader that sees them:
 * see feed-functions.ts.
 */
export const recordTables = (schema: string): string => `
DO $holdfast$ BEGIN
  IF EXISTS (
    SELECT 1 FROM pg_attribute
    WHERE attrelid = to_regclass('${schema}.record') AND attname = 'updated_at' AND NOT attisdropped
  ) THEN
    DROP TABLE ${schema}.record CASCADE;
  END IF;
END $holdfast$;

CREATE TABLE IF NOT EXISTS ${schema}.collection (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  space int NOT NULL,
  name text COLLATE "C" NOT NULL,
  last_place bigint NOT NULL DEFAULT 0,
  pruned_to bigint NOT NULL DEFAULT 0,
  UNIQUE (space, name)
) WITH (fillfactor = 40);

CREATE TABLE IF NOT EXISTS ${schema}.record (
  id bigint GENERATED ALWAYS AS IDENTITY,
  collection int NOT NULL,
  key text COLLATE "C" NOT NULL,
  head bigint NOT NULL DEFAULT 0,
  revision text COLLATE "C",
  at bigint NOT NULL DEFAULT 0,
  versions int NOT NULL DEFAULT 0,
  deleted_at bigint,
  entries text,
  fences jsonb,
  PRIMARY KEY (collection, key)
) WITH (fillfactor = 60);
CREATE INDEX IF NOT EXISTS record_deleted ON ${schema}.record (collection, deleted_at)
  WHERE deleted_at IS NOT NULL;

CREATE SEQUENCE IF NOT EXISTS ${schema}.version_id;
CREATE TABLE IF NOT EXISTS ${schema}.version (
  id bigint NOT NULL,
  record bigint NOT NULL,
  collection int NOT NULL,
  place bigint,
  at bigint NOT NULL,
  key text COLLATE "C" NOT NULL,
  value text,
  revision text COLLATE "C" NOT NULL,
  parents text[] NOT NULL,
  author text,
  reason text,
  op_id text COLLATE "C" NOT NULL,
  messages text,
  PRIMARY KEY (record, id)
);
CREATE UNIQUE INDEX IF NOT EXISTS version_op ON ${schema}.version (record, op_id);
CREATE INDEX IF NOT EXISTS version_feed ON ${schema}.version (collection, place, id);

CREATE TABLE IF NOT EXISTS ${schema}.entry (
  collection int NOT NULL,
  name text COLLATE "C" NOT NULL,
  value text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  claims boolean NOT NULL,
  PRIMARY KEY (collection, name, value, key)
);
CREATE UNIQUE INDEX IF NOT EXISTS entry_claim ON ${schema}.entry (collection, name, value) WHERE claims;

COMMENT ON COLUMN ${schema}.collection.pruned_to IS 'highest place of a version that was pruned';
COMMENT ON COLUMN ${schema}.record.entries IS 'JSON triples of name, value, and whether it is unique';
COMMENT ON COLUMN ${schema}.record.fences IS 'highest token seen per lock';
COMMENT ON COLUMN ${schema}.version.value IS 'JSON text; null: a deletion';
COMMENT ON COLUMN ${schema}.version.place IS 'null: no reader of the feed has come by since';
`;
