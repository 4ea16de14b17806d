import { FORGOTTEN_MAX, IDLE_MEMORY_MS } from "../../backend.ts";
import { isWithinBound } from "./durability.ts";
import type { Room } from "./locks.ts";
import { statement, type Statement } from "./statement.ts";

/**
 * Statements for a call of one request. The parameters are the request's; the clock comes last, if it is
 * given.
 */
export interface SingleStatements {
  /** owner, resource, lease id, permits, capacity, ttl, wait, steal. */
  readonly admit: Statement;
  /** resource, lease id, ttl. */
  readonly renew: Statement;
  /** resource, lease id. */
  readonly release: Statement;
}

/**
 * The most frequent steps, without PL/pgSQL, which costs more than all else that the server does for
 * them: one update, which finds its row only if nothing is out of the ordinary. If it does not, the same
 * statement goes on to the function that knows every case. The server has to keep the plans, or making
 * them costs more than is saved: not for poolers.
 */
export function singleStatements(room: Room, isClockGiven: boolean): SingleStatements {
  const { space, channels, session } = room;
  const statementOf = (update: string, name: string, clock: number, request: string): Statement => {
    const given = isClockGiven ? `$${clock}::bigint` : "NULL";
    const call = `${room.schema}.${name}(${space}, '${channels}', ${given}, ${request})`;
    // Read when the statement arrives and the same throughout: older than the row, if that had to be
    // waited for, and so every deadline that follows from it errs on the early side.
    const us = isClockGiven ? given : "(date_part('epoch', statement_timestamp()) * 1000000)::bigint";
    const plain = update.replaceAll("@us", us).replaceAll("@ms", `(${us} / 1000)`);
    const answer = `coalesce((SELECT answer FROM plain), ${call})`;
    return statement(`WITH plain AS (${plain}) SELECT ${answer} AS answer`);
  };
  const claim = Math.ceil(session.claimMs);
  const asked =
    `$1, ${Math.ceil(session.patienceMs)}, ${claim}, ARRAY[$2], ARRAY[$3], ARRAY[$4], ARRAY[$5], ` +
    "ARRAY[$6], ARRAY[$7::boolean], ARRAY[$8]";
  return {
    admit: statementOf(admit(room, claim), "admit", 9, asked),
    renew: statementOf(renew(room), "renew", 4, "ARRAY[$1], ARRAY[$2], ARRAY[$3]"),
    release: statementOf(release(room), "release", 3, "ARRAY[$1], ARRAY[$2]"),
  };
}

/** Nobody has the lock, and this id never had it. */
const admit = ({ schema, space, durability }: Room, claim: number): string => `
UPDATE ${schema}.lock AS l
SET capacity = $5::bigint, last = greatest(l.last + 1, @us),
  places = ARRAY[ROW(
    $3::text, $1::text, $4::bigint, ${claim}, greatest(l.last + 1, @us), @ms, @ms + $6::bigint
  )::${schema}.place],
  forget_at = @ms + $6::bigint + ${IDLE_MEMORY_MS}
WHERE l.space = ${space} AND l.name = $2::text AND l.places = '{}' AND NOT $8::boolean
  AND NOT ('+' || $3::text) = ANY (l.ended) AND NOT ('-' || $3::text) = ANY (l.ended)
  ${durability === "durable" ? "" : "AND l.last > 0"}
  ${isWithinBound(schema, durability, `greatest(${claim}, $6::bigint)`, "greatest(l.last + 1, @us)")}
RETURNING concat(@us, ' 0 ', l.last, ' ', @ms + $6::bigint, ' 0') AS answer`;

const processOf = (place: string): string => `split_part((${place}).id, ':', 1)`;

/** Waiting places of other processes than that of the first place. */
const strangers = (schema: string): string =>
  `CASE WHEN cardinality(l.places) = 1 THEN 0 ELSE ${schema}.strangers(l.places) END`;

/** The first place is this one, and holds. */
const renew = ({ schema, space, durability }: Room): string => `
UPDATE ${schema}.lock AS l
SET places[1].expires_at = @ms + $3::bigint,
  forget_at = greatest(l.forget_at, @ms + $3::bigint + ${IDLE_MEMORY_MS})
WHERE l.space = ${space} AND l.name = $1::text AND (l.places[1]).id = $2::text
  AND (l.places[1]).token <> 0 AND CASE
    WHEN cardinality(l.places) = 1 THEN (l.places[1]).expires_at > @ms
    ELSE ${schema}.all_live(l.places, @ms)
  END
  ${isWithinBound(schema, durability, "$3::bigint", "(l.places[1]).token")}
RETURNING concat(@us, ' 0 0 ', @ms + $3::bigint, ' ', ${strangers(schema)}) AS answer`;

/**
 * The first place is this one, and either nobody else is there, or next is one that waits for all there
 * is, so that nobody else can be granted with it.
 */
const release = ({ schema, space, channels, durability }: Room): string => `
UPDATE ${schema}.lock AS l
SET ended = l.ended[cardinality(l.ended) + 2 - ${FORGOTTEN_MAX}:] || ('+' || $2::text),
  last = CASE WHEN cardinality(l.places) = 1 THEN l.last ELSE greatest(l.last + 1, @us) END,
  places = CASE WHEN cardinality(l.places) = 1 THEN '{}' ELSE ROW(
    (l.places[2]).id, (l.places[2]).owner, (l.places[2]).permits, (l.places[2]).claim_ms,
    greatest(l.last + 1, @us), @ms, @ms + (l.places[2]).claim_ms
  )::${schema}.place || l.places[3:] END,
  forget_at = CASE WHEN cardinality(l.places) = 1 THEN @ms + ${IDLE_MEMORY_MS}
    ELSE greatest(l.forget_at, @ms + (l.places[2]).claim_ms + ${IDLE_MEMORY_MS}) END
WHERE l.space = ${space} AND l.name = $1::text AND (l.places[1]).id = $2::text AND CASE
  WHEN cardinality(l.places) = 1 THEN (l.places[1]).expires_at > @ms
  ELSE (l.places[1]).token <> 0 AND (l.places[2]).token = 0 AND (l.places[2]).permits = l.capacity
    AND ${schema}.all_live(l.places, @ms)
    ${durability === "durable" ? "" : `AND ${schema}.is_bounded(greatest(l.last + 1, @us))`}
  END
RETURNING concat(@us, ' 0 0 0 0',
  CASE WHEN cardinality(l.places) > 0 THEN ${notify(
    channels,
    "l.places[1]",
    `concat('g ', (l.places[1]).token, ' ', (l.places[1]).expires_at, ' ', ${strangers(schema)}, ' ',
      octet_length((l.places[1]).id), ' ', (l.places[1]).id, $1::text)`,
  )} END,
  CASE WHEN cardinality(l.places) > 1 THEN ${notify(
    channels,
    "l.places[2]",
    "concat('l ', (l.places[1]).expires_at, ' ', $1::text)",
  )} END) AS answer`;

/** Delivered when, and only if, the step is committed. */
function notify(channels: string, place: string, message: string): string {
  return `pg_notify('${channels}' || md5(${processOf(place)}), ${message})`;
}
