/** Raised when an older Holdfast could no longer work on what this one writes. */
export const SCHEMA = 2;

/**
 * A record's row points to the version that is its head, and counts the versions that are left, so that
 * pruning finds those with too many. Versions are numbered in the order of their commits, over all
 * collections: their place in the feed. Deleted records have neither a live head nor entries.
 */
const RECORDS = `
  CREATE TABLE holdfast_collection (
    id INTEGER PRIMARY KEY,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    pruned_to INTEGER NOT NULL DEFAULT 0,
    UNIQUE (namespace, name)
  );
  CREATE TABLE holdfast_record (
    id INTEGER PRIMARY KEY,
    collection INTEGER NOT NULL,
    key TEXT NOT NULL,
    head INTEGER NOT NULL,
    versions INTEGER NOT NULL,
    deleted_at INTEGER,
    entries TEXT,
    fences TEXT,
    UNIQUE (collection, key)
  );
  CREATE INDEX holdfast_record_spare ON holdfast_record (collection, versions) WHERE versions > 1;
  CREATE INDEX holdfast_record_gone ON holdfast_record (collection, deleted_at)
    WHERE deleted_at IS NOT NULL;
  CREATE TABLE holdfast_version (
    place INTEGER PRIMARY KEY,
    collection INTEGER NOT NULL,
    record INTEGER NOT NULL,
    value TEXT,
    revision TEXT NOT NULL,
    parents TEXT,
    at INTEGER NOT NULL,
    author TEXT,
    reason TEXT,
    op_id TEXT NOT NULL,
    messages TEXT
  );
  CREATE INDEX holdfast_version_feed ON holdfast_version (collection);
  CREATE INDEX holdfast_version_history ON holdfast_version (record);
  CREATE UNIQUE INDEX holdfast_version_op ON holdfast_version (record, op_id);
  CREATE TABLE holdfast_entry (
    collection INTEGER NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    key TEXT NOT NULL,
    claims INTEGER NOT NULL,
    PRIMARY KEY (collection, name, value, key)
  ) WITHOUT ROWID;
`;

/** Holdfast's tables may stand in an application's own database, so they share a prefix. */
export const TABLES = `
  CREATE TABLE holdfast_meta (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    schema INTEGER NOT NULL,
    place INTEGER NOT NULL
  );
  CREATE TABLE holdfast_lock (
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    queue TEXT NOT NULL,
    revocations TEXT NOT NULL DEFAULT '[]',
    forget_at INTEGER NOT NULL,
    PRIMARY KEY (namespace, name)
  ) WITHOUT ROWID;
  CREATE INDEX holdfast_lock_idle ON holdfast_lock (forget_at);
  ${RECORDS}
  INSERT INTO holdfast_meta (id, schema, place) VALUES (1, ${SCHEMA}, 0);
`;

/** Heads without a history: each becomes the first version of its record, in the order of their writes. */
export const FROM_1 = `
  ALTER TABLE holdfast_record RENAME TO holdfast_record_1;
  ${RECORDS}
  INSERT INTO holdfast_collection (namespace, name)
    SELECT DISTINCT namespace, collection FROM holdfast_record_1;
  INSERT INTO holdfast_record (id, collection, key, head, versions, deleted_at, fences)
    SELECT old.id, c.id, old.key, old.revision, 1, iif(old.value IS NULL, old.updated_at, NULL), old.fences
    FROM holdfast_record_1 AS old
    JOIN holdfast_collection AS c ON c.namespace = old.namespace AND c.name = old.collection;
  INSERT INTO holdfast_version (place, collection, record, value, revision, at, author, op_id)
    SELECT old.revision, r.collection, old.id, old.value, CAST(old.revision AS TEXT), old.updated_at,
      old.author, old.op_id
    FROM holdfast_record_1 AS old JOIN holdfast_record AS r ON r.id = old.id;
  DROP TABLE holdfast_record_1;
  ALTER TABLE holdfast_meta RENAME COLUMN revision TO place;
  UPDATE holdfast_meta SET schema = ${SCHEMA};
`;
