import { CLOCK } from "./server-clock.ts";

/**
 * All writes of a call or none. First every row that matters is locked, in an order that all calls
 * keep: the locks of the fences, then the records. A row that is not there yet is made, so that
 * nobody else can make it meanwhile, and taken away again if it is not needed. Then the writes are
 * looked at in the order given, and only then applied.
 *
 * A lock's row that is locked for sharing lets other writers pass, but no step of the lock itself:
 * nobody can be granted it between the check and the commit.
 *
 * Revisions grow by record and with the clock, so that none comes again after a failover that
 * forgot the last ones.
 *
 * Answers a row for each write (0 written, 1 written and nothing left, 2 a replay) or one that says
 * why not (3 conflict, 4 stale) and for which.
 */
const write = (schema: string): string => `
CREATE OR REPLACE FUNCTION ${schema}.write(
  space int, given bigint, fence_order text[], key_order int[],
  collections text[], keys text[], vals text[], conditions text[], op_ids text[], authors text[],
  fence_names text[], fence_tokens bigint[], fence_shared boolean[]
) RETURNS TABLE (kind int, index int, value text, revision text, updated_at text, author text)
LANGUAGE plpgsql AS $holdfast$
#variable_conflict use_variable
DECLARE
  us bigint;
  ms bigint;
  i int;
  fence text;
  head ${schema}.record;
  heads ${schema}.record[] := array_fill(NULL::${schema}.record, ARRAY[cardinality(keys)]);
  made int[] := '{}';
  last bigint;
  lock_last bigint;
  is_held boolean;
  store_token bigint;
BEGIN
  FOREACH fence IN ARRAY fence_order LOOP
    LOOP
      PERFORM 1 FROM ${schema}.lock AS l WHERE l.space = space AND l.name = fence FOR SHARE;
      EXIT WHEN FOUND;
      PERFORM ${schema}.make(space, fence, given);
    END LOOP;
  END LOOP;

  FOREACH i IN ARRAY key_order LOOP
    LOOP
      SELECT r.* INTO head FROM ${schema}.record AS r
      WHERE r.space = space AND r.collection = collections[i] AND r.key = keys[i] FOR NO KEY UPDATE;
      IF FOUND THEN
        heads[i] := head;
        EXIT;
      END IF;
      INSERT INTO ${schema}.record (space, collection, key, revision, updated_at)
      VALUES (space, collections[i], keys[i], 0, 0) ON CONFLICT DO NOTHING;
      IF FOUND THEN
        made := made || i;
        EXIT;
      END IF;
    END LOOP;
  END LOOP;

  us := ${CLOCK};
  ms := us / 1000;

  kind := 0;
  FOR j IN 1 .. cardinality(keys) LOOP
    head := heads[j];
    index := j - 1;
    CONTINUE WHEN head.op_id = op_ids[j];
    IF fence_names[j] IS NOT NULL THEN
      store_token := fence_tokens[j] / 1024;
      SELECT l.last, EXISTS (
        SELECT 1 FROM unnest(l.places) AS p WHERE p.token = store_token AND p.expires_at > ms
      )
      INTO lock_last, is_held FROM ${schema}.lock AS l WHERE l.space = space AND l.name = fence_names[j];
      IF (lock_last > store_token AND NOT is_held)
        OR (NOT fence_shared[j]
          AND coalesce((head.fences ->> fence_names[j])::bigint, 0) > fence_tokens[j]) THEN
        kind := 4;
        EXIT;
      END IF;
    END IF;
    IF conditions[j] IS NOT NULL
      AND conditions[j] <> (CASE WHEN head.value IS NULL THEN '' ELSE head.revision::text END) THEN
      kind := 3;
      EXIT;
    END IF;
  END LOOP;

  IF kind <> 0 THEN
    FOREACH i IN ARRAY made LOOP
      DELETE FROM ${schema}.record AS r
      WHERE r.space = space AND r.collection = collections[i] AND r.key = keys[i];
    END LOOP;
    IF kind = 3 THEN
      value := head.value;
      revision := head.revision;
      updated_at := head.updated_at;
      author := head.author;
    END IF;
    RETURN NEXT;
    RETURN;
  END IF;

  FOR j IN 1 .. cardinality(keys) LOOP
    head := heads[j];
    index := j - 1;
    IF head.op_id = op_ids[j] THEN
      kind := 2;
      value := head.value;
      revision := head.revision;
      updated_at := head.updated_at;
      author := head.author;
    ELSE
      kind := CASE WHEN vals[j] IS NULL THEN 1 ELSE 0 END;
      value := NULL;
      author := NULL;
      last := greatest(coalesce(head.revision, 0) + 1, us);
      revision := last;
      updated_at := ms;
      IF j = ANY (made) AND vals[j] IS NULL THEN
        DELETE FROM ${schema}.record AS r
        WHERE r.space = space AND r.collection = collections[j] AND r.key = keys[j];
      ELSE
        UPDATE ${schema}.record AS r
        SET value = vals[j], revision = last, updated_at = ms, author = authors[j], op_id = op_ids[j],
          fences = CASE
            WHEN fence_names[j] IS NULL OR fence_shared[j] THEN head.fences
            ELSE coalesce(head.fences, '{}') || jsonb_build_object(fence_names[j], fence_tokens[j])
          END
        WHERE r.space = space AND r.collection = collections[j] AND r.key = keys[j];
      END IF;
    END IF;
    RETURN NEXT;
  END LOOP;
END $holdfast$;
`;

export const recordFunctions = (schema: string): string => write(schema);
