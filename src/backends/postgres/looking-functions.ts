import { CLOCK } from "./server-clock.ts";

const looking = (schema: string): string => `
CREATE OR REPLACE FUNCTION ${schema}.shown(p ${schema}.place) RETURNS text LANGUAGE sql STABLE AS $holdfast$
  SELECT json_build_array(p.id, p.owner, p.permits, p.token, p.since, p.expires_at)::text
$holdfast$;

CREATE OR REPLACE FUNCTION ${schema}.inspect(space int, given bigint, lowest text, highest text, most int)
RETURNS TABLE (name text, clock text, capacity text, places text[], revocations text[])
LANGUAGE plpgsql STABLE AS $holdfast$
#variable_conflict use_column
DECLARE
  ms bigint := ${CLOCK} / 1000;
BEGIN
  RETURN QUERY
  SELECT l.name::text, ms::text, l.capacity::text, live.places, l.revocations
  FROM ${schema}.lock AS l, LATERAL (
    SELECT coalesce(array_agg(${schema}.shown(
      (p.id, p.owner, p.permits, p.claim_ms, p.token, p.since, p.expires_at)::${schema}.place
    ) ORDER BY p.at), '{}') AS places
    FROM unnest(l.places) WITH ORDINALITY AS p (id, owner, permits, claim_ms, token, since, expires_at, at)
    WHERE p.expires_at > ms
  ) AS live
  WHERE l.space = inspect.space AND l.name >= lowest AND l.name <= highest
    AND (most IS NULL OR live.places <> '{}')
  ORDER BY l.name LIMIT most;
END $holdfast$;
`;

/**
 * Lets go of idle locks. Rows that somebody is at are not idle; one whose tokens are ahead of the clock,
 * after that stepped back or after a crash, is kept until the clock is past them.
 */
const sweep = (schema: string): string => `
CREATE OR REPLACE FUNCTION ${schema}.sweep(ms bigint, most bigint) RETURNS void LANGUAGE plpgsql AS $holdfast$
DECLARE
  idle record;
BEGIN
  FOR idle IN
    SELECT l.space, l.name, greatest(l.forget_at, l.last / 1000 + 1) AS forget_at FROM ${schema}.lock AS l
    WHERE l.look_at <= ms ORDER BY l.look_at LIMIT most FOR UPDATE SKIP LOCKED
  LOOP
    IF idle.forget_at <= ms THEN
      DELETE FROM ${schema}.lock AS l WHERE l.space = idle.space AND l.name = idle.name;
    ELSE
      UPDATE ${schema}.lock AS l SET look_at = idle.forget_at
      WHERE l.space = idle.space AND l.name = idle.name;
    END IF;
  END LOOP;
END $holdfast$;
`;

export const lookingFunctions = (schema: string): string => looking(schema) + sweep(schema);
