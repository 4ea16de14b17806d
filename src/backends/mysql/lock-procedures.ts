import { REVOCATIONS_MAX } from "../../backend.ts";
import type { Names } from "./names.ts";
import {
  behind,
  count,
  declarations,
  digits,
  enter,
  expiresAt,
  forget,
  handOver,
  idAt,
  isEnded,
  lives,
  number,
  permitsAt,
  placeOf,
  placeText,
  processOf,
  save,
  strangers,
  tell,
  tokenAt,
  transaction,
  without,
} from "./rule.ts";

/** How many idle locks a call looks at for each one that it makes. */
const SWEPT_PER_NEW = 4;

/**
 * A verb for many requests, in order of their resources, so that two calls lock rows in the same
 * order. Each row is locked, changed by all requests for it, and stored once. A request is the
 * lengths of its resource and its lease id (5 digits each), the verb's own numbers, and the two
 * texts. The answer has four numbers for each: its kind (see locks.ts), and up to three details;
 * before them the clock.
 */
const forEach = (
  names: Names,
  own: { readonly width: number; readonly read: string },
  step: string,
): string => `
  asking: LOOP
    IF cursor_at > LENGTH(requests) THEN
      LEAVE asking;
    END IF;
    SET length_of = ${number("requests", "cursor_at", 5)},
      nxt = ${number("requests", "cursor_at + 5", 5)},
      cursor_at = cursor_at + 10;
    ${own.read}
    SET cursor_at = cursor_at + ${own.width},
      one = SUBSTRING(requests, cursor_at, length_of),
      id = SUBSTRING(requests, cursor_at + length_of, nxt),
      cursor_at = cursor_at + length_of + nxt,
      process = ${processOf("id")};
    IF resource IS NULL OR resource <> one THEN
      IF changed THEN
        ${save(names)}
      END IF;
      SET resource = one;
      ${enter(names)}
    END IF;
    ${step}
  END LOOP;
  IF changed THEN
    ${save(names)}
  END IF;`;

const verb = (
  names: Names,
  name: string,
  parameters: string,
  own: { readonly width: number; readonly declare: string; readonly read: string },
  step: string,
  last = "",
): string => `
CREATE PROCEDURE ${names.procedure(name)}(room INT, given BIGINT, ${parameters}requests LONGBLOB)
MODIFIES SQL DATA SQL SECURITY INVOKER
BEGIN
  ${declarations}
  DECLARE cursor_at BIGINT DEFAULT 1;
  DECLARE length_of INT;
  ${own.declare}
  ${transaction(names, forEach(names, own, step) + last, "SELECT CONCAT(us, answer) AS answer;")}
END`;

const answer = (...numbers: readonly string[]): string =>
  `SET answer = CONCAT(answer, ' ', ${numbers.join(", ' ', ")});`;

/** The earliest time at which a place of the list runs out, up to a position in it. */
const earliestIn = (list: string, end: string): string => `
  SET pos = 1;
  WHILE pos < ${end} DO
    SET earliest = LEAST(COALESCE(earliest, ${expiresAt(list, "pos")}), ${expiresAt(list, "pos")}),
      pos = ${behind(list, "pos")};
  END WHILE;`;

/** Answers what is in front of a waiting place, or of one that would be. */
const inFront = (kind: string, at: string): string => `
  SET earliest = NULL;
  ${earliestIn("held", "LENGTH(held)")}
  ${earliestIn("queue", at)}
  ${answer(kind, `${count("held")} + ${count(`LEFT(queue, ${at} - 1)`)}`, "COALESCE(earliest, -1)", "0")}`;

/** All granted places go, one at a time. */
const eachHeld = (step: string): string => `
  SET pos = 1;
  WHILE pos <= LENGTH(held) DO
    SET other = ${idAt("held", "pos")};
    ${step}
  END WHILE;`;

const next = `SET pos = ${behind("held", "pos")};`;

const holds = `
  ${strangers("process")}
  ${answer("0", tokenAt("held", "at"), expiresAt("held", "at"), "waiting")}`;

