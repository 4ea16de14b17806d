import { IDLE_MEMORY_MS } from "../../backend.ts";
import type { Names } from "./names.ts";
import { CLOCK, digits, expiresAt, NEVER, number, tokenAt } from "./rule.ts";

/** Widths of a write's lengths and numbers, in this order; then come its texts in the same order. */
export const WRITE_WIDTHS = {
  collection: 5,
  key: 5,
  /** 0: no condition; else 1 more than the length of the revision, where none is "must not exist". */
  condition: 3,
  opId: 6,
  /** 0: none; else 1 more than the length. */
  author: 6,
  fence: 5,
  value: 11,
  token: 20,
  shared: 1,
} as const;

type Field = keyof typeof WRITE_WIDTHS;

const FIELDS = Object.keys(WRITE_WIDTHS) as Field[];
const WIDTH = FIELDS.reduce((sum, field) => sum + WRITE_WIDTHS[field], 0);

const numberOf = (field: Field): string => {
  const before = FIELDS.slice(0, FIELDS.indexOf(field));
  const offset = before.reduce((sum, each) => sum + WRITE_WIDTHS[each], 0);
  return number("writes", `pos + ${offset}`, WRITE_WIDTHS[field]);
};

/** Reads the write at `pos` into variables, and goes on behind it. */
const readWrite = `
    SET collection_length = ${numberOf("collection")}, key_length = ${numberOf("key")},
      condition_length = ${numberOf("condition")}, op_length = ${numberOf("opId")},
      author_length = ${numberOf("author")}, fence_length = ${numberOf("fence")},
      value_length = ${numberOf("value")}, token = ${numberOf("token")}, shared = ${numberOf("shared")},
      pos = pos + ${WIDTH},
      its_collection = SUBSTRING(writes, pos, collection_length), pos = pos + collection_length,
      its_key = SUBSTRING(writes, pos, key_length), pos = pos + key_length,
      its_condition = IF(condition_length = 0, NULL, SUBSTRING(writes, pos, condition_length - 1)),
      pos = pos + GREATEST(condition_length - 1, 0),
      its_op = SUBSTRING(writes, pos, op_length), pos = pos + op_length,
      its_author = IF(author_length = 0, NULL, SUBSTRING(writes, pos, author_length - 1)),
      pos = pos + GREATEST(author_length - 1, 0),
      fence = IF(fence_length = 0, NULL, SUBSTRING(writes, pos, fence_length - 1)),
      pos = pos + GREATEST(fence_length - 1, 0),
      its_value = IF(value_length = 0, NULL, SUBSTRING(writes, pos, value_length - 1)),
      pos = pos + GREATEST(value_length - 1, 0);`;

const HEAD = ["value", "revision", "updated_at", "author", "op_id", "fences"];

const readHead = (names: Names): string => `
    SET missing = 0;
    SELECT ${HEAD.map((each) => `r.${each}`).join(", ")}
    INTO ${HEAD.map((each) => `head_${each}`).join(", ")}
    FROM ${names.table("record")} AS r
    WHERE r.space = room AND r.collection = its_collection AND r.name = its_key`;

/** The highest token that the record has seen of the fence's lock is between these two positions. */
const SEEN = "LOCATE(CONCAT(X'FF', fence, X'FD'), head_fences)";

const head = (kind: string): string => `
      SET answer = CONCAT(answer, '${kind}', ${digits("head_revision")}, ${digits("head_updated_at")},
        ${digits("IF(head_author IS NULL, 0, LENGTH(head_author) + 1)", 6)},
        ${digits("IF(head_value IS NULL, 0, LENGTH(head_value) + 1)", 11)},
        COALESCE(head_author, ''), COALESCE(head_value, ''));`;

/**
 * All writes of a call or none. First every row that matters is locked, in an order that all calls
 * keep: the locks of the fences, then the records. A row that is not there yet is made, so that
 * nobody else can make it meanwhile. Then the writes are looked at in the order given; the first
 * that is refused takes back the whole transaction, and only if none is, they are applied.
 *
 * A lock's row that is locked for sharing lets other writers pass, but no step of the lock itself:
 * nobody can be granted it between the check and the commit.
 *
 * Revisions grow by record and with the clock, so that none comes again after a failover that
 * forgot the last ones.
 *
 * `fences` and `keys_in_order`: lengths (5 digits) and names of the locks; positions (10 digits)
 * of the writes. The answer is for each write its kind (0 written, 1 written and nothing left, 2 a
 * replay), or for the one that is refused (3 conflict, 4 stale), then revision, time, and what
 * there is of author and value. `refused`: how many writes are before that one.
 */
