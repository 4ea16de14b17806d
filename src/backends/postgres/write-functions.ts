import { CLOCK } from "./server-clock.ts";

/**
 * The first unique entry that cannot be had if all of these writes are to take effect together, as a JSON
 * list of the write's number, the entry, and the key of whoever has it. `lists`: the entries that each
 * record is to have; null for what is not written.
 *
 * Two calls that want the same at once do not see each other's rows. So whoever wants an entry it did not
 * have (`is_changed`) first takes a lock that goes by the entry's hash; in the order of these, after all
 * rows.
 *
 * The planner takes lists for long, and would compile the query for seconds (`jit`).
 */
const taken = (schema: string): string => `
CREATE OR REPLACE FUNCTION ${schema}.taken(
  ids int[], keys text[], lists text[], is_changed boolean[], is_written boolean[]
) RETURNS json LANGUAGE plpgsql SET jit = off AS $holdfast$
DECLARE
  hash bigint;
BEGIN
  FOR hash IN
    SELECT DISTINCT hashtextextended(concat('${schema} ', ids[i], ' ', e.it ->> 0, ' ', e.it ->> 1), 0)
    FROM generate_subscripts(keys, 1) AS i, jsonb_array_elements(lists[i]::jsonb) AS e (it)
    WHERE is_changed[i] AND (e.it ->> 2)::boolean ORDER BY 1
  LOOP
    PERFORM pg_advisory_xact_lock(hash);
  END LOOP;
  RETURN (
    WITH wanted AS (
      SELECT i, e.nth, ids[i] AS collection, e.it ->> 0 AS name, e.it ->> 1 AS value, e.it
      FROM generate_subscripts(keys, 1) AS i,
        jsonb_array_elements(lists[i]::jsonb) WITH ORDINALITY AS e (it, nth)
      WHERE (e.it ->> 2)::boolean
    )
    SELECT json_build_array(w.i - 1, w.it, by_whom.key) FROM wanted AS w, LATERAL (
      SELECT coalesce(
        (
          SELECT keys[o.i] FROM wanted AS o
          WHERE o.collection = w.collection AND o.name = w.name AND o.value = w.value AND o.i < w.i
          ORDER BY o.i LIMIT 1
        ),
        (
          SELECT h.key FROM ${schema}.entry AS h
          WHERE h.collection = w.collection AND h.name = w.name AND h.value = w.value AND h.claims
            AND NOT EXISTS (
              SELECT 1 FROM generate_subscripts(keys, 1) AS o
              WHERE is_written[o] AND ids[o] = h.collection AND keys[o] = h.key
            )
        )
      ) AS key
    ) AS by_whom
    WHERE by_whom.key IS NOT NULL ORDER BY w.i, w.nth LIMIT 1
  );
END $holdfast$;
`;

/**
 * All writes of a call or none. First every row that matters is locked, in an order that all calls
 * keep: the locks of the fences, then the records. A row that is not there yet is made, so that
 * nobody else can make it meanwhile, and taken away again if it is not needed. Then the writes are
 * looked at in the order given, and only then applied.
 *
 * A lock's row that is locked for sharing lets other writers pass, but no step of the lock itself:
 * nobody can be granted it between the check and the commit.
 *
 * The steps of write j are those from firsts[j] to lasts[j]. Answers a JSON list, see records.ts.
 */