const admit = (names: Names): string =>
  verb(
    names,
    "admit",
    "owner LONGBLOB, patience BIGINT, claim BIGINT, ",
    {
      width: 38,
      declare: `DECLARE permits, its_capacity, ttl, at, is_free BIGINT DEFAULT 0;
  DECLARE waits, steals INT DEFAULT 0;
  DECLARE told LONGBLOB;`,
      read: `SET permits = ${number("requests", "cursor_at", 10)},
      its_capacity = ${number("requests", "cursor_at + 10", 10)},
      ttl = ${number("requests", "cursor_at + 20", 16)},
      waits = ${number("requests", "cursor_at + 36", 1)},
      steals = ${number("requests", "cursor_at + 37", 1)};`,
    },
    `
    SET at = ${placeOf("id", "held")};
    IF at > 0 THEN
      ${holds}
      ITERATE asking;
    END IF;
    SET at = ${placeOf("id", "queue")};
    IF at > 0 THEN
      SET expires = ms + patience, queue = INSERT(queue, at + 54, 16, ${digits("expires")});
      ${lives("expires")}
      ${inFront("1", "at")}
      ITERATE asking;
    END IF;
    IF ${isEnded("+", "id")} OR ${isEnded("-", "id")} THEN
      ${answer("4", "0", "0", "0")}
      ITERATE asking;
    END IF;
    IF LENGTH(held) + LENGTH(queue) > 0 AND capacity <> its_capacity THEN
      ${answer("3", "capacity", "0", "0")}
      ITERATE asking;
    END IF;
    IF steals THEN
      ${eachHeld(`
        ${forget("-", "other")}
        ${tell(names, processOf("other"), "CONCAT('s ', LENGTH(other), ' ', other, resource)")}
        ${next}`)}
      SET held = '', used = 0;
    END IF;
    SET is_free = used + permits <= its_capacity AND (steals OR LENGTH(queue) = 0);
    IF NOT is_free AND NOT waits THEN
      ${inFront("2", "LENGTH(queue) + 1")}
      ITERATE asking;
    END IF;
    SET capacity = its_capacity, expires = ms + IF(is_free, ttl, patience);
    ${lives("expires")}
    IF is_free THEN
      SET last = GREATEST(last + 1, us), used = used + permits;
    END IF;
    SET at = LENGTH(IF(is_free, held, queue)) + 1,
      one = ${placeText("IF(is_free, last, 0)", "expires")};
    IF is_free THEN
      SET held = CONCAT(held, one);
      IF steals THEN
        ${handOver(names)}
      END IF;
      ${holds}
      ITERATE asking;
    END IF;
    SET queue = CONCAT(queue, one);
    -- Holders of other processes hear of the first place of its kind that waits behind them.
    SET told = CONCAT(X'FF', process, X'FF');
    ${eachHeld(`
      SET other = ${processOf("other")};
      IF LOCATE(CONCAT(X'FF', other, X'FF'), told) = 0 THEN
        SET told = CONCAT(told, other, X'FF');
        ${strangers("other")}
        IF waiting = 1 THEN
          ${tell(names, "other", "CONCAT('c ', resource)")}
        END IF;
      END IF;
      ${next}`)}
    ${inFront("1", "at")}`,
    `
  -- Last, when nothing is waited for any more: rows that are locked here are in no order.
  IF created > 0 THEN
    CALL ${names.procedure("sweep")}(ms, ${SWEPT_PER_NEW} * created);
  END IF;`,
  );

const renew = (names: Names): string =>
  verb(
    names,
    "renew",
    "",
    {
      width: 16,
      declare: "DECLARE at, ttl BIGINT DEFAULT 0;",
      read: `SET ttl = ${number("requests", "cursor_at", 16)};`,
    },
    `
    SET at = ${placeOf("id", "held")};
    IF at = 0 THEN
      ${answer("1", "0", "0", "0")}
    ELSE
      SET expires = ms + ttl, held = INSERT(held, at + 54, 16, ${digits("expires")});
      ${lives("expires")}
      ${strangers("process")}
      ${answer("0", "0", "expires", "waiting")}
    END IF;`,
  );

