import { FORGOTTEN_MAX, IDLE_MEMORY_MS, REVOCATIONS_MAX } from "../../backend.ts";
import { durabilityFunctions, guarded, nextToken, type Durability } from "./durability.ts";
import { lookingFunctions } from "./looking-functions.ts";
import { queueFunctions } from "./queue-functions.ts";
import {
  clearExpired,
  declarations,
  forget,
  handOver,
  lockRow,
  now,
  save,
  strangers,
  tell,
} from "./rule.ts";
import { CLOCK } from "./server-clock.ts";

/** How many idle locks a call looks at for each one that it makes. */
const SWEPT_PER_NEW = 4;

/**
 * A verb for many requests, in order of their resources, so that two calls lock rows in the same
 * order. Each row is locked, changed by all requests for it, and stored once. The plain case of a
 * lock for which there is one request is tried first: one statement, which finds something to do
 * only if nothing is out of the ordinary.
 */
const eachRequest = (schema: string, durability: Durability, plain: string, step: string): string => `
  FOR i IN 1 .. cardinality(resources) + 1 LOOP
    IF i = 1 OR i > cardinality(resources) OR resources[i] <> resource THEN
      IF changed THEN
        ${save(schema)}
      END IF;
      EXIT WHEN i > cardinality(resources);
      resource := resources[i];
      id := ids[i];
      IF resources[i + 1] IS DISTINCT FROM resource THEN
        ${plain}
      END IF;
      ${enter(schema, durability)}
    END IF;
    id := ids[i];
    at := 0;
    FOR j IN 1 .. cardinality(places) LOOP
      IF (places[j]).id = id THEN at := j; END IF;
    END LOOP;
    ${step}
  END LOOP;`;

const enter = (schema: string, durability: Durability): string => `
  ${lockRow(schema)}
  ${now}
  ${clearExpired(durability)}`;

/**
 * The request's place has no other beside it. The clock is read when the row is locked: reading it
 * twice does no harm.
 */
const isOnly = `l.space = space AND l.name = resource AND cardinality(l.places) = 1
          AND (l.places[1]).id = id AND (l.places[1]).expires_at > ${CLOCK} / 1000`;

/** Whoever may have had it before a crash had all of it, however much that was. */
const ADOPT = `IF cardinality(places) = 1 AND (places[1]).id = '' THEN
      capacity := capacities[i];
      places[1].permits := capacity;
    END IF;`;

/** Places of a lock that only this request has, granted. */
const onlyPlace = (schema: string, token: string, ms: string): string =>
  `ARRAY[ROW(id, owner, permits[i], claim, ${token}, ${ms}, ${ms} + ttls[i])::${schema}.place]`;

/**
 * Answers five numbers for each request: its kind (see locks.ts), and up to three details; before
 * them the clock. The same form serves all three verbs.
 */
