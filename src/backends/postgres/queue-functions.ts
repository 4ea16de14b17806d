/**
 * What single statements ask about a queue, if there is one. As functions, because what stands in a statement
 * as a query of its own is made ready for each execution, also where it is not reached.
 */
export const queueFunctions = (schema: string): string => `
CREATE OR REPLACE FUNCTION ${schema}.all_live(places ${schema}.place[], ms bigint) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE AS $holdfast$
BEGIN
  RETURN (SELECT bool_and(p.expires_at > ms) FROM unnest(places) AS p);
END $holdfast$;

CREATE OR REPLACE FUNCTION ${schema}.strangers(places ${schema}.place[]) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE AS $holdfast$
BEGIN
  RETURN (SELECT count(*) FROM unnest(places) AS s
    WHERE s.token = 0 AND split_part(s.id, ':', 1) <> split_part((places[1]).id, ':', 1));
END $holdfast$;
`;