const release = (names: Names): string =>
  verb(
    names,
    "release",
    "",
    { width: 0, declare: "DECLARE at BIGINT DEFAULT 0;", read: "" },
    `
    SET at = ${placeOf("id", "held")};
    IF at > 0 THEN
      SET used = used - ${permitsAt("held", "at")}, held = ${without("held", "at", behind("held", "at"))};
    ELSE
      SET at = ${placeOf("id", "queue")};
      IF at > 0 THEN
        SET queue = ${without("queue", "at", behind("queue", "at"))};
      END IF;
    END IF;
    IF at > 0 THEN
      ${forget("+", "id")}
      ${handOver(names)}
      ${answer("0", "0", "0", "0")}
    ELSEIF ${isEnded("+", "id")} THEN
      ${answer("0", "0", "0", "0")}
    ELSE
      ${answer("1", "0", "0", "0")}
      IF NOT ${isEnded("-", "id")} THEN
        ${forget("-", "id")}
      END IF;
    END IF;`,
  );

/** Answers the places that were revoked, as they were. `note`: reason and author as JSON. */
const revoke = (names: Names): string => `
CREATE PROCEDURE ${names.procedure("revoke")}(
  room INT, given BIGINT, its_resource LONGBLOB, chosen LONGBLOB, note LONGBLOB
)
MODIFIES SQL DATA SQL SECURITY INVOKER
BEGIN
  ${declarations}
  DECLARE revoked, tokens LONGBLOB DEFAULT '';
  ${transaction(
    names,
    `
  SET resource = its_resource;
  ${enter(names)}
  ${eachHeld(`
    IF chosen IS NULL OR other = chosen THEN
      SET nxt = ${behind("held", "pos")}, used = used - ${permitsAt("held", "pos")},
        revoked = CONCAT(revoked, SUBSTRING(held, pos, nxt - pos)),
        tokens = CONCAT(tokens, ' ', ${tokenAt("held", "pos")}),
        held = ${without("held", "pos", "nxt")};
      ${forget("-", "other")}
      ${tell(names, processOf("other"), "CONCAT('r ', LENGTH(other), ' ', other, resource)")}
    ELSE
      ${next}
    END IF;`)}
  IF LENGTH(revoked) > 0 THEN
    -- Tokens of the places that go are stale from here on.
    SET last = GREATEST(last + 1, us);
    ${handOver(names)}
    SELECT CONCAT(l.revocations, X'FF', ms, tokens, X'FD', note, X'FE') INTO lot
    FROM ${names.table("lock")} AS l WHERE l.space = room AND l.name = resource;
    IF ${count("lot")} > ${REVOCATIONS_MAX} THEN
      SET lot = SUBSTRING(lot, ${behind("lot", "1")});
    END IF;
    UPDATE ${names.table("lock")} AS l SET l.revocations = lot WHERE l.space = room AND l.name = resource;
  END IF;
  IF changed THEN
    ${save(names)}
  END IF;`,
    "SELECT revoked;",
  )}
END`;

/** Lets go of idle locks. Rows that somebody is at are not idle. */
const sweep = (names: Names): string => `
CREATE PROCEDURE ${names.procedure("sweep")}(ms BIGINT, most INT)
MODIFIES SQL DATA SQL SECURITY INVOKER
sweeping: BEGIN
  DECLARE its_space, missing INT DEFAULT 0;
  DECLARE its_name VARBINARY(1024);
  DECLARE until_ms BIGINT;
  DECLARE CONTINUE HANDLER FOR NOT FOUND SET missing = 1;
  WHILE most > 0 DO
    SELECT l.space, l.name, l.forget_at INTO its_space, its_name, until_ms
    FROM ${names.table("lock")} AS l WHERE l.look_at <= ms ORDER BY l.look_at LIMIT 1 FOR UPDATE SKIP LOCKED;
    IF missing THEN
      LEAVE sweeping;
    END IF;
    IF until_ms <= ms THEN
      -- Called outside of a transaction, somebody may have been here meanwhile.
      DELETE FROM ${names.table("lock")} WHERE space = its_space AND name = its_name AND forget_at <= ms;
    ELSE
      UPDATE ${names.table("lock")} SET look_at = until_ms WHERE space = its_space AND name = its_name;
    END IF;
    SET most = most - 1;
  END WHILE;
END`;

export const lockProcedures = (names: Names): readonly (readonly [name: string, text: string])[] => [
  ["admit", admit(names)],
  ["renew", renew(names)],
  ["release", release(names)],
  ["revoke", revoke(names)],
  ["sweep", sweep(names)],
];
