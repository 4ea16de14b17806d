/**
 * Microseconds since 1970: the simulator's, or the server's at this very moment, not the
 * transaction's.
 */
export const CLOCK = "coalesce(given, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)";
