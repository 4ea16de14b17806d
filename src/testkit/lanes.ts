import type { Backend, Reply } from "../backend.ts";

/** Does what a coordinator does for a backend that has lanes: no call has requests of more than one. */
export function inLanes(backend: Backend): Backend {
  const { watch } = backend;
  if (backend.lane === undefined) return backend;
  const laneOf = (resource: string): string => backend.lane?.(resource) ?? "";
  return {
    name: backend.name,
    guarantees: backend.guarantees,
    lane: laneOf,
    open: (session) => backend.open(session),
    admit: (requests) => byLane(requests, laneOf, (some) => backend.admit(some)),
    renew: (requests) => byLane(requests, laneOf, (some) => backend.renew(some)),
    release: (requests) => byLane(requests, laneOf, (some) => backend.release(some)),
    revoke: (request) => backend.revoke(request),
    inspect: (resource) => backend.inspect(resource),
    list: (page) => backend.list(page),
    read: (collection, key) => backend.read(collection, key),
    write: (writes) => backend.write(writes),
    scan: (collection, page) => backend.scan(collection, page),
    find: (collection, page) => backend.find(collection, page),
    history: (collection, key, page) => backend.history(collection, key, page),
    version: (collection, key, revision) => backend.version(collection, key, revision),
    changes: (collection, after, limit) => backend.changes(collection, after, limit),
    feedEnd: (collection) => backend.feedEnd(collection),
    ...(watch === undefined ? {} : { watch: (...asked) => watch.apply(backend, asked) }),
    prune: (request) => backend.prune(request),
    time: () => backend.time(),
    diagnose: async () => (await backend.diagnose?.()) ?? [],
    close: () => backend.close(),
  };
}

async function byLane<Request extends { readonly resource: string }, Result>(
  requests: readonly Request[],
  laneOf: (resource: string) => string,
  call: (requests: readonly Request[]) => Promise<Reply<Result>>,
): Promise<Reply<Result>> {
  const lanes = new Map<string, number[]>();
  for (const [index, { resource }] of requests.entries()) {
    const lane = laneOf(resource);
    lanes.set(lane, [...(lanes.get(lane) ?? []), index]);
  }
  const results: Result[] = [];
  let now = 0;
  const send = async (indices: readonly number[]): Promise<void> => {
    const reply = await call(indices.map((index) => requests[index] as Request));
    now = Math.max(now, reply.now);
    for (const [at, index] of indices.entries()) results[index] = reply.results[at] as Result;
  };
  await Promise.all([...lanes.values()].map(send));
  return { now, results };
}
