/** One error of a database, as far as anything can be told about it. */
export interface Fault {
  /** SQLSTATE, if the server answered with one. */
  readonly state: string | undefined;
  /** MySQL's number of the error, if its server answered. */
  readonly errno: number | undefined;
  /** What a client calls it, if it is of the client. */
  readonly code: string | undefined;
  readonly fatal: boolean;
  readonly message: string;
}

/** Drizzle and Prisma wrap what the client reported, Prisma twice. */
const DEPTH_MAX = 6;

/** The error and what it was caused by, outermost first. */
export function faultsOf(error: unknown): readonly Fault[] {
  const faults: Fault[] = [];
  let each = error;
  while (typeof each === "object" && each !== null && faults.length < DEPTH_MAX) {
    const fields = each as Record<string, unknown>;
    faults.push(faultOf(fields));
    each = fields["cause"] ?? fields["meta"] ?? fields["driverAdapterError"];
  }
  return faults;
}

/** Of the same form are Prisma's codes, P1000 and up, and Node's, which have no digit. */
const SQLSTATE = /^(?!P[1-9])(?=.*\d)[0-9A-Z]{5}$/;

function faultOf(fields: Record<string, unknown>): Fault {
  const code = text(fields["code"]) ?? text(fields["originalCode"]);
  const errno = fields["errno"];
  // Positive numbers are the server's; Node's own are negative, and "mysql2" has none for them.
  const answered = typeof errno === "number" && errno > 0;
  const number = code !== undefined && /^\d{4}$/.test(code) ? Number(code) : undefined;
  return {
    state: !answered && code !== undefined && SQLSTATE.test(code) ? code : undefined,
    errno: answered ? errno : number,
    code,
    fatal: fields["fatal"] === true,
    message: text(fields["message"]) ?? "",
  };
}

const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

/** PostgreSQL: serialization failure, deadlock. Prisma's P2034 is both, of any database. */
const AGAIN_CODES = new Set(["40001", "40P01", "P2034"]);
/** Lock wait timeout, deadlock, record changed since the snapshot was taken. */
const AGAIN_NUMBERS = new Set([1205, 1213, 1020]);

/** The server itself says that the transaction is not to be committed, because of others. */
export const isRolledBackForOthers = (error: unknown): boolean =>
  faultsOf(error).some(
    ({ code, errno }) => AGAIN_CODES.has(code ?? "") || (errno !== undefined && AGAIN_NUMBERS.has(errno)),
  );

/**
 * SQLSTATE classes after which a COMMIT may have been done all the same (PostgreSQL manual, appendix A): the
 * connection broke, the server was shut down or failed itself, the outcome is not known.
 */
const UNSURE = /^(?:08|40003|57P|58|XX)/;
/** Shut down, gone away, lost during the query, killed (MariaDB), and their like. */
const UNSURE_NUMBERS = new Set([1053, 1152, 1158, 1159, 1160, 1161, 1927, 2006, 2013, 2055]);
/** Node, "mysql2", Prisma. */
const LOST_CODES = [
  /^E(?:CONNRESET|CONNREFUSED|CONNABORTED|PIPE|TIMEDOUT|HOSTUNREACH|NETUNREACH)$/,
  /^PROTOCOL_\w+$/,
  /^P10(?:01|02|08|17)$/,
];
/** "pg" has no codes for these. */
const LOST_MESSAGES = /^Connection terminated|^Query read timeout|not queryable|closed state/;

/** The connection was lost, or the server with it. */
export const isConnectionLost = (error: unknown): boolean =>
  faultsOf(error).some(
    ({ state, errno, code, fatal, message }) =>
      fatal ||
      (state !== undefined && UNSURE.test(state)) ||
      (errno !== undefined && UNSURE_NUMBERS.has(errno)) ||
      LOST_CODES.some((pattern) => pattern.test(code ?? "")) ||
      LOST_MESSAGES.test(message),
  );

/** The server answered with an error, so that a COMMIT that failed with it was not done. */
export const isAnswered = (error: unknown): boolean =>
  !isConnectionLost(error) &&
  faultsOf(error).some(({ state, errno }) => state !== undefined || errno !== undefined);
