import { connect, type Coordinator } from "holdfast";
import { Crm } from "./domain/crm.ts";
import { ensureAdmin } from "./domain/first-admin.ts";
import { app } from "./server/app.ts";
import { listen, type Listener } from "./server/listen.ts";
import type { Assignment, NodeReport } from "./supervisor/messages.ts";

/*
 * One node: a process that serves HTTP and keeps nothing. The supervisor tells it what to serve, and
 * ends it by SIGTERM; if the supervisor itself is gone, so is the channel to it, and the node ends as
 * well.
 */

/** Others take over a dead node's locks after this time. */
const LEASE_MS = 5_000;
const DRAIN_LIMIT_MS = 8_000;

let isDraining = false;
let starting: Promise<void> | undefined;
let hf: Coordinator | undefined;
let listener: Listener | undefined;

async function serve({ number, url, locks, host, port, admin }: Assignment): Promise<void> {
  const name = `node ${number}`;
  const label = `crm ${name}`;
  hf = await connect(url, {
    namespace: "crm",
    ttlMs: LEASE_MS,
    label,
    ...(locks === null ? {} : { locks }),
  });
  const crm = new Crm(hf, name);
  const outcome = admin === null ? null : await ensureAdmin(crm.accounts, admin);
  const { fetch } = app(crm, () => isDraining);
  listener = await listen((request) => fetch(request), host, port);
  report({ kind: "serving", port: listener.port, admin: outcome });
}

/** Finishes what is on its way, gives back the locks, and lets the process end for want of work. */
async function stop(): Promise<void> {
  if (isDraining) return;
  isDraining = true;
  await starting;
  await listener?.drain(DRAIN_LIMIT_MS);
  await hf?.close();
  if (process.connected) process.disconnect();
}

function report(message: NodeReport): void {
  if (process.connected) process.send?.(message);
}

process.once("message", (assignment: Assignment) => {
  starting = serve(assignment).catch((error: unknown) => {
    const { code = null, message } = error as NodeJS.ErrnoException;
    process.exitCode = 1;
    report({ kind: "failed", code, message });
    setImmediate(() => void stop());
  });
});
// Ctrl-C reaches all processes of a terminal: the supervisor's word is the one that counts.
process.on("SIGINT", () => undefined);
process.on("SIGTERM", () => void stop());
process.on("disconnect", () => void stop());