const write = (names: Names): string => `
CREATE PROCEDURE ${names.procedure("write")}(
  room INT, given BIGINT, fences LONGBLOB, keys_in_order LONGBLOB, writes LONGBLOB
)
MODIFIES SQL DATA SQL SECURITY INVOKER
BEGIN
  DECLARE answer LONGBLOB DEFAULT '';
  DECLARE us, ms, pos, at, token, lock_last, store_token BIGINT DEFAULT 0;
  DECLARE collection_length, key_length, condition_length, op_length, author_length BIGINT;
  DECLARE fence_length, value_length, shared, missing BIGINT DEFAULT 0;
  DECLARE refused INT DEFAULT -1;
  DECLARE done INT DEFAULT 0;
  DECLARE its_collection, its_key VARBINARY(1024);
  DECLARE its_condition, its_op, its_author, fence, its_value LONGBLOB;
  DECLARE head_value, head_author, head_op_id, head_fences, lock_held LONGBLOB;
  DECLARE head_revision, head_updated_at BIGINT;
  DECLARE CONTINUE HANDLER FOR NOT FOUND SET missing = 1;
  DECLARE EXIT HANDLER FOR SQLEXCEPTION
  BEGIN
    ROLLBACK;
    RESIGNAL;
  END;
  SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
  START TRANSACTION;

  SET at = 1;
  WHILE at <= LENGTH(fences) DO
    SET fence_length = ${number("fences", "at", 5)}, fence = SUBSTRING(fences, at + 5, fence_length);
    SET missing = 0;
    SELECT l.last INTO lock_last FROM ${names.table("lock")} AS l
    WHERE l.space = room AND l.name = fence LOCK IN SHARE MODE;
    IF missing THEN
      SET ms = ${CLOCK} DIV 1000 + ${IDLE_MEMORY_MS};
      INSERT INTO ${names.table("lock")}
        (space, name, capacity, last, used, due, held, queue, ended, revocations, forget_at, look_at)
      VALUES (room, fence, 0, 0, 0, ${NEVER}, '', '', '', '', ms, ms)
      ON DUPLICATE KEY UPDATE look_at = look_at;
    END IF;
    SET at = at + 5 + fence_length;
  END WHILE;

  SET at = 1;
  WHILE at <= LENGTH(keys_in_order) DO
    SET pos = ${number("keys_in_order", "at", 10)}, at = at + 10;
    ${readWrite}
    ${readHead(names)} FOR UPDATE;
    IF missing THEN
      INSERT INTO ${names.table("record")} (space, collection, name, revision, updated_at)
      VALUES (room, its_collection, its_key, 0, 0) ON DUPLICATE KEY UPDATE updated_at = updated_at;
    END IF;
  END WHILE;

  SET us = ${CLOCK}, ms = us DIV 1000, pos = 1;
  checking: WHILE pos <= LENGTH(writes) DO
    ${readWrite}
    ${readHead(names)};
    IF head_op_id IS NULL OR head_op_id <> its_op THEN
      IF fence IS NOT NULL THEN
        SET store_token = token DIV 1024;
        SELECT l.last, l.held INTO lock_last, lock_held
        FROM ${names.table("lock")} AS l WHERE l.space = room AND l.name = fence;
        SET at = 1;
        WHILE at > 0 AND at <= LENGTH(lock_held)
          AND NOT (${tokenAt("lock_held", "at")} = store_token AND ${expiresAt("lock_held", "at")} > ms)
        DO
          SET at = LOCATE(X'FE', lock_held, at) + 1;
        END WHILE;
        IF (lock_last > store_token AND at > LENGTH(lock_held))
          OR (NOT shared AND COALESCE(CAST(NULLIF(SUBSTRING(head_fences,
            NULLIF(${SEEN}, 0) + LENGTH(fence) + 2, 20), '') AS SIGNED), 0) > token)
        THEN
          SET refused = done, answer = '4';
          LEAVE checking;
        END IF;
      END IF;
      IF its_condition <> IF(head_value IS NULL, '', CAST(head_revision AS CHAR)) THEN
        SET refused = done, answer = '';
        ${head("3")}
        LEAVE checking;
      END IF;
    END IF;
    SET done = done + 1;
  END WHILE;

  IF refused >= 0 THEN
    ROLLBACK;
  ELSE
    SET pos = 1;
    WHILE pos <= LENGTH(writes) DO
      ${readWrite}
      ${readHead(names)};
      IF head_op_id = its_op THEN
        ${head("2")}
      ELSEIF its_value IS NULL AND head_revision = 0 THEN
        DELETE FROM ${names.table("record")}
        WHERE space = room AND collection = its_collection AND name = its_key;
        SET head_author = NULL, head_value = NULL;
        ${head("1")}
      ELSE
        IF fence IS NOT NULL AND NOT shared THEN
          SET head_fences = COALESCE(head_fences, ''), at = ${SEEN};
          IF at > 0 THEN
            SET head_fences = INSERT(head_fences, at + LENGTH(fence) + 2, 20, ${digits("token", 20)});
          ELSE
            SET head_fences = CONCAT(head_fences, X'FF', fence, X'FD', ${digits("token", 20)}, X'FE');
          END IF;
        END IF;
        SET head_revision = GREATEST(head_revision + 1, us), head_updated_at = ms;
        UPDATE ${names.table("record")} AS r
        SET r.value = its_value, r.revision = head_revision, r.updated_at = ms, r.author = its_author,
          r.op_id = its_op, r.fences = head_fences
        WHERE r.space = room AND r.collection = its_collection AND r.name = its_key;
        SET head_author = NULL, head_value = NULL;
        IF its_value IS NULL THEN
          ${head("1")}
        ELSE
          ${head("0")}
        END IF;
      END IF;
    END WHILE;
    COMMIT;
  END IF;
  SELECT refused, answer;
END`;

export const recordProcedures = (names: Names): readonly (readonly [name: string, text: string])[] => [
  ["write", write(names)],
];
