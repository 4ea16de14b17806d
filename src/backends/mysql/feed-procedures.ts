import type { Names } from "./names.ts";
import { CLOCK } from "./rule.ts";

/** Versions that get their place in one transaction. */
const BATCH = 1_000;

const collectionOf = (names: Names, otherwise: string): string => `
  SELECT c.id INTO cid FROM ${names.table("collection")} AS c
  WHERE c.space = room AND c.name = its_collection;
  IF cid IS NULL THEN
    ${otherwise}
  END IF;
  CALL ${names.procedure("sequence")}(cid, given);`;

const failing = `
  DECLARE EXIT HANDLER FOR SQLEXCEPTION
  BEGIN
    ROLLBACK;
    RESIGNAL;
  END;`;

/**
 * Gives places in the feed to committed versions that have none, in the order of their ids. Whoever
 * reads the feed does that first, one reader of a collection at a time. So a version that is committed
 * late gets its place late, behind all that was ever shown; nobody waits for it, and no writer waits.
 * The cursor reads what is committed, without a lock: a locking read would wait for open transactions.
 *
 * Microseconds are the floor of places: where a crash or failover forgets the last places, which some
 * reader has seen, the next ones lie behind them.
 */
const sequence = (names: Names): string => `
CREATE PROCEDURE ${names.procedure("sequence")}(cid INT, given BIGINT)
MODIFIES SQL DATA SQL SECURITY INVOKER
BEGIN
  DECLARE its_place, one BIGINT;
  DECLARE missing, numbered INT DEFAULT 0;
  DECLARE fresh CURSOR FOR
    SELECT v.id FROM ${names.table("version")} AS v
    WHERE v.collection = cid AND v.place IS NULL ORDER BY v.id LIMIT ${BATCH};
  DECLARE CONTINUE HANDLER FOR NOT FOUND SET missing = 1;
  WHILE EXISTS (SELECT 1 FROM ${names.table("version")} AS v WHERE v.collection = cid AND v.place IS NULL) DO
    SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
  START TRANSACTION;
    SELECT GREATEST(c.last_place, ${CLOCK} - 1) INTO its_place
    FROM ${names.table("collection")} AS c WHERE c.id = cid FOR UPDATE;
    SET missing = 0, numbered = 0;
    OPEN fresh;
    numbering: LOOP
      FETCH fresh INTO one;
      IF missing THEN
        LEAVE numbering;
      END IF;
      SET its_place = its_place + 1, numbered = numbered + 1;
      UPDATE ${names.table("version")} AS v SET v.place = its_place WHERE v.id = one;
    END LOOP;
    CLOSE fresh;
    IF numbered > 0 THEN
      UPDATE ${names.table("collection")} AS c SET c.last_place = its_place WHERE c.id = cid;
    END IF;
    COMMIT;
  END WHILE;
END`;

/**
 * A page of the feed: a row for each version, or one without any; each says where the feed ends, and
 * what was pruned. No row: there is no such collection. One statement sees all that at one time.
 */
const changes = (names: Names): string => `
CREATE PROCEDURE ${names.procedure("changes")}(
  room INT, given BIGINT, its_collection LONGBLOB, after_place BIGINT, most BIGINT
)
MODIFIES SQL DATA SQL SECURITY INVOKER
BEGIN
  DECLARE cid INT;
  ${failing}
  ${collectionOf(names, "SET cid = 0;")}
  SELECT c.last_place, c.pruned_to, f.place, r.name, v.value, v.revision, v.parent, v.merges, v.at,
    v.author, v.reason, v.op_id, v.messages
  FROM ${names.table("collection")} AS c
  LEFT JOIN (
    SELECT p.id, p.place FROM ${names.table("version")} AS p
    WHERE p.collection = cid AND p.place > after_place ORDER BY p.place LIMIT most
  ) AS f ON TRUE
  LEFT JOIN ${names.table("version")} AS v ON v.id = f.id
  LEFT JOIN ${names.table("record")} AS r ON r.id = v.record
  WHERE c.id = cid ORDER BY f.place;
END`;

