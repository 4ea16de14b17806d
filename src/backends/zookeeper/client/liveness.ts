/**
 * Until when a session certainly lives, in local monotonic time.
 *
 * A server counts a session's timeout from when it last heard of it. But the server that this process talks
 * to is not the one that decides: the leader does, to whom followers report every half tick which sessions
 * they heard of. An answered ping proves nothing while its follower is cut off from the leader. So two things
 * are kept apart: what was *heard* (some server answered a request sent at `sentAt`) and what is *proven*: a
 * quorum agreed to a write of this session. Reports and writes of a follower travel in order, therefore a
 * write that was agreed to proves that the leader knew all that the follower had heard half a tick before it.
 * Session timeouts are at least two ticks, by the server's default, so a quarter of the timeout is enough.
 */
export class Liveness {
  /** When answered requests were sent, oldest first, none newer than needed. */
  readonly #heard: number[] = [];
  #base = -Infinity;

  constructor(readonly timeoutMs: number) {}

  /** The session was made, or taken up again, by a request sent then. The leader itself agrees to both. */
  began(sentAt: number): void {
    this.#heard.length = 0;
    this.#base = Math.max(this.#base, sentAt);
  }

  heard(sentAt: number): void {
    const last = this.#heard.at(-1) ?? this.#base;
    // Close ones say the same; a few per quarter bound the list.
    if (sentAt - last >= this.timeoutMs / 32) this.#heard.push(sentAt);
  }

  proven(sentAt: number): void {
    const known = sentAt - this.timeoutMs / 4;
    while (this.#heard.length > 0 && this.#heard[0]! <= known) {
      this.#base = Math.max(this.#base, this.#heard.shift()!);
    }
    this.heard(sentAt);
  }

  /** The server ends the session then at the earliest. */
  get until(): number {
    return this.#base + this.timeoutMs;
  }
}