const admit = (schema: string, durability: Durability): string => `
CREATE OR REPLACE FUNCTION ${schema}.admit(
  space int, channels text, given bigint, owner text, patience bigint, claim bigint,
  resources text[], ids text[], permits bigint[], capacities bigint[], ttls bigint[],
  waits boolean[], steals boolean[]
) RETURNS text LANGUAGE plpgsql AS $holdfast$
#variable_conflict use_variable
${declarations(schema, durability)}
  minted bigint;
  expires_at bigint;
  is_new boolean;
  told text[];
  process text;
  used bigint;
  earliest bigint;
BEGIN
  ${guarded(schema, durability, "greatest(claim, (SELECT max(t) FROM unnest(ttls) AS t))")}
  ${eachRequest(
    schema,
    durability,
    `
        INSERT INTO ${schema}.lock AS l (space, name, capacity, last, places, ended, forget_at, look_at)
        SELECT space, resource, capacities[i], n.last, ${onlyPlace(schema, "n.last", "n.us / 1000")}, '{}',
          n.us / 1000 + ttls[i] + ${IDLE_MEMORY_MS}, n.us / 1000 + ${IDLE_MEMORY_MS}
        FROM (SELECT ${CLOCK} AS us) AS m,
          LATERAL (SELECT m.us, ${nextToken(durability, "0", "m.us")} AS last) AS n
        WHERE NOT steals[i] ${durability === "durable" ? "" : "AND era.free_at <= n.us / 1000"}
        ON CONFLICT ON CONSTRAINT lock_pkey DO UPDATE
        SET capacity = excluded.capacity,
          (last, places, forget_at) = (
            SELECT t.last, ${onlyPlace(schema, "t.last", "n.us / 1000")},
              n.us / 1000 + ttls[i] + ${IDLE_MEMORY_MS}
            FROM (SELECT ${CLOCK} AS us) AS n,
              LATERAL (SELECT ${nextToken(durability, "l.last", "n.us")} AS last) AS t
          )
        WHERE l.places = '{}' AND NOT ('+' || id) = ANY (l.ended) AND NOT ('-' || id) = ANY (l.ended)
        RETURNING (l.places[1]).token, (l.places[1]).since, (l.places[1]).expires_at, l.xmax = 0
        INTO minted, ms, expires_at, is_new;
        IF FOUND THEN
          us := ms * 1000;
          created := created + is_new::int;
          answer := answer || concat(' 0 ', minted, ' ', expires_at, ' 0');
          CONTINUE;
        END IF;`,
    `
    ${durability === "durable" ? "" : ADOPT}
    IF at > 0 THEN
      IF (places[at]).token = 0 THEN
        places[at].expires_at := ms + patience;
        changed := true;
      END IF;
    ELSIF ('+' || id) = ANY (ended) OR ('-' || id) = ANY (ended) THEN
      answer := answer || ' 4 0 0 0';
      CONTINUE;
    ELSIF cardinality(places) > 0 AND capacity <> capacities[i] THEN
      answer := answer || concat(' 3 ', capacity, ' 0 0');
      CONTINUE;
    ELSE
      IF steals[i] THEN
        kept := '{}';
        FOREACH p IN ARRAY places LOOP
          IF p.token = 0 THEN
            kept := kept || p;
          ELSE
            ${forget("'-'", "p.id")}
            ${tell("p.id", "concat('s ', octet_length(p.id), ' ', p.id, resource)")}
          END IF;
        END LOOP;
        places := kept;
      END IF;
      used := permits[i];
      earliest := NULL;
      IF NOT steals[i] THEN
        FOREACH p IN ARRAY places LOOP
          used := used + p.permits;
          earliest := least(earliest, p.expires_at);
        END LOOP;
      END IF;
      IF used > capacities[i] AND NOT waits[i] THEN
        answer := answer || concat(' 2 ', cardinality(places), ' ', coalesce(earliest, -1), ' 0');
        CONTINUE;
      END IF;
      changed := true;
      capacity := capacities[i];
      p := ROW(id, owner, permits[i], claim, 0, ms, ms + patience);
      IF used <= capacity THEN
        last := ${nextToken(durability, "last", "us")};
        p.token := last;
        p.expires_at := ms + ttls[i];
      END IF;
      IF steals[i] THEN
        places := p || places;
        at := 1;
        ${handOver(durability)}
      ELSE
        places := places || p;
        at := cardinality(places);
        IF p.token = 0 THEN
          -- Holders of other processes hear of the first place of its kind that waits behind them.
          told := ARRAY[split_part(id, ':', 1)];
          FOREACH p IN ARRAY places LOOP
            process := split_part(p.id, ':', 1);
            CONTINUE WHEN p.token = 0 OR process = ANY (told);
            told := told || process;
            ${strangers("p.id")}
            IF waiting = 1 THEN
              ${tell("p.id", "concat('c ', resource)")}
            END IF;
          END LOOP;
        END IF;
      END IF;
    END IF;
    IF (places[at]).token = 0 THEN
      earliest := NULL;
      FOR j IN 1 .. at - 1 LOOP
        earliest := least(earliest, (places[j]).expires_at);
      END LOOP;
      answer := answer || concat(' 1 ', at - 1, ' ', coalesce(earliest, -1), ' 0');
    ELSE
      ${strangers("id")}
      answer := answer || concat(' 0 ', (places[at]).token, ' ', (places[at]).expires_at, ' ', waiting);
    END IF;`,
  )}
  -- Last, when nothing is waited for any more: rows that are locked here are in no order.
  IF created > 0 THEN
    PERFORM ${schema}.sweep(ms, ${SWEPT_PER_NEW} * created);
  END IF;
  RETURN us || answer;
END $holdfast$;
`;

