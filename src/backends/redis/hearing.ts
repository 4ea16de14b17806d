interface Emitter {
  on(event: string, handler: () => void): unknown;
}

/** By client and event: those who want to hear of it. */
const hearers = new WeakMap<Emitter, Set<() => void>>();

/**
 * Calls `handler` at each of these events. However many backends share a client, it has one
 * listener for each event, so that Node does not suspect a leak. Always with the same events for
 * one client. Returns the way to stop.
 */
export function hear(emitter: Emitter, events: readonly string[], handler: () => void): () => void {
  let handlers = hearers.get(emitter);
  if (handlers === undefined) {
    const all = new Set<() => void>();
    hearers.set(emitter, (handlers = all));
    for (const event of events) {
      emitter.on(event, () => {
        for (const each of all) each();
      });
    }
  }
  handlers.add(handler);
  return () => void handlers.delete(handler);
}
