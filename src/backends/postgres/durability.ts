import { IDLE_MEMORY_MS } from "../../backend.ts";
import { CLOCK } from "./server-clock.ts";

/** What a crash of the server does to locks: see `PostgresOptions.durability`. */
export type Durability = "durable" | "relaxed";

/**
 * Tokens may run this far ahead of what is on disk. A bound is raised when half of it is used up, so that it
 * costs a flush each half hour.
 */
const HORIZON_US = 3_600_000_000;

const SOMEBODY = '{"host":"unknown","pid":0,"label":"whoever had it when the server crashed"}';

/**
 * Where locks are relaxed, their table is not logged: PostgreSQL empties it when it recovers from a crash and
 * when a standby takes over, never otherwise. `epoch` is emptied in the same moment, which is how the
 * first to come notices. `bound` is on disk before any lease longer, or any token higher, than it says is
 * granted: so it tells how long what was forgotten may last, and which tokens were never given.
 */
export const durabilityTables = (schema: string, durability: Durability): string =>
  durability === "durable"
    ? ""
    : `
CREATE TABLE IF NOT EXISTS ${schema}.bound (
  id int PRIMARY KEY CHECK (id = 1),
  ttl bigint NOT NULL,
  token bigint NOT NULL
);
INSERT INTO ${schema}.bound (id, ttl, token) VALUES (1, 0, 0) ON CONFLICT DO NOTHING;

CREATE UNLOGGED TABLE IF NOT EXISTS ${schema}.epoch (
  id int PRIMARY KEY CHECK (id = 1),
  free_at bigint NOT NULL,
  base bigint NOT NULL,
  ttl bigint NOT NULL,
  token bigint NOT NULL
);
COMMENT ON TABLE ${schema}.bound IS 'no lease longer (ms) and no token higher was granted';
COMMENT ON TABLE ${schema}.epoch IS
  'from one crash to the next: until free_at locks may have holders that were forgotten, with tokens
   up to base; then bound as it was last read';
`;

/**
 * To be called before a lease is granted: nothing that a crash forgets may outlast what `bound` says on disk.
 * Raising it is committed with the flush that other commits go without, and before anybody is answered.
 */
const guard = (schema: string): string => `
CREATE OR REPLACE FUNCTION ${schema}.guard(given bigint, ttl bigint) RETURNS ${schema}.epoch
LANGUAGE plpgsql AS $holdfast$
#variable_conflict use_variable
DECLARE
  us bigint := ${CLOCK};
  e ${schema}.epoch;
  b ${schema}.bound;
BEGIN
  LOOP
    SELECT * INTO e FROM ${schema}.epoch;
    EXIT WHEN FOUND AND ttl <= e.ttl AND greatest(us, e.base) + ${HORIZON_US / 2} <= e.token;
    -- One at a time. The others find it done.
    SELECT * INTO b FROM ${schema}.bound FOR UPDATE;
    us := ${CLOCK};
    INSERT INTO ${schema}.epoch (id, free_at, base, ttl, token)
    VALUES (1, CASE WHEN b.ttl = 0 THEN 0 ELSE us / 1000 + b.ttl END, b.token, b.ttl, b.token)
    ON CONFLICT DO NOTHING;
    SELECT * INTO e FROM ${schema}.epoch;
    IF ttl > e.ttl OR greatest(us, e.base) + ${HORIZON_US / 2} > e.token THEN
      IF current_setting('synchronous_commit') = 'off' THEN
        PERFORM set_config('synchronous_commit', 'on', true);
      END IF;
      UPDATE ${schema}.bound AS o SET ttl = greatest(o.ttl, ttl),
        token = greatest(o.token, greatest(us, e.base) + ${HORIZON_US})
      RETURNING o.* INTO b;
      UPDATE ${schema}.epoch AS o SET ttl = b.ttl, token = b.token;
    END IF;
  END LOOP;
  RETURN e;
END $holdfast$;

CREATE OR REPLACE FUNCTION ${schema}.is_bounded(token bigint) RETURNS boolean
LANGUAGE plpgsql STABLE AS $holdfast$
#variable_conflict use_variable
BEGIN
  RETURN token <= (SELECT e.token FROM ${schema}.epoch AS e);
END $holdfast$;
`;

/**
 * Makes the row of a lock that has none, and answers how many it made. After a crash that may have forgotten
 * holders, it is held by somebody with an empty lease id for as long as they may last: all else follows from
 * the one rule.
 */
const make = (schema: string, durability: Durability): string => `
CREATE OR REPLACE FUNCTION ${schema}.make(space int, name text, given bigint) RETURNS int
LANGUAGE plpgsql AS $holdfast$
#variable_conflict use_variable
DECLARE
  ms bigint := ${CLOCK} / 1000;
  places ${schema}.place[] := '{}';
  forget_at bigint := ms + ${IDLE_MEMORY_MS};
  ${durability === "durable" ? "" : `era ${schema}.epoch := ${schema}.guard(given, 0);`}
BEGIN
  ${
    durability === "durable"
      ? ""
      : `IF era.free_at > ms THEN
    places := ARRAY[ROW('', '${SOMEBODY}', 1, 0, era.base, ms, era.free_at)::${schema}.place];
    forget_at := era.free_at + ${IDLE_MEMORY_MS};
  END IF;`
  }
  INSERT INTO ${schema}.lock (space, name, capacity, last, places, ended, forget_at, look_at)
  VALUES (space, name, cardinality(places), 0, places, '{}', forget_at, forget_at)
  ON CONFLICT DO NOTHING;
  RETURN FOUND::int;
END $holdfast$;
`;

export const durabilityFunctions = (schema: string, durability: Durability): string =>
  (durability === "durable" ? "" : guard(schema)) + make(schema, durability);

/** Before a verb that may grant leases of up to `ttl` ms. */
export const guarded = (schema: string, durability: Durability, ttl: string): string =>
  durability === "durable" ? "" : `era := ${schema}.guard(given, ${ttl});`;

/** The next token: above all that this lock has given, and those that a crash may have forgotten. */
export const nextToken = (durability: Durability, last: string, us: string): string =>
  `greatest(${last} + 1, ${us}${durability === "durable" ? "" : ", era.base + 1"})`;

/** As a condition of a single update: with `token`, a lease of `ttl` ms lies within what is on disk. */
export const isWithinBound = (schema: string, durability: Durability, ttl: string, token: string): string =>
  durability === "durable"
    ? ""
    : `AND ${token} <= (SELECT e.token FROM ${schema}.epoch AS e WHERE e.ttl >= ${ttl})`;
