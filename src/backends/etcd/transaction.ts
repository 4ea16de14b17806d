import { base64, behind } from "./names.ts";

/** A key with what etcd knows of it. 64-bit integers come as text. */
export interface KeyValue {
  readonly key: string;
  readonly value?: string;
  readonly create_revision?: string;
  readonly mod_revision: string;
  readonly version?: string;
  readonly lease?: string;
}

export interface Header {
  readonly revision: string;
}

export interface TxnReply {
  readonly header: Header;
  /** Left out when false. */
  readonly succeeded?: boolean;
  readonly responses?: readonly Response[];
}

export interface Response {
  readonly response_range?: { readonly kvs?: readonly KeyValue[] };
  readonly response_put?: object;
  readonly response_delete_range?: { readonly deleted?: string };
  readonly response_txn?: TxnReply;
}

export type Compare = object;
export type Operation = object;

export interface Txn {
  readonly compare: readonly Compare[];
  readonly success: readonly Operation[];
  readonly failure: readonly Operation[];
}

export const txn = (
  compare: readonly Compare[],
  success: readonly Operation[],
  failure: readonly Operation[] = [],
): Txn => ({ compare, success, failure });

export const nested = (request: Txn): Operation => ({ request_txn: request });

export const put = (key: string, value: string, lease: string): Operation => ({
  request_put: { key: base64(key), value: base64(value), lease },
});

export const remove = (key: string): Operation => ({ request_delete_range: { key: base64(key) } });

export const get = (key: string): Operation => ({ request_range: { key: base64(key) } });

export const getAll = (prefix: string): Operation => ({ request_range: range(prefix) });

export const range = (prefix: string): object => ({
  key: base64(prefix),
  range_end: base64(behind(prefix)),
});

/** No key has this prefix. Of an empty range etcd compares a key that does not exist. */
export const isEmpty = (prefix: string): Compare => ({
  ...range(prefix),
  target: "CREATE",
  result: "EQUAL",
  create_revision: "0",
});

export const isAbsent = (key: string): Compare => ({
  key: base64(key),
  target: "CREATE",
  result: "EQUAL",
  create_revision: "0",
});

/** It is what was put there. */
export const isValue = (key: string, value: string): Compare => ({
  key: base64(key),
  target: "VALUE",
  result: "EQUAL",
  value: base64(value),
});

/** It is still the key that was created then. */
export const isFrom = (key: string, createRevision: number): Compare => ({
  key: base64(key),
  target: "CREATE",
  result: "EQUAL",
  create_revision: String(createRevision),
});

/** Nothing under this prefix was written after that revision. Deletions do not count. */
export const isUnwrittenSince = (prefix: string, revision: number): Compare => ({
  ...range(prefix),
  target: "MOD",
  result: "LESS",
  mod_revision: String(revision + 1),
});

export const isAt = (key: string, modRevision: number): Compare => ({
  key: base64(key),
  target: "MOD",
  result: "EQUAL",
  mod_revision: String(modRevision),
});
