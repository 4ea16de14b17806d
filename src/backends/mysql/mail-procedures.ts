import type { Names } from "./names.ts";

/** Mail that nobody has taken for so long is for a process that is no more. */
const KEPT_MS = 60_000;

/** A server has one set of names of this kind, whatever the database. */
const bell = (box: string): string => `CONCAT('holdfast_', ${box})`;
const wall = (box: string): string => `CONCAT('holdfast_w_', ${box})`;

const boxOf = (names: Names, address: string): string =>
  `MD5(CONCAT(DATABASE(), '/', '${names.prefix}', '/', ${address}))`;

/**
 * MySQL pushes nothing. But a session that waits can be interrupted: each process has one that
 * waits for a session lock which another session of the same process never gives away (its wall).
 * It holds a session lock itself (its bell), by whose name others find out which session it is. A
 * step puts messages into the table of mail, and when it is committed, it interrupts the waiting.
 *
 * `SLEEP` would need no wall. But all that sleep share one mutex of the server, for which `KILL`
 * waits, holding what others need: with many hand-overs the whole server stands still for seconds.
 */
const tell = (names: Names): string => `
CREATE PROCEDURE ${names.procedure("tell")}(address LONGBLOB, body LONGBLOB, INOUT bells LONGBLOB)
MODIFIES SQL DATA SQL SECURITY INVOKER
BEGIN
  DECLARE its_box CHAR(32) CHARACTER SET latin1 COLLATE latin1_bin DEFAULT ${boxOf(names, "address")};
  -- Whoever does not listen now will look when it does.
  IF IS_USED_LOCK(${bell("its_box")}) IS NOT NULL THEN
    INSERT INTO ${names.table("mail")} (box, at, body) VALUES (its_box, UNIX_TIMESTAMP() * 1000, body);
    IF LOCATE(its_box, bells) = 0 THEN
      SET bells = CONCAT(bells, its_box);
    END IF;
  END IF;
END`;

/** The step is done: nothing that goes wrong here may make it look as if it were not. */
const ring = (names: Names): string => `
CREATE PROCEDURE ${names.procedure("ring")}(bells LONGBLOB)
SQL SECURITY INVOKER
BEGIN
  DECLARE session_id BIGINT;
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;
  WHILE LENGTH(bells) > 0 DO
    SET session_id = IS_USED_LOCK(${bell("LEFT(bells, 32)")});
    IF session_id IS NOT NULL THEN
      KILL QUERY session_id;
    END IF;
    SET bells = SUBSTRING(bells, 33);
  END WHILE;
END`;

/**
 * Takes a session lock, from a session that has it still if need be, such as one whose client has
 * vanished. Sets whether it has it now.
 */
const take = (lock: string): string => `
  SET is_ours = COALESCE(GET_LOCK(${lock}, 0), 0);
  IF NOT is_ours THEN
    SET session_id = IS_USED_LOCK(${lock});
    IF session_id IS NOT NULL THEN
      KILL session_id;
    END IF;
    SET is_ours = COALESCE(GET_LOCK(${lock}, 2), 0);
  END IF;`;

const TAKING = `
  DECLARE session_id BIGINT;
  DECLARE is_ours INT;
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;`;

const listen = (names: Names): string => `
CREATE PROCEDURE ${names.procedure("listen")}(room INT, process LONGBLOB)
MODIFIES SQL DATA SQL SECURITY INVOKER
BEGIN
  DECLARE its_box CHAR(32) CHARACTER SET latin1 COLLATE latin1_bin
    DEFAULT ${boxOf(names, "CONCAT(room, '/', process)")};
  ${TAKING}
  ${take(bell("its_box"))}
  DELETE FROM ${names.table("mail")} WHERE at < UNIX_TIMESTAMP() * 1000 - ${KEPT_MS} LIMIT 1000;
  SELECT its_box AS box, is_ours;
END`;

/** Builds what the session that listens waits for in vain. */
const build = (names: Names): string => `
CREATE PROCEDURE ${names.procedure("build")}(its_box CHAR(32) CHARACTER SET latin1)
SQL SECURITY INVOKER
BEGIN
  ${TAKING}
  ${take(wall("its_box"))}
  SELECT is_ours;
END`;

/**
 * The mail, or if there is none, what comes while this waits. An interruption after the first look
 * ends the waiting, and one before it came after its mail: none is missed. `taken`: ids of what was
 * received before, to be thrown away.
 */
const hear = (names: Names): string => `
CREATE PROCEDURE ${names.procedure("hear")}(
  its_box CHAR(32) CHARACTER SET latin1, taken LONGBLOB, seconds INT
)
MODIFIES SQL DATA SQL SECURITY INVOKER
BEGIN
  DECLARE one BIGINT;
  START TRANSACTION;
  WHILE LENGTH(taken) > 0 DO
    SET one = CAST(SUBSTRING_INDEX(taken, ' ', 1) AS SIGNED),
      taken = SUBSTRING(taken, LENGTH(SUBSTRING_INDEX(taken, ' ', 1)) + 2);
    DELETE FROM ${names.table("mail")} WHERE id = one;
  END WHILE;
  COMMIT;
  IF NOT EXISTS (SELECT 1 FROM ${names.table("mail")} WHERE box = its_box) THEN
    IF COALESCE(GET_LOCK(${wall("its_box")}, seconds), 0) THEN
      DO RELEASE_LOCK(${wall("its_box")});
      SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'the session that keeps the wall has ended';
    END IF;
  END IF;
  SELECT id, body FROM ${names.table("mail")} WHERE box = its_box ORDER BY id LIMIT 1000;
END`;

export const mailProcedures = (names: Names): readonly (readonly [name: string, text: string])[] => [
  ["tell", tell(names)],
  ["ring", ring(names)],
  ["listen", listen(names)],
  ["build", build(names)],
  ["hear", hear(names)],
];
