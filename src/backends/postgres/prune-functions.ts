/**
 * Takes versions of one record away, the oldest first, and the record itself with its last one. Its row is
 * locked. Answers how many went. What has no place yet stays: a reader's position cannot tell whether it
 * was seen.
 */
const pruneRecord = (schema: string): string => `
CREATE OR REPLACE FUNCTION ${schema}.prune_record(
  which int, chosen bigint, chosen_key text, before bigint, most int, up_to bigint
) RETURNS int LANGUAGE plpgsql AS $holdfast$
DECLARE
  n int;
  highest bigint;
BEGIN
  WITH old AS (
    SELECT v.id FROM ${schema}.version AS v
    WHERE v.record = chosen AND v.at < before AND v.place <= up_to ORDER BY v.id LIMIT most
  ), gone AS (
    DELETE FROM ${schema}.version AS v USING old WHERE v.record = chosen AND v.id = old.id RETURNING v.place
  )
  SELECT count(*), max(gone.place) INTO n, highest FROM gone;
  IF n > 0 THEN
    UPDATE ${schema}.collection AS c SET pruned_to = greatest(c.pruned_to, highest) WHERE c.id = which;
    DELETE FROM ${schema}.record AS r WHERE r.collection = which AND r.key = chosen_key AND r.versions = n;
    UPDATE ${schema}.record AS r SET versions = r.versions - n
    WHERE r.collection = which AND r.key = chosen_key;
  END IF;
  RETURN n;
END $holdfast$;
`;

/** Records that somebody is writing are passed over, so that nobody waits for anybody in no order. */
const prune = (schema: string): string => `
CREATE OR REPLACE FUNCTION ${schema}.prune(
  space int, name text, given bigint, before bigint, keep int, most int, up_to bigint
) RETURNS int LANGUAGE plpgsql AS $holdfast$
#variable_conflict use_variable
DECLARE
  which int;
  it record;
  n int := 0;
BEGIN
  SELECT c.id INTO which FROM ${schema}.collection AS c WHERE c.space = space AND c.name = name;
  PERFORM ${schema}.sequence(which, given, NULL);
  -- Readers get in line here, writers do not: so nobody gives places while versions go.
  PERFORM 1 FROM ${schema}.collection AS c WHERE c.id = which FOR NO KEY UPDATE;
  FOR it IN
    SELECT r.id, r.key, r.versions FROM ${schema}.record AS r
    WHERE r.collection = which AND r.deleted_at < before AND EXISTS (
      SELECT 1 FROM ${schema}.version AS v WHERE v.record = r.id AND v.id = r.head AND v.place <= up_to
    )
    ORDER BY r.deleted_at LIMIT most FOR NO KEY UPDATE OF r SKIP LOCKED
  LOOP
    n := n + ${schema}.prune_record(which, it.id, it.key, before, least(it.versions, most - n), up_to);
    EXIT WHEN n = most;
  END LOOP;
  IF n < most THEN
    FOR it IN
      SELECT r.id, r.key, r.versions FROM ${schema}.record AS r
      WHERE r.collection = which AND r.versions > keep AND EXISTS (
        SELECT 1 FROM ${schema}.version AS v WHERE v.record = r.id AND v.at < before AND v.place <= up_to
      )
      LIMIT most FOR NO KEY UPDATE OF r SKIP LOCKED
    LOOP
      n := n + ${schema}.prune_record(
        which, it.id, it.key, before, least(it.versions - keep, most - n), up_to
      );
      EXIT WHEN n = most;
    END LOOP;
  END IF;
  RETURN n;
END $holdfast$;
`;

export const pruneFunctions = (schema: string): string => pruneRecord(schema) + prune(schema);
