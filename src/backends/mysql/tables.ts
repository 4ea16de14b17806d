import type { Names } from "./names.ts";
import { recordTables } from "./record-tables.ts";
import { SCHEMA_VERSION } from "./version.ts";

const TABLE = "ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4";

/**
 * One row is all there is to know of one lock, so that a step locks one row and writes one row: a
 * queue in rows of its own would leave a trail of deleted ones, which slow down a hot lock for as
 * long as any old transaction keeps them from being purged. Names are bytes, so that no collation
 * takes two for one. A namespace is a number here: an index entry has 3,072 bytes.
 */
export const tables = (names: Names): readonly string[] => [
  `CREATE TABLE IF NOT EXISTS ${names.table("meta")} (
  id INT NOT NULL PRIMARY KEY,
  version INT NOT NULL
) ${TABLE}`,

  `CREATE TABLE IF NOT EXISTS ${names.table("space")} (
  id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  namespace VARBINARY(2048) NOT NULL,
  UNIQUE KEY (namespace)
) ${TABLE}`,

  `CREATE TABLE IF NOT EXISTS ${names.table("lock")} (
  space INT NOT NULL,
  name VARBINARY(1024) NOT NULL,
  capacity BIGINT NOT NULL,
  last BIGINT NOT NULL COMMENT 'the highest token minted',
  used BIGINT NOT NULL COMMENT 'permits of the places in held',
  due BIGINT NOT NULL COMMENT 'no place runs out before; ms since 1970',
  held LONGBLOB NOT NULL COMMENT 'granted places in order of arrival',
  queue LONGBLOB NOT NULL COMMENT 'waiting places in order of arrival, all behind those in held',
  ended BLOB NOT NULL COMMENT 'lease ids that ended, oldest first: + by their release, - otherwise',
  revocations LONGBLOB NOT NULL,
  forget_at BIGINT NOT NULL COMMENT 'when the row may go if nothing happens until then',
  look_at BIGINT NOT NULL COMMENT 'when to see whether it may; behind forget_at, to spare the index',
  PRIMARY KEY (space, name),
  KEY look_at (look_at)
) ${TABLE}`,

  `CREATE TABLE IF NOT EXISTS ${names.table("mail")} (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  box CHAR(32) CHARACTER SET latin1 COLLATE latin1_bin NOT NULL COMMENT 'of one process',
  at BIGINT NOT NULL,
  body LONGBLOB NOT NULL,
  KEY box (box)
) ${TABLE}`,

  ...recordTables(names, TABLE),

  `INSERT INTO ${names.table("meta")} (id, version) VALUES (1, 0)
ON DUPLICATE KEY UPDATE version = version`,
];

/** The last statement of a migration: until it has run, nobody takes the rest for done. */
export const done = (names: Names): string =>
  `UPDATE ${names.table("meta")} SET version = GREATEST(version, ${SCHEMA_VERSION}) WHERE id = 1`;
