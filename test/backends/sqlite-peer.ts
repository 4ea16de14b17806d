import type { Backend } from "holdfast/backend";
import { sqlite } from "holdfast/sqlite";
import { sessionOf } from "./sqlite-harness.ts";

/**
 * Another process on the file: does the calls that its parent sends over IPC, and reports what it was told.
 * Started by sqlite-push.test.ts.
 */
export interface PeerCall {
  readonly id: number;
  readonly verb: "admit" | "renew" | "release" | "revoke";
  readonly argument: unknown;
}

export type PeerReport =
  | { readonly kind: "answer"; readonly id: number; readonly answer: unknown; readonly at: number }
  | { readonly kind: "heard"; readonly news: readonly unknown[]; readonly at: number };

const [file = "", processId = ""] = process.argv.slice(2);

/** All processes of a machine read the same clock this way. */
const now = (): number => performance.timeOrigin + performance.now();

const report = (report: PeerReport): void => void process.send?.(report);
const hear =
  (what: string) =>
  (...news: unknown[]): void =>
    report({ kind: "heard", news: [what, ...news], at: now() });

const backend: Backend = sqlite(file);
await backend.open(
  sessionOf(processId, {
    granted: hear("granted"),
    revoked: hear("revoked"),
    contended: hear("contended"),
    look: hear("look"),
  }),
);
process.on("message", ({ id, verb, argument }: PeerCall) => {
  const call = backend[verb] as (argument: unknown) => Promise<unknown>;
  const at = now();
  void call.call(backend, argument).then((answer) => report({ kind: "answer", id, answer, at }));
});
report({ kind: "answer", id: 0, answer: "open", at: now() });
