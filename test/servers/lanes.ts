import type { Backend, Reply } from "holdfast/backend";

interface OnResource {
  readonly resource: string;
}

/** Does what a coordinator does for a backend that has lanes: no call has requests of more than one. */
export function inLanes(backend: Backend): Backend {
  const { lane } = backend;
  if (lane === undefined) return backend;
  const split =
    <Request extends OnResource, Result>(call: (requests: readonly Request[]) => Promise<Reply<Result>>) =>
    async (requests: readonly Request[]): Promise<Reply<Result>> => {
      const lanes = new Map<string, number[]>();
      requests.forEach(({ resource }, index) => {
        const name = lane.call(backend, resource);
        lanes.set(name, [...(lanes.get(name) ?? []), index]);
      });
      const results: Result[] = [];
      let now = 0;
      const send = async (indices: readonly number[]): Promise<void> => {
        const reply = await call(indices.map((index) => requests[index]!));
        now = Math.max(now, reply.now);
        indices.forEach((index, at) => (results[index] = reply.results[at]!));
      };
      await Promise.all([...lanes.values()].map(send));
      return { now, results };
    };
  return {
    ...backend,
    admit: split((requests) => backend.admit(requests)),
    renew: split((requests) => backend.renew(requests)),
    release: split((requests) => backend.release(requests)),
  };
}
