import { FORGOTTEN_MAX, IDLE_MEMORY_MS } from "../../backend.ts";
import { nextToken, type Durability } from "./durability.ts";
import { CLOCK } from "./server-clock.ts";

/**
 * The one rule, and what every verb shares, as pieces of PL/pgSQL over the variables declared here.
 * They are put together as text because calling functions, and handing queues to them, takes most
 * of a short step's time.
 */
export const declarations = (schema: string, durability: Durability): string => `
DECLARE
  answer text := '';
  created int := 0;
  us bigint;
  ms bigint;
  resource text;
  capacity bigint;
  last bigint;
  places ${schema}.place[];
  ended text[];
  changed boolean := false;
  id text;
  at int;
  p ${schema}.place;
  kept ${schema}.place[];
  granted int[];
  next int;
  ahead bigint;
  waiting bigint;
  claim_by bigint;
  ${durability === "durable" ? "" : `era ${schema}.epoch;`}`;

/**
 * Locks the resource's row, and makes it if need be: before anything is decided, because two
 * transactions do not see what the other has not committed.
 */
export const lockRow = (schema: string): string => `
  LOOP
    SELECT l.capacity, l.last, l.places, l.ended INTO capacity, last, places, ended
    FROM ${schema}.lock AS l WHERE l.space = space AND l.name = resource FOR NO KEY UPDATE;
    EXIT WHEN FOUND;
    created := created + ${schema}.make(space, resource, given);
  END LOOP;
  changed := false;`;

/** Only once the row is locked: waiting for it takes time. */
export const now = `
  us := ${CLOCK};
  ms := us / 1000;`;

export const save = (schema: string): string => `
  UPDATE ${schema}.lock AS l
  SET capacity = capacity, last = last, places = places, ended = ended,
    forget_at = greatest(ms, (SELECT max(e.expires_at) FROM unnest(places) AS e)) + ${IDLE_MEMORY_MS}
  WHERE l.space = space AND l.name = resource;
  changed := false;`;

export const forget = (mark: string, id: string): string => `
  ended := ended || (${mark} || ${id});
  IF cardinality(ended) > ${FORGOTTEN_MAX} THEN
    ended := ended[2:];
  END IF;
  changed := true;`;

/** Delivered when, and only if, the step is committed. */
export const tell = (id: string, message: string): string => `
  PERFORM pg_notify(channels || md5(split_part(${id}, ':', 1)), ${message});`;

/** Sets `waiting` to how many places of other processes than this place's wait. */
export const strangers = (id: string): string => `
  waiting := 0;
  IF cardinality(places) > 1 THEN
    SELECT count(*) INTO waiting FROM unnest(places) AS s
    WHERE s.token = 0 AND split_part(s.id, ':', 1) <> split_part(${id}, ':', 1);
  END IF;`;

export const handOver = (durability: Durability): string => `
  ahead := 0;
  granted := '{}';
  next := 0;
  FOR j IN 1 .. cardinality(places) LOOP
    ahead := ahead + (places[j]).permits;
    CONTINUE WHEN (places[j]).token <> 0;
    IF ahead > capacity THEN
      next := j;
      EXIT;
    END IF;
    last := ${nextToken(durability, "last", "us")};
    places[j].token := last;
    places[j].since := ms;
    places[j].expires_at := ms + (places[j]).claim_ms;
    granted := granted || j;
  END LOOP;
  IF cardinality(granted) > 0 THEN
    changed := true;
    claim_by := NULL;
    FOR j IN 1 .. cardinality(granted) LOOP
      p := places[granted[j]];
      claim_by := least(claim_by, p.expires_at);
      ${strangers("p.id")}
      ${tell(
        "p.id",
        "concat('g ', p.token, ' ', p.expires_at, ' ', waiting, ' ', octet_length(p.id), ' ', " +
          "p.id, resource)",
      )}
    END LOOP;
    IF next > 0 THEN
      ${tell("(places[next]).id", "concat('l ', claim_by, ' ', resource)")}
    END IF;
  END IF;`;

/** A place whose time has passed is gone; what it left is handed over. */
export const clearExpired = (durability: Durability): string => `
  kept := '{}';
  FOREACH p IN ARRAY places LOOP
    IF p.expires_at > ms THEN
      kept := kept || p;
    ELSE
      ${forget("'-'", "p.id")}
    END IF;
  END LOOP;
  IF cardinality(kept) < cardinality(places) THEN
    places := kept;
    ${handOver(durability)}
  END IF;`;
