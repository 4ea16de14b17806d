import { CLOCK } from "./server-clock.ts";

/** A version as a JSON list: see versions.ts. */
const shown = (schema: string): string => `
CREATE OR REPLACE FUNCTION ${schema}.shown_version(v ${schema}.version)
RETURNS json LANGUAGE sql STABLE AS $holdfast$
  SELECT json_build_array(
    v.key, v.value, v.revision, v.parents, v.at, v.author, v.reason, v.op_id, v.messages
  )
$holdfast$;
`;

/**
 * Gives places in the feed to committed versions that have none, the oldest first, and answers how many.
 * Whoever reads the feed does that first, one reader of a collection at a time. So a version that is
 * committed late gets its place late, behind all that was ever shown; nobody waits for it, and writers wait
 * for nobody.
 *
 * Microseconds are the floor of places: where a crash or failover forgets the last places, which some
 * reader has seen, the next ones lie behind them.
 */
const sequence = (schema: string): string => `
CREATE OR REPLACE FUNCTION ${schema}.sequence(which int, given bigint, most int) RETURNS int
LANGUAGE plpgsql AS $holdfast$
DECLARE
  base bigint;
  n int;
BEGIN
  IF NOT EXISTS (SELECT 1 FROM ${schema}.version AS v WHERE v.collection = which AND v.place IS NULL) THEN
    RETURN 0;
  END IF;
  SELECT greatest(c.last_place, ${CLOCK} - 1) INTO base FROM ${schema}.collection AS c
  WHERE c.id = which FOR NO KEY UPDATE;
  UPDATE ${schema}.version AS v SET place = base + fresh.nth
  FROM (
    SELECT f.record, f.id, row_number() OVER (ORDER BY f.id) AS nth FROM ${schema}.version AS f
    WHERE f.collection = which AND f.place IS NULL ORDER BY f.id LIMIT most
  ) AS fresh
  WHERE v.record = fresh.record AND v.id = fresh.id;
  GET DIAGNOSTICS n = ROW_COUNT;
  IF n > 0 THEN
    UPDATE ${schema}.collection AS c SET last_place = base + n WHERE c.id = which;
  END IF;
  RETURN n;
END $holdfast$;
`;

/**
 * A page as a JSON list: up to where was pruned, where the feed ends, and versions, each as a pair of its
 * place and what `shown_version` makes of it. What was pruned is looked at last: rows that were still there
 * are true.
 */
const changes = (schema: string): string => `
CREATE OR REPLACE FUNCTION ${schema}.changes(space int, name text, given bigint, after bigint, most int)
RETURNS text LANGUAGE plpgsql AS $holdfast$
#variable_conflict use_variable
DECLARE
  which int;
  page json;
BEGIN
  SELECT c.id INTO which FROM ${schema}.collection AS c WHERE c.space = space AND c.name = name;
  IF which IS NULL THEN
    RETURN '[0,0,[]]';
  END IF;
  PERFORM ${schema}.sequence(which, given, greatest(most, 1000));
  SELECT coalesce(json_agg(json_build_array(f.place, f.it) ORDER BY f.place), '[]') INTO page
  FROM (
    SELECT v.place, ${schema}.shown_version(v) AS it FROM ${schema}.version AS v
    WHERE v.collection = which AND v.place > after ORDER BY v.place LIMIT most
  ) AS f;
  RETURN (
    SELECT json_build_array(c.pruned_to, c.last_place, page)
    FROM ${schema}.collection AS c WHERE c.id = which
  );
END $holdfast$;
`;

/**
 * Where the feed ends, and how many versions had no place yet: there may be more, if these are as many as
 * may get one in a step.
 */
const feedEnd = (schema: string): string => `
CREATE OR REPLACE FUNCTION ${schema}.feed_end(space int, name text, given bigint, most int)
RETURNS TABLE (place text, placed int) LANGUAGE plpgsql AS $holdfast$
#variable_conflict use_variable
DECLARE
  which int;
BEGIN
  SELECT c.id INTO which FROM ${schema}.collection AS c WHERE c.space = space AND c.name = name;
  placed := coalesce(${schema}.sequence(which, given, most), 0);
  place := coalesce((SELECT c.last_place FROM ${schema}.collection AS c WHERE c.id = which), 0);
  RETURN NEXT;
END $holdfast$;
`;

export const feedFunctions = (schema: string): string =>
  [shown, sequence, changes, feedEnd].map((each) => each(schema)).join("");
