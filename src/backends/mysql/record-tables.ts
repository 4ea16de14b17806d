import type { Names } from "./names.ts";

/**
 * A record's row says which version is its head, and counts the versions that are left. Versions take
 * their `id` while their record's row is locked, so what depends on another version has a higher one;
 * its commit may come later than that of a higher one. Their `place` in the feed is given by the first
 * reader that sees them: see feed-procedures.ts. An entry's name is a hash here: an index entry has
 * 3,072 bytes, two of whose parts may be as long as 1,024.
 */
export const recordTables = (names: Names, table: string): readonly string[] => [
  `CREATE TABLE IF NOT EXISTS ${names.table("collection")} (
  id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  space INT NOT NULL,
  name VARBINARY(1024) NOT NULL,
  last_place BIGINT NOT NULL DEFAULT 0,
  pruned_to BIGINT NOT NULL DEFAULT 0 COMMENT 'highest place of a version that was pruned',
  UNIQUE KEY (space, name)
) ${table}`,

  `CREATE TABLE IF NOT EXISTS ${names.table("record")} (
  collection INT NOT NULL,
  name VARBINARY(1024) NOT NULL,
  id BIGINT NOT NULL AUTO_INCREMENT,
  head BIGINT NOT NULL COMMENT 'id of a version',
  revision BLOB NULL COMMENT 'of the head, like the next two',
  at BIGINT NOT NULL,
  deleted_at BIGINT NULL,
  versions INT NOT NULL,
  entries LONGBLOB NULL COMMENT 'JSON triples of name, value, and whether it is unique',
  fences LONGBLOB NULL COMMENT 'JSON pairs of lock and highest token seen',
  PRIMARY KEY (collection, name),
  UNIQUE KEY (id)
) ${table}`,

  `CREATE TABLE IF NOT EXISTS ${names.table("version")} (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  collection INT NOT NULL,
  record BIGINT NOT NULL,
  place BIGINT NULL COMMENT 'null: no reader of the feed has come by since',
  value LONGBLOB NULL COMMENT 'JSON text; null: a deletion',
  revision BLOB NOT NULL,
  parent BLOB NULL,
  merges BLOB NULL COMMENT 'JSON list of further parents',
  at BIGINT NOT NULL,
  author BLOB NULL,
  reason BLOB NULL,
  op_id BLOB NOT NULL,
  messages LONGBLOB NULL,
  KEY history (record),
  KEY op (record, op_id(40)),
  KEY feed (collection, place)
) ${table}`,

  `CREATE TABLE IF NOT EXISTS ${names.table("entry")} (
  collection INT NOT NULL,
  field BINARY(32) NOT NULL COMMENT 'SHA-256 of its name',
  value VARBINARY(1024) NOT NULL,
  name VARBINARY(1024) NOT NULL COMMENT 'of the record',
  claims TINYINT NULL COMMENT '1: unique',
  PRIMARY KEY (collection, field, value, name),
  UNIQUE KEY claim (collection, field, value, claims)
) ${table}`,
];
