import { durabilityTables, type Durability } from "./durability.ts";
import { recordTables } from "./record-tables.ts";
import { SCHEMA_VERSION } from "./version.ts";

/**
 * One row is all there is to know of one lock, so that a step locks one row and writes one row. No
 * index covers what steps change: PostgreSQL then keeps the new version of a row beside the old one
 * (a HOT update), and reading clears the old ones away. Names sort in binary order. A namespace is
 * a number here, because an index entry has no room for three names of 1,024 bytes.
 */
export const tables = (schema: string, durability: Durability): string => `
CREATE TABLE IF NOT EXISTS ${schema}.meta (
  id int PRIMARY KEY CHECK (id = 1),
  version int NOT NULL
);
ALTER TABLE ${schema}.meta ADD COLUMN IF NOT EXISTS durability text NOT NULL DEFAULT 'durable';

CREATE TABLE IF NOT EXISTS ${schema}.space (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  namespace text COLLATE "C" NOT NULL UNIQUE
);

DO $holdfast$ BEGIN
  IF to_regtype('${schema}.place') IS NULL THEN
    CREATE TYPE ${schema}.place AS (
      id text,
      owner text,
      permits bigint,
      claim_ms bigint,
      token bigint,
      since bigint,
      expires_at bigint
    );
  END IF;
END $holdfast$;

CREATE ${durability === "relaxed" ? "UNLOGGED " : ""}TABLE IF NOT EXISTS ${schema}.lock (
  space int NOT NULL,
  name text COLLATE "C" NOT NULL,
  capacity bigint NOT NULL,
  last bigint NOT NULL,
  places ${schema}.place[] NOT NULL,
  ended text[] NOT NULL,
  revocations text[] NOT NULL DEFAULT '{}',
  forget_at bigint NOT NULL,
  look_at bigint NOT NULL,
  PRIMARY KEY (space, name)
) WITH (fillfactor = 40, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX IF NOT EXISTS lock_look_at ON ${schema}.lock (look_at);

COMMENT ON COLUMN ${schema}.lock.places IS 'in order of arrival; token 0: waiting; times in ms since 1970';
COMMENT ON COLUMN ${schema}.lock.ended IS
  'lease ids that ended, oldest first: + by their release, - otherwise';
COMMENT ON COLUMN ${schema}.lock.forget_at IS 'when the row may go if nothing happens until then';
COMMENT ON COLUMN ${schema}.lock.look_at IS
  'when to see whether it may go; behind forget_at, so that steps need not touch the index';

${recordTables(schema)}${durabilityTables(schema, durability)}
INSERT INTO ${schema}.meta AS m (id, version, durability) VALUES (1, ${SCHEMA_VERSION}, '${durability}')
ON CONFLICT (id) DO UPDATE SET version = greatest(m.version, ${SCHEMA_VERSION});
`;
