import { setTimeout as delay } from "node:timers/promises";
import type { Coordinator, CoordinatorOptions } from "../index.ts";
import type { Options } from "./command.ts";
import { EXIT } from "./exit-codes.ts";
import { checked, Failure, UsageFailure } from "./failure.ts";

/** Which store, and which application in it: options of every command that talks to one. */
export const STORE_OPTIONS = {
  url: {
    type: "string",
    value: "URL",
    help: "the store, for instance sqlite:./locks.db or redis://127.0.0.1:6379; default: $HOLDFAST_URL",
  },
  namespace: {
    type: "string",
    value: "NAME",
    help: "separates applications on one store; default: $HOLDFAST_NAMESPACE, else holdfast",
  },
} as const satisfies Options;

interface StoreValues {
  readonly url?: string;
  readonly namespace?: string;
}

/** Stores that live and end with one process, which is the wrong place to meet others. */
const IN_PROCESS = /^(?:memory:|sqlite:(?:\/\/)?:memory:)/;

/** A store that does not let go of us is not worth waiting for: what we held runs out by itself. */
const CLOSING_MS = 2_000;

/**
 * Opens the store, works with it, closes it. `signal` ends the wait for a store that does not
 * answer. @throws UsageFailure when no store is named, or none that is known; a Failure when it
 * cannot be opened
 */
export async function withStore<T>(
  values: StoreValues,
  options: CoordinatorOptions & { readonly signal?: AbortSignal },
  work: (hf: Coordinator) => Promise<T>,
): Promise<T> {
  const url = storeUrl(values);
  const namespace = values.namespace ?? process.env["HOLDFAST_NAMESPACE"] ?? "";
  const { signal, ...rest } = options;
  const hf = await open(url, namespace === "" ? rest : { ...rest, namespace }, signal);
  try {
    return await work(hf);
  } finally {
    await Promise.race([hf.close(), delay(CLOSING_MS)]);
  }
}

/** @throws UsageFailure when none is named, or one that nobody else can meet us in. */
export function storeUrl(values: StoreValues): string {
  const url = values.url ?? process.env["HOLDFAST_URL"] ?? "";
  if (url === "") {
    throw new UsageFailure(
      "which store? No --url, and HOLDFAST_URL is not set",
      "Write --url sqlite:./locks.db for this machine, or --url redis://HOST:6379 for several.",
    );
  }
  if (IN_PROCESS.test(url)) {
    throw new UsageFailure(
      `the store "${url}" is the memory of one process, so nobody else can meet us there`,
      "Write --url sqlite:./locks.db for all processes of this machine.",
    );
  }
  return url;
}

async function open(
  url: string,
  options: CoordinatorOptions,
  signal?: AbortSignal,
): Promise<Coordinator> {
  const { BackendError, connect } = await import("../index.ts");
  signal?.throwIfAborted();
  const interrupted = new Promise<never>((_, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
  try {
    return await Promise.race([checked(() => connect(url, options)), interrupted]);
  } catch (error) {
    if (!(error instanceof BackendError)) throw error;
    throw new Failure(
      EXIT.unavailable,
      `the store cannot be opened: ${error.message}`,
      "Is it up, and is the URL right?",
      { cause: error },
    );
  }
}
