import type { RecordBackend } from "../backend.ts";
import { BackendError } from "../errors.ts";

type NewVerbs = Pick<
  RecordBackend,
  "find" | "history" | "version" | "changes" | "feedEnd" | "prune"
>;

/** Stands in for the verbs that a backend has yet to get. */
export function notYet(backend: string): NewVerbs {
  const refuse = (operation: string) => (): Promise<never> =>
    Promise.reject(new BackendError(backend, operation, "not-applied", { detail: "not yet" }));
  return {
    find: refuse("find"),
    history: refuse("history"),
    version: refuse("version"),
    changes: refuse("changes"),
    feedEnd: refuse("feedEnd"),
    prune: refuse("prune"),
  };
}
