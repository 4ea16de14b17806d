import { FORGOTTEN_MAX, IDLE_MEMORY_MS } from "../../backend.ts";
import type { Names } from "./names.ts";

/**
 * The one rule, and what every verb shares, as pieces of SQL over the variables declared here. They
 * are put together as text, because procedures of MySQL take no part of a row by reference.
 *
 * A place is 70 digits, the lease id and the owner; a list is places one after the other. The bytes
 * between them are in no UTF-8 text, so that searching for an id finds nothing else:
 *
 *     permits(10) claim(12) token(16) since(16) expires(16) FF id FD owner FE
 *
 * Granted places are always in front of waiting ones, since only a place with nobody waiting ahead
 * is granted. So they are a list of their own, and the sum of their permits is kept.
 */
export const declarations = `
  DECLARE answer LONGBLOB DEFAULT '';
  DECLARE bells LONGBLOB DEFAULT '';
  DECLARE us, ms, capacity, last, used, due, forget BIGINT DEFAULT 0;
  DECLARE held, queue, ended, lot, one LONGBLOB;
  DECLARE resource VARBINARY(1024);
  DECLARE id, other, process LONGBLOB;
  DECLARE pos, nxt, expires, earliest, claim_by, waiting BIGINT DEFAULT 0;
  DECLARE missing, changed, gone, created INT DEFAULT 0;`;

/** Later than any time. */
export const NEVER = "9000000000000000";

/**
 * Microseconds since 1970: the simulator's, or the server's when the statement began that this
 * stands in, whatever time zone the session is in.
 */
export const CLOCK =
  "COALESCE(given, TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', UTC_TIMESTAMP(6)))";

export const digits = (value: string, width = 16): string => `LPAD(${value}, ${width}, '0')`;

/** Without the cast, MySQL compares digits as text, and computes with floating point. */
export const number = (list: string, at: string, width: number): string =>
  `CAST(SUBSTRING(${list}, ${at}, ${width}) AS SIGNED)`;

/** A place's number, at its position in a list. */
export const permitsAt = (list: string, at: string): string => number(list, at, 10);
export const claimAt = (list: string, at: string): string => number(list, `${at} + 10`, 12);
export const tokenAt = (list: string, at: string): string => number(list, `${at} + 22`, 16);
export const expiresAt = (list: string, at: string): string => number(list, `${at} + 54`, 16);
export const idAt = (list: string, at: string): string =>
  `SUBSTRING(${list}, ${at} + 71, LOCATE(X'FD', ${list}, ${at}) - ${at} - 71)`;

/** Positions of the place behind, and of the place of an id (0: there is none). */
export const behind = (list: string, at: string): string => `LOCATE(X'FE', ${list}, ${at}) + 1`;
export const placeOf = (id: string, list: string): string =>
  `GREATEST(LOCATE(CONCAT(X'FF', ${id}, X'FD'), ${list}) - 70, 0)`;

export const without = (list: string, at: string, end: string): string =>
  `CONCAT(LEFT(${list}, ${at} - 1), SUBSTRING(${list}, ${end}))`;

export const count = (list: string): string => `(LENGTH(${list}) - LENGTH(REPLACE(${list}, X'FF', '')))`;

/** A new place, of the variables that a request for it is read into. */
export const placeText = (token: string, expires: string): string =>
  `CONCAT(${digits("permits", 10)}, ${digits("claim", 12)}, ${digits(token)}, ${digits("ms")},
      ${digits(expires)}, X'FF', id, X'FD', owner, X'FE')`;

/** How many places of other processes than this one wait. */
export const strangers = (process: string): string => `
  SET waiting = ${count("queue")};
  IF waiting > 0 THEN
    SET one = CONCAT(X'FF', ${process}, ':'),
      waiting = waiting - (LENGTH(queue) - LENGTH(REPLACE(queue, one, ''))) DIV LENGTH(one);
  END IF;`;

export const processOf = (id: string): string => `SUBSTRING_INDEX(${id}, ':', 1)`;

/** A place lives until then. */
export const lives = (until: string): string =>
  `SET due = LEAST(due, ${until}), forget = GREATEST(forget, ${until} + ${IDLE_MEMORY_MS}), changed = 1;`;

/**
 * Locks the resource's row, and makes it if need be: before anything is decided, because two
 * transactions do not see what the other has not committed.
 */
export const lockRow = (names: Names): string => `
  SET missing = 1;
  WHILE missing DO
    SET missing = 0;
    SELECT l.capacity, l.last, l.used, l.due, l.held, l.queue, l.ended, l.forget_at
    INTO capacity, last, used, due, held, queue, ended, forget
    FROM ${names.table("lock")} AS l WHERE l.space = room AND l.name = resource FOR UPDATE;
    IF missing THEN
      SET ms = ${CLOCK} DIV 1000;
      INSERT INTO ${names.table("lock")}
        (space, name, capacity, last, used, due, held, queue, ended, revocations, forget_at, look_at)
      VALUES (room, resource, 0, 0, 0, ${NEVER}, '', '', '', '',
        ms + ${IDLE_MEMORY_MS}, ms + ${IDLE_MEMORY_MS})
      ON DUPLICATE KEY UPDATE look_at = look_at;
      SET created = created + 1;
    END IF;
  END WHILE;
  SET changed = 0;`;

