/** Misuse that would protect nothing, so that it must not pass. */
export function outsideTransaction(operation: string): TypeError {
  return new TypeError(
    `${operation} must run inside an open transaction, else it protects nothing: begin one, ` +
      "and pass the client or transaction object that it runs on, not the pool",
  );
}
