import type { Mutant } from "./mutant.ts";

const queue = "locks/local-queue.js";
const table = "locks/lock-table.js";

export const coreMutants: readonly Mutant[] = [
  {
    name: "the deadline counts from the reply, not from the request",
    file: queue,
    find: "sentAt + (admission.expiresAt - now)",
    replace: "this.table.clock.now() + (admission.expiresAt - now)",
  },
  {
    name: "a pushed grant counts from its arrival",
    file: table,
    find: "Math.min(received, proven)",
    replace: "received",
  },
  {
    name: "a pushed grant without any deadline is taken",
    file: queue,
    find: "if (!(deadline > grantedAt))",
    replace: "if (deadline <= grantedAt)",
  },
  {
    name: "clocks are taken to run at one rate",
    file: "locks/store-clock.js",
    find: "return 1 + remainingMs * RATE_ERROR;",
    replace: "return 0;",
  },
  {
    name: "the drift since the last reply is forgotten",
    file: "locks/store-clock.js",
    find: " - Math.abs(storeTime - this.#now) * RATE_ERROR",
    replace: "",
  },
  {
    name: "a renewal counts from its reply",
    file: "locks/renewal.js",
    find: "sentAt + remaining - safetyMargin(remaining)",
    replace: "this.clock.now() + remaining - safetyMargin(remaining)",
  },
  {
    name: "leases are not renewed",
    file: "locks/renewal.js",
    find: "for (const place of places)\n                    this.#renew(place, now);",
    replace: "this.#due.delete(at);",
  },
  {
    name: "lost never fires by itself",
    file: "locks/place.js",
    find: 'this.lose("expired");',
    replace: "undefined;",
  },
  {
    name: "a hand-over inside the process does not increase the token",
    file: queue,
    find: "new HeldLease(place, place.turns, now)",
    replace: "new HeldLease(place, 0, now)",
  },
  {
    name: "who gives up keeps its place in the store",
    file: queue,
    find: "place.waiter = null;\n            void this.#vacate(place);",
    replace: "place.waiter = null;",
  },
  {
    name: "release never reaches the store",
    file: queue,
    find: 'this.table.release(place, state === "granted" ? deadline : undefined)',
    replace: 'Promise.resolve("released")',
  },
  {
    name: "pushed grants are not heard",
    file: queue,
    find: "this.#granted(place, grant, provenDeadline, CLAIM_AFTER_MS);",
    replace: "",
  },
  {
    name: "nobody asks again: a lost message is waited for for ever",
    file: "locks/lookout.js",
    find: "place.queue.ask(place);",
    replace: "",
  },
  {
    name: "a place that ran out unseen is not asked for again",
    file: queue,
    find: "if (waiter !== null)\n                    this.#forward(waiter);\n                return;",
    replace: "return;",
  },
  {
    name: "permits of places that ended stay in use",
    file: queue,
    find: "this.#permitsUsed -= place.permits;",
    replace: "",
  },
  {
    name: "waitMs is not watched",
    file: "locks/waiter.js",
    find: "() => this.#timeOut()",
    replace: "() => undefined",
  },
  {
    name: "a call that nobody answers is waited for for ever",
    file: "locks/batch.js",
    find: "for (const entry of entries)\n                entry.failed(error);",
    replace: "",
  },
  {
    name: "closing forgets who waits",
    file: queue,
    find: 'place.waiter?.fail(new ClosedError(), "error");',
    replace: "",
  },
  {
    name: "work that lost its lease is a success",
    file: "locks/lockable.js",
    find: "        await lease.release();\n        return result;",
    replace: "        await lease.release().catch(() => undefined);\n        return result;",
  },
  {
    name: "strict callers are kept waiting in their process",
    file: queue,
    find: "if (isNext || demand.strict || demand.steal) {",
    replace: "if (isNext || demand.steal) {",
  },
];