/** Only once the row is locked: waiting for it takes time. */
export const now = `
  SET us = ${CLOCK}, ms = us DIV 1000;`;

export const save = (names: Names): string => `
  IF LENGTH(held) + LENGTH(queue) = 0 THEN
    SET forget = ms + ${IDLE_MEMORY_MS}, due = ${NEVER};
  END IF;
  UPDATE ${names.table("lock")} AS l
  SET l.capacity = capacity, l.last = last, l.used = used, l.due = due, l.held = held, l.queue = queue,
    l.ended = ended, l.forget_at = GREATEST(forget, ms + ${IDLE_MEMORY_MS})
  WHERE l.space = room AND l.name = resource;
  SET changed = 0;`;

/** Ended ids are marks and ids between bytes that no text has. */
export const isEnded = (mark: string, id: string, list = "ended"): string =>
  `LOCATE(CONCAT(X'FF', '${mark}', ${id}, X'FF'), ${list}) > 0`;

/** The list with one more, and without the oldest where there are too many. */
export const remembering = (mark: string, id: string, list: string, most: number): string =>
  `CONCAT(X'FF', SUBSTRING_INDEX(CONCAT(${list}, '${mark}', ${id}, X'FF'), X'FF', -${most + 1}))`;

export const forget = (mark: string, id: string): string => `
  SET ended = ${remembering(mark, id, "ended", FORGOTTEN_MAX)}, changed = 1;`;

/** Delivered with the step or not at all; the bells ring when it is committed. */
export const tell = (names: Names, process: string, body: string): string => `
  CALL ${names.procedure("tell")}(CONCAT(room, '/', ${process}), ${body}, bells);`;

export const handOver = (names: Names): string => `
  SET lot = '', claim_by = ${NEVER};
  WHILE LENGTH(queue) > 0 AND used + ${permitsAt("queue", "1")} <= capacity DO
    SET nxt = ${behind("queue", "1")}, last = GREATEST(last + 1, us),
      expires = ms + ${claimAt("queue", "1")}, used = used + ${permitsAt("queue", "1")},
      one = CONCAT(LEFT(queue, 22), ${digits("last")}, ${digits("ms")}, ${digits("expires")},
        SUBSTRING(queue, 71, nxt - 71)),
      held = CONCAT(held, one), lot = CONCAT(lot, one), queue = SUBSTRING(queue, nxt),
      claim_by = LEAST(claim_by, expires);
    ${lives("expires")}
  END WHILE;
  IF LENGTH(lot) > 0 AND LENGTH(queue) > 0 THEN
    -- In case one of those just granted is dead.
    ${tell(names, processOf(idAt("queue", "1")), "CONCAT('l ', claim_by, ' ', resource)")}
  END IF;
  WHILE LENGTH(lot) > 0 DO
    SET other = ${idAt("lot", "1")};
    ${strangers(processOf("other"))}
    ${tell(
      names,
      processOf("other"),
      `CONCAT('g ', ${tokenAt("lot", "1")}, ' ', ${expiresAt("lot", "1")}, ' ', waiting, ' ',
        LENGTH(other), ' ', other, resource)`,
    )}
    SET lot = SUBSTRING(lot, ${behind("lot", "1")});
  END WHILE;`;

const dropExpired = (list: "held" | "queue"): string => `
    SET pos = 1;
    WHILE pos <= LENGTH(${list}) DO
      SET nxt = ${behind(list, "pos")}, expires = ${expiresAt(list, "pos")};
      IF expires > ms THEN
        SET due = LEAST(due, expires), pos = nxt;
      ELSE
        SET gone = 1, other = ${idAt(list, "pos")};
        ${list === "held" ? `SET used = used - ${permitsAt(list, "pos")};` : ""}
        ${forget("-", "other")}
        SET ${list} = ${without(list, "pos", "nxt")};
      END IF;
    END WHILE;`;

/** A place whose time has passed is gone; what it left is handed over. */
export const clearExpired = (names: Names): string => `
  IF due <= ms THEN
    SET due = ${NEVER}, gone = 0, changed = 1;
    ${dropExpired("held")}
    ${dropExpired("queue")}
    IF gone THEN
      ${handOver(names)}
    END IF;
  END IF;`;

export const enter = (names: Names): string => `
  ${lockRow(names)}
  ${now}
  ${clearExpired(names)}`;

/** The frame of a procedure that changes something: one transaction, which fails as a whole. */
export const transaction = (names: Names, steps: string, result: string): string => `
  DECLARE CONTINUE HANDLER FOR NOT FOUND SET missing = 1;
  DECLARE EXIT HANDLER FOR SQLEXCEPTION
  BEGIN
    ROLLBACK;
    RESIGNAL;
  END;
  SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
  START TRANSACTION;
  ${steps}
  COMMIT;
  IF LENGTH(bells) > 0 THEN
    CALL ${names.procedure("ring")}(bells);
  END IF;
  ${result}`;