/**
 * Locks records as writers do, by key, and at last the collection's row, which readers of the feed lock
 * first; but of versions, a reader locks those without a place, and this those with one.
 */
const prune = (names: Names): string => `
CREATE PROCEDURE ${names.procedure("prune")}(
  room INT, given BIGINT, its_collection LONGBLOB, before_ms BIGINT, keep BIGINT, seen BIGINT, most BIGINT
)
MODIFIES SQL DATA SQL SECURITY INVOKER
pruning: BEGIN
  DECLARE cid INT;
  DECLARE its_key VARBINARY(1024);
  DECLARE its_id, its_head, its_versions, its_deleted, n, last_id, its_place, top BIGINT DEFAULT 0;
  DECLARE spare, went BIGINT DEFAULT 0;
  DECLARE missing INT DEFAULT 0;
  DECLARE candidates CURSOR FOR
    SELECT r.name FROM ${names.table("record")} AS r
    WHERE r.collection = cid AND (
      r.deleted_at < before_ms
      AND (SELECT h.place FROM ${names.table("version")} AS h WHERE h.id = r.head) <= seen
      OR r.versions > keep
      AND (SELECT o.at < before_ms AND o.place <= seen FROM ${names.table("version")} AS o
        WHERE o.record = r.id ORDER BY o.id LIMIT 1)
    )
    ORDER BY r.name LIMIT most;
  DECLARE CONTINUE HANDLER FOR NOT FOUND SET missing = 1;
  ${failing}
  ${collectionOf(names, `SELECT 0 AS went;
    LEAVE pruning;`)}
  SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
  START TRANSACTION;
  OPEN candidates;
  going: WHILE went < most DO
    SET missing = 0;
    FETCH candidates INTO its_key;
    IF missing THEN
      LEAVE going;
    END IF;
    SELECT r.id, r.head, r.versions, r.deleted_at INTO its_id, its_head, its_versions, its_deleted
    FROM ${names.table("record")} AS r WHERE r.collection = cid AND r.name = its_key FOR UPDATE;
    IF NOT missing THEN
      SET spare = keep, its_place = NULL;
      IF its_deleted < before_ms THEN
        SELECT v.place INTO its_place FROM ${names.table("version")} AS v WHERE v.id = its_head;
        SET spare = IF(its_place <= seen, 0, keep);
      END IF;
      SET spare = LEAST(GREATEST(its_versions - spare, 0), most - went);
      SELECT COUNT(*), MAX(f.id), MAX(f.place) INTO n, last_id, its_place FROM (
        SELECT v.id, v.place FROM ${names.table("version")} AS v
        WHERE v.record = its_id AND v.at < before_ms AND v.place <= seen ORDER BY v.id LIMIT spare
      ) AS f;
      IF n > 0 THEN
        DELETE FROM ${names.table("version")} WHERE record = its_id AND id <= last_id;
        SET went = went + n, top = GREATEST(top, its_place);
        IF n = its_versions THEN
          DELETE FROM ${names.table("record")} WHERE collection = cid AND name = its_key;
        ELSE
          UPDATE ${names.table("record")} AS r SET r.versions = r.versions - n
          WHERE r.collection = cid AND r.name = its_key;
        END IF;
      END IF;
    END IF;
  END WHILE;
  CLOSE candidates;
  IF top > 0 THEN
    UPDATE ${names.table("collection")} AS c SET c.pruned_to = GREATEST(c.pruned_to, top) WHERE c.id = cid;
  END IF;
  COMMIT;
  SELECT went;
END`;

export const feedProcedures = (names: Names): readonly (readonly [name: string, text: string])[] => [
  ["sequence", sequence(names)],
  ["changes", changes(names)],
  ["prune", prune(names)],
];
