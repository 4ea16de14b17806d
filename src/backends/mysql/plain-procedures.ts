import { FORGOTTEN_MAX, IDLE_MEMORY_MS } from "../../backend.ts";
import type { Names } from "./names.ts";
import { behind, CLOCK, count, digits, isEnded, NEVER, placeText } from "./rule.ts";

/**
 * The plain case of a verb: one request, for a lock that nobody else has or wants. It is one
 * statement, a transaction by itself, that finds a row to change only if nothing is out of the
 * ordinary. Otherwise the verb itself takes the step.
 *
 * The clock is read before the row is locked, so it may be late by the time that others had the
 * row: the lease then ends so much earlier, and the answer says so.
 */
const plain = (
  names: Names,
  verb: string,
  own: { readonly parameters: string; readonly change: string; readonly where: string },
  granted: { readonly answer: string; readonly request: string; readonly before: string },
): string => `
CREATE PROCEDURE ${names.procedure(`${verb}_one`)}(
  room INT, given BIGINT, ${own.parameters}resource VARBINARY(1024), id LONGBLOB
)
MODIFIES SQL DATA SQL SECURITY INVOKER
BEGIN
  DECLARE us BIGINT DEFAULT ${CLOCK};
  DECLARE ms BIGINT DEFAULT us DIV 1000;
  UPDATE ${names.table("lock")} AS l SET ${own.change}
  WHERE l.space = room AND l.name = resource AND LENGTH(l.queue) = 0 AND ${own.where};
  IF ROW_COUNT() > 0 THEN
    SELECT CONCAT_WS(' ', us, ${granted.answer}) AS answer;
  ELSE
    CALL ${names.procedure(verb)}(room, given, ${granted.before}CONCAT(
      ${digits("LENGTH(resource)", 5)}, ${digits("LENGTH(id)", 5)}, ${granted.request}resource, id));
  END IF;
END`;

/** The one place there is, and it lives. */
const IS_ONLY = `LOCATE(CONCAT(X'FF', id, X'FD'), l.held) = 71
    AND LOCATE(X'FE', l.held) = LENGTH(l.held) AND SUBSTRING(l.held, 55, 16) > ${digits("ms")}`;

/** \`LAST_INSERT_ID\` of a value gives it, and keeps it for this session until it asks. */
const admit = (names: Names): string =>
  plain(
    names,
    "admit",
    {
      parameters: `owner LONGBLOB, patience BIGINT, claim BIGINT,
  permits BIGINT, capacity BIGINT, ttl BIGINT, waits INT, steals INT, `,
      change: `l.last = LAST_INSERT_ID(GREATEST(l.last + 1, us)), l.capacity = capacity, l.used = permits,
    l.due = ms + ttl, l.forget_at = GREATEST(l.forget_at, ms + ttl + ${IDLE_MEMORY_MS}),
    l.held = ${placeText("LAST_INSERT_ID()", "ms + ttl")}`,
      where: `LENGTH(l.held) = 0 AND NOT steals
    AND NOT ${isEnded("+", "id", "l.ended")} AND NOT ${isEnded("-", "id", "l.ended")}`,
    },
    {
      answer: "0, LAST_INSERT_ID(), ms + ttl, 0",
      before: "owner, patience, claim, ",
      request: `${digits("permits", 10)}, ${digits("capacity", 10)}, ${digits("ttl")}, waits, steals, `,
    },
  );

const renew = (names: Names): string =>
  plain(
    names,
    "renew",
    {
      parameters: "ttl BIGINT, ",
      change: `l.held = INSERT(l.held, 55, 16, ${digits("ms + ttl")}),
    l.forget_at = GREATEST(l.forget_at, ms + ttl + ${IDLE_MEMORY_MS})`,
      where: IS_ONLY,
    },
    { answer: "0, 0, ms + ttl, 0", before: "", request: `${digits("ttl")}, ` },
  );

const release = (names: Names): string =>
  plain(
    names,
    "release",
    {
      parameters: "",
      change: `l.held = '', l.used = 0, l.due = ${NEVER}, l.forget_at = ms + ${IDLE_MEMORY_MS},
    l.ended = CONCAT(
      IF(${count("l.ended")} < ${FORGOTTEN_MAX}, l.ended, SUBSTRING(l.ended, ${behind("l.ended", "1")})),
      X'FF', '+', id, X'FE')`,
      where: IS_ONLY,
    },
    { answer: "0, 0, 0, 0", before: "", request: "" },
  );

export const plainProcedures = (names: Names): readonly (readonly [name: string, text: string])[] => [
  ["admit_one", admit(names)],
  ["renew_one", renew(names)],
  ["release_one", release(names)],
];
