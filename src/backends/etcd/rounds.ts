/** Transactions that one call may hold, each with a few operations: `--max-txn-ops` is 128 in all. */
const ROUND_MAX = 64;

/** Indices of requests that may go together: each resource once in a round, in the order given. */
export function rounds(requests: readonly { readonly resource: string }[]): readonly (readonly number[])[] {
  const all: number[][] = [];
  const next = new Map<string, number>();
  for (const [index, { resource }] of requests.entries()) {
    let at = next.get(resource) ?? 0;
    while ((all[at]?.length ?? 0) >= ROUND_MAX) at += 1;
    (all[at] ??= []).push(index);
    next.set(resource, at + 1);
  }
  return all;
}