const write = (schema: string): string => `
CREATE OR REPLACE FUNCTION ${schema}.write_all(
  space int, given bigint, fence_order text[], key_order int[],
  collections text[], keys text[], conditions text[], entry_lists text[],
  fence_names text[], fence_tokens bigint[], fence_shared boolean[], firsts int[], lasts int[],
  vals text[], revisions text[], op_ids text[], authors text[], reasons text[], merges text[], messages text[]
) RETURNS text LANGUAGE plpgsql AS $holdfast$
#variable_conflict use_variable
DECLARE
  n int := cardinality(keys);
  us bigint;
  ms bigint;
  i int;
  fence text;
  which int;
  ids int[] := array_fill(NULL::int, ARRAY[n]);
  head ${schema}.record;
  heads ${schema}.record[] := array_fill(NULL::${schema}.record, ARRAY[n]);
  is_made boolean[] := array_fill(false, ARRAY[n]);
  is_written boolean[] := array_fill(true, ARRAY[n]);
  is_changed boolean[] := array_fill(false, ARRAY[n]);
  lists text[] := entry_lists;
  is_live boolean;
  lock_last bigint;
  is_held boolean;
  store_token bigint;
  known int;
  refusal json;
  results json[] := array_fill(NULL::json, ARRAY[n]);
  version_id bigint;
  previous text;
  version_at bigint;
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
      SELECT c.id INTO which FROM ${schema}.collection AS c
      WHERE c.space = space AND c.name = collections[i];
      EXIT WHEN FOUND;
      INSERT INTO ${schema}.collection (space, name) VALUES (space, collections[i]) ON CONFLICT DO NOTHING;
    END LOOP;
    ids[i] := which;
    LOOP
      SELECT r.* INTO head FROM ${schema}.record AS r
      WHERE r.collection = which AND r.key = keys[i] FOR NO KEY UPDATE;
      IF NOT FOUND THEN
        INSERT INTO ${schema}.record AS r (collection, key) VALUES (which, keys[i])
        ON CONFLICT DO NOTHING RETURNING r.* INTO head;
        CONTINUE WHEN NOT FOUND;
        is_made[i] := true;
      END IF;
      heads[i] := head;
      EXIT;
    END LOOP;
  END LOOP;

  us := ${CLOCK};
  ms := us / 1000;

  FOR j IN 1 .. n LOOP
    head := heads[j];
    is_live := NOT is_made[j] AND head.deleted_at IS NULL;
    IF NOT is_made[j] THEN
      SELECT count(*) INTO known FROM ${schema}.version AS v
      WHERE v.record = head.id AND v.op_id = ANY (op_ids[firsts[j]:lasts[j]]);
      IF known > lasts[j] - firsts[j] THEN
        is_written[j] := false;
        lists[j] := NULL;
        results[j] := (
          SELECT json_build_array(2, ${schema}.shown_version(v)) FROM ${schema}.version AS v
          WHERE v.record = head.id AND v.op_id = op_ids[lasts[j]]
        );
        CONTINUE;
      END IF;
      IF known > 0 THEN
        SELECT json_build_array(5, j - 1, json_agg(${schema}.shown_version(v) ORDER BY s)) INTO refusal
        FROM generate_series(firsts[j], lasts[j]) AS s
        JOIN ${schema}.version AS v ON v.record = head.id AND v.op_id = op_ids[s];
        EXIT;
      END IF;
    END IF;
    IF fence_names[j] IS NOT NULL THEN
      store_token := fence_tokens[j] / 1024;
      SELECT l.last, EXISTS (
        SELECT 1 FROM unnest(l.places) AS p WHERE p.token = store_token AND p.expires_at > ms
      )
      INTO lock_last, is_held FROM ${schema}.lock AS l WHERE l.space = space AND l.name = fence_names[j];
      IF (lock_last > store_token AND NOT is_held)
        OR (NOT fence_shared[j]
          AND coalesce((head.fences ->> fence_names[j])::bigint, 0) > fence_tokens[j]) THEN
        refusal := json_build_array(4, j - 1);
        EXIT;
      END IF;
    END IF;
    IF conditions[j] <> (CASE WHEN is_live THEN '=' || head.revision ELSE '' END) THEN
      refusal := json_build_array(3, j - 1, CASE WHEN is_live THEN (
        SELECT ${schema}.shown_version(v) FROM ${schema}.version AS v
        WHERE v.record = head.id AND v.id = head.head
      ) END);
      EXIT;
    END IF;
    IF vals[lasts[j]] IS NULL THEN
      lists[j] := NULL;
    ELSIF entry_lists[j] IS NULL THEN
      lists[j] := head.entries;
    ELSE
      is_changed[j] := entry_lists[j] IS DISTINCT FROM head.entries;
    END IF;
  END LOOP;

  IF refusal IS NULL AND true = ANY (is_changed) THEN
    refusal := ${schema}.taken(ids, keys, lists, is_changed, is_written);
    IF refusal IS NOT NULL THEN
      refusal := json_build_array(6, refusal -> 0, refusal -> 1, refusal -> 2);
    END IF;
  END IF;

  IF refusal IS NOT NULL THEN
    FOR j IN 1 .. n LOOP
      IF is_made[j] THEN
        DELETE FROM ${schema}.record AS r WHERE r.collection = ids[j] AND r.key = keys[j];
      END IF;
    END LOOP;
    RETURN refusal;
  END IF;

  FOR j IN 1 .. n LOOP
    CONTINUE WHEN NOT is_written[j];
    head := heads[j];
    is_live := NOT is_made[j] AND head.deleted_at IS NULL;
    IF NOT is_live AND firsts[j] = lasts[j] AND vals[lasts[j]] IS NULL THEN
      results[j] := '[1]';
      IF is_made[j] THEN
        DELETE FROM ${schema}.record AS r WHERE r.collection = ids[j] AND r.key = keys[j];
      END IF;
      CONTINUE;
    END IF;
    previous := head.revision;
    version_at := greatest(ms, head.at);
    FOR s IN firsts[j] .. lasts[j] LOOP
      version_id := nextval('${schema}.version_id');
      INSERT INTO ${schema}.version
        (id, record, collection, at, key, value, revision, parents, author, reason, op_id, messages)
      VALUES (
        version_id, head.id, ids[j], version_at, keys[j], vals[s], revisions[s],
        array_remove(ARRAY[previous], NULL) || CASE WHEN merges[s] IS NULL THEN '{}' ELSE
          ARRAY(SELECT json_array_elements_text(merges[s]::json)) END,
        authors[s], reasons[s], op_ids[s], messages[s]
      );
      previous := revisions[s];
    END LOOP;
    UPDATE ${schema}.record AS r
    SET head = version_id, revision = previous, at = version_at,
      versions = head.versions + 1 + lasts[j] - firsts[j],
      deleted_at = CASE WHEN vals[lasts[j]] IS NULL THEN version_at END,
      entries = lists[j],
      fences = CASE
        WHEN fence_names[j] IS NULL OR fence_shared[j] THEN head.fences
        ELSE coalesce(head.fences, '{}') || jsonb_build_object(fence_names[j], fence_tokens[j])
      END
    WHERE r.collection = ids[j] AND r.key = keys[j];
    IF lists[j] IS DISTINCT FROM head.entries THEN
      DELETE FROM ${schema}.entry AS e USING jsonb_array_elements(head.entries::jsonb) AS h (it)
      WHERE e.collection = ids[j] AND e.name = h.it ->> 0 AND e.value = h.it ->> 1 AND e.key = keys[j];
    END IF;
    results[j] := json_build_array(0, version_at);
  END LOOP;

  -- Only once all that went is gone: two records may swap theirs.
  FOR j IN 1 .. n LOOP
    CONTINUE WHEN NOT is_written[j] OR lists[j] IS NULL OR lists[j] IS NOT DISTINCT FROM (heads[j]).entries;
    INSERT INTO ${schema}.entry (collection, name, value, key, claims)
    SELECT ids[j], e.it ->> 0, e.it ->> 1, keys[j], (e.it ->> 2)::boolean
    FROM jsonb_array_elements(lists[j]::jsonb) AS e (it);
  END LOOP;
  RETURN json_build_array(0, 0, array_to_json(results));
END $holdfast$;
`;

export const writeFunctions = (schema: string): string => taken(schema) + write(schema);