const renew = (schema: string, durability: Durability): string => `
CREATE OR REPLACE FUNCTION ${schema}.renew(
  space int, channels text, given bigint, resources text[], ids text[], ttls bigint[]
) RETURNS text LANGUAGE plpgsql AS $holdfast$
#variable_conflict use_variable
${declarations(schema, durability)}
BEGIN
  ${guarded(schema, durability, "coalesce((SELECT max(t) FROM unnest(ttls) AS t), 0)")}
  ${eachRequest(
    schema,
    durability,
    `
        UPDATE ${schema}.lock AS l
        SET places[1].expires_at = ${CLOCK} / 1000 + ttls[i],
          forget_at = ${CLOCK} / 1000 + ttls[i] + ${IDLE_MEMORY_MS}
        WHERE ${isOnly} AND (l.places[1]).token <> 0
        RETURNING (l.places[1]).expires_at INTO ms;
        IF FOUND THEN
          answer := answer || concat(' 0 0 ', ms, ' 0');
          us := (ms - ttls[i]) * 1000;
          CONTINUE;
        END IF;`,
    `
    IF at = 0 OR (places[at]).token = 0 THEN
      answer := answer || ' 1 0 0 0';
    ELSE
      places[at].expires_at := ms + ttls[i];
      changed := true;
      ${strangers("id")}
      answer := answer || concat(' 0 0 ', ms + ttls[i], ' ', waiting);
    END IF;`,
  )}
  RETURN us || answer;
END $holdfast$;
`;

const release = (schema: string, durability: Durability): string => `
CREATE OR REPLACE FUNCTION ${schema}.release(
  space int, channels text, given bigint, resources text[], ids text[]
) RETURNS text LANGUAGE plpgsql AS $holdfast$
#variable_conflict use_variable
${declarations(schema, durability)}
BEGIN
  ${guarded(schema, durability, "0")}
  ${eachRequest(
    schema,
    durability,
    `
        UPDATE ${schema}.lock AS l
        SET places = '{}', forget_at = ${CLOCK} / 1000 + ${IDLE_MEMORY_MS},
          ended = l.ended[cardinality(l.ended) + 2 - ${FORGOTTEN_MAX}:] || ('+' || id)
        WHERE ${isOnly}
        RETURNING l.forget_at - ${IDLE_MEMORY_MS} INTO ms;
        IF FOUND THEN
          answer := answer || ' 0 0 0 0';
          us := ms * 1000;
          CONTINUE;
        END IF;`,
    `
    IF at > 0 THEN
      places := places[:at - 1] || places[at + 1:];
      ${forget("'+'", "id")}
      ${handOver(durability)}
      answer := answer || ' 0 0 0 0';
    ELSIF ('+' || id) = ANY (ended) THEN
      answer := answer || ' 0 0 0 0';
    ELSE
      answer := answer || ' 1 0 0 0';
      IF NOT ('-' || id) = ANY (ended) THEN
        ${forget("'-'", "id")}
      END IF;
    END IF;`,
  )}
  RETURN us || answer;
END $holdfast$;
`;

/** Answers what was revoked, a JSON text each. */
const revoke = (schema: string, durability: Durability): string => `
CREATE OR REPLACE FUNCTION ${schema}.revoke(
  space int, channels text, given bigint, resource text, chosen text, reason text, by_whom text
) RETURNS SETOF text LANGUAGE plpgsql AS $holdfast$
#variable_conflict use_variable
${declarations(schema, durability).replace("resource text;", "")}
  revoked ${schema}.place[] := '{}';
BEGIN
  ${guarded(schema, durability, "0")}
  ${enter(schema, durability)}
  kept := '{}';
  FOREACH p IN ARRAY places LOOP
    IF p.token <> 0 AND (chosen IS NULL OR p.id = chosen) THEN
      revoked := revoked || p;
      ${forget("'-'", "p.id")}
      ${tell("p.id", "concat('r ', octet_length(p.id), ' ', p.id, resource)")}
    ELSE
      kept := kept || p;
    END IF;
  END LOOP;
  IF cardinality(revoked) > 0 THEN
    places := kept;
    -- Tokens of the places that go are stale from here on.
    last := ${nextToken(durability, "last", "us")};
    ${handOver(durability)}
    UPDATE ${schema}.lock AS l
    SET revocations = (l.revocations || json_build_array(ms, reason, by_whom,
      (SELECT json_agg(r.token) FROM unnest(revoked) AS r))::text)[
        greatest(1, cardinality(l.revocations) + 2 - ${REVOCATIONS_MAX}):]
    WHERE l.space = space AND l.name = resource;
  END IF;
  IF changed THEN
    ${save(schema)}
  END IF;
  RETURN QUERY SELECT ${schema}.shown(r) FROM unnest(revoked) AS r;
END $holdfast$;
`;

export const lockFunctions = (schema: string, durability: Durability): string =>
  [durabilityFunctions, queueFunctions, lookingFunctions, admit, renew, release, revoke]
    .map((each) => each(schema, durability))
    .join("");
