import type { Names } from "./names.ts";

/** Mail that nobody has taken for so long is for a process that is no more. */
const KEPT_MS = 60_000;

/** A server has one set of names of this kind, whatever the database. */
const bell = (box: string): string => `CONCAT('holdfast_', ${box})`;

const boxOf = (names: Names, address: string): string =>
  `MD5(CONCAT(DATABASE(), '/', '${names.prefix}', '/', ${address}))`;

/**
 * MySQL pushes nothing. But a session can be interrupted: each process has one that sleeps, and
 * holds a session lock (its bell) by whose name others find out which session that is. A step puts
 * messages into the table of mail, and when it is committed, it interrupts the sleep.
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
 * Takes the bell from a session that has it still, such as one whose client has vanished. Answers
 * whether it has it now.
 */
const listen = (names: Names): string => `
CREATE PROCEDURE ${names.procedure("listen")}(room INT, process LONGBLOB)
MODIFIES SQL DATA SQL SECURITY INVOKER
BEGIN
  DECLARE its_box CHAR(32) CHARACTER SET latin1 COLLATE latin1_bin
    DEFAULT ${boxOf(names, "CONCAT(room, '/', process)")};
  DECLARE session_id BIGINT;
  DECLARE is_ours INT DEFAULT GET_LOCK(${bell("its_box")}, 0);
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;
  IF NOT COALESCE(is_ours, 0) THEN
    SET session_id = IS_USED_LOCK(${bell("its_box")});
    IF session_id IS NOT NULL THEN
      KILL session_id;
    END IF;
    SET is_ours = GET_LOCK(${bell("its_box")}, 2);
  END IF;
  DELETE FROM ${names.table("mail")} WHERE at < UNIX_TIMESTAMP() * 1000 - ${KEPT_MS} LIMIT 1000;
  SELECT its_box AS box, COALESCE(is_ours, 0) AS is_ours, CONNECTION_ID() AS session_id;
END`;

/**
 * The mail, or if there is none, what comes while this sleeps. An interruption after the first look
 * ends the sleep, and one before it came after its mail: none is missed. `taken`: ids of what was
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
    DO SLEEP(seconds);
  END IF;
  SELECT id, body FROM ${names.table("mail")} WHERE box = its_box ORDER BY id LIMIT 1000;
END`;

export const mailProcedures = (names: Names): readonly (readonly [name: string, text: string])[] => [
  ["tell", tell(names)],
  ["ring", ring(names)],
  ["listen", listen(names)],
  ["hear", hear(names)],
];
