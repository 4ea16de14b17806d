/** Codes of the server (`KeeperException.Code`) that decisions depend on. */
export const CODE = {
  connectionLoss: -4,
  noNode: -101,
  noAuth: -102,
  badVersion: -103,
  nodeExists: -110,
  notEmpty: -111,
  sessionExpired: -112,
  authFailed: -115,
  sessionMoved: -118,
} as const;

const NAMES: Readonly<Record<number, string>> = {
  [-1]: "SystemError",
  [-2]: "RuntimeInconsistency",
  [-4]: "ConnectionLoss",
  [-5]: "MarshallingError",
  [-6]: "Unimplemented",
  [-7]: "OperationTimeout",
  [-8]: "BadArguments",
  [-101]: "NoNode",
  [-102]: "NoAuth",
  [-103]: "BadVersion",
  [-108]: "NoChildrenForEphemerals",
  [-110]: "NodeExists",
  [-111]: "NotEmpty",
  [-112]: "SessionExpired",
  [-113]: "InvalidCallback",
  [-114]: "InvalidACL",
  [-115]: "AuthFailed",
  [-118]: "SessionMoved",
  [-119]: "NotReadOnly",
};

/** The server refused a request: it took no effect. */
export class ZooKeeperError extends Error {
  override readonly name = "ZooKeeperError";

  constructor(
    readonly code: number,
    what: string,
  ) {
    super(`${NAMES[code] ?? `error ${code}`}: ${what}`);
  }
}

/** The connection ended. `sent`: the request had left, so nobody knows whether it took effect. */
export class ConnectionLost extends Error {
  override readonly name = "ConnectionLost";

  constructor(
    readonly sent: boolean,
    options?: ErrorOptions,
  ) {
    const { cause } = options ?? {};
    super(cause instanceof Error ? cause.message : "the connection ended", options);
  }
}

export const hasCode = (error: unknown, code: number): boolean =>
  error instanceof ZooKeeperError && error.code === code;
