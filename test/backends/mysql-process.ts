import assert from "node:assert/strict";
import { setTimeout as wait } from "node:timers/promises";
import type { Admission, Backend, Session } from "holdfast/backend";

export interface Heard {
  readonly granted: string[];
  readonly revoked: string[];
  looks: number;
}

let processes = 0;

/** One process on the backend, and what it was told. */
export async function opened(backend: Backend, namespace: string): Promise<{ id: string; heard: Heard }> {
  const heard: Heard = { granted: [], revoked: [], looks: 0 };
  const id = `p${(processes += 1)}`;
  const session: Session = {
    namespace,
    processId: id,
    owner: { host: "here", pid: processes },
    claimMs: 5_000,
    patienceMs: 30_000,
    listener: {
      granted: (_resource, leaseId) => void heard.granted.push(leaseId),
      revoked: (_resource, leaseId) => void heard.revoked.push(leaseId),
      contended: () => undefined,
      look: (resource) => void (resource === undefined && (heard.looks += 1)),
    },
  };
  await backend.open(session);
  return { id, heard };
}

export async function admit(backend: Backend, resource: string, leaseId: string): Promise<Admission> {
  const ask = { resource, leaseId, permits: 1, capacity: 1, ttlMs: 30_000, wait: true };
  return (await backend.admit([ask])).results[0]!;
}

export async function release(backend: Backend, resource: string, leaseId: string): Promise<string> {
  return (await backend.release([{ resource, leaseId }])).results[0]!.kind;
}

export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  maxMs = 20_000,
): Promise<void> {
  const giveUpAt = performance.now() + maxMs;
  while (!(await holds())) {
    assert.ok(performance.now() < giveUpAt, `${what}: not within ${maxMs} ms`);
    await wait(10);
  }
}

export const answers = (backend: Backend): Promise<boolean> => backend.time().then(() => true, () => false);
