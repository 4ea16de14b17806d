import type { FeedPage, FeedPosition, PruneRequest } from "../../backend.ts";
import type { Calls } from "./calls.ts";
import type { Room } from "./locks.ts";
import { stored } from "./names.ts";
import { parameters, statement, type Statement } from "./statement.ts";
import { versionOf, type FlatVersion } from "./versions.ts";

const positionAt = (place: number): FeedPosition => ({ place: String(place) });
const placeOf = (position: FeedPosition): number => Number(position["place"]);

/** Most versions that get their places in one step of `end`, so that it stays short. */
const STEP = 10_000;

/** The verbs on a collection's feed. */
export class Feed {
  readonly #changes: Statement;
  readonly #end: Statement;
  readonly #prune: Statement;

  constructor(
    readonly calls: Calls,
    readonly room: Room,
  ) {
    const { schema } = room;
    this.#changes = statement(`SELECT ${schema}.changes(${parameters(5)}) AS answer`);
    this.#end = statement(`SELECT * FROM ${schema}.feed_end(${parameters(4)})`);
    this.#prune = statement(`SELECT ${schema}.prune(${parameters(7)}) AS gone`);
  }

  async changes(collection: string, after: FeedPosition | null, limit: number): Promise<FeedPage> {
    const place = after === null ? 0 : placeOf(after);
    const values = [...this.#names(collection), place, limit + 1];
    const [row] = await this.calls.run("changes", { ...this.#changes, values });
    const [prunedTo, end, found] = JSON.parse(String(row?.["answer"])) as [
      number,
      number,
      readonly [number, FlatVersion][],
    ];
    if (place < prunedTo || place > end) return { kind: "reset", position: await this.end(collection) };
    const page = found.slice(0, limit);
    return {
      kind: "page",
      versions: page.map(([, flat]) => versionOf(flat)),
      position: positionAt(page.at(-1)?.[0] ?? place),
      more: found.length > limit,
    };
  }

  async end(collection: string): Promise<FeedPosition> {
    for (;;) {
      const values = [...this.#names(collection), STEP];
      const [row] = await this.calls.run("feedEnd", { ...this.#end, values });
      if (Number(row?.["placed"]) < STEP) return positionAt(Number(row?.["place"]));
    }
  }

  async prune({ collection, before, keep, limit, upTo = [] }: PruneRequest): Promise<number> {
    const seen = Math.min(Number.MAX_SAFE_INTEGER, ...upTo.map(placeOf));
    const values = [...this.#names(collection), Math.ceil(before), Math.max(1, keep), limit, seen];
    const [row] = await this.calls.run("prune", { ...this.#prune, values });
    return Number(row?.["gone"]);
  }

  #names(collection: string): readonly unknown[] {
    return [this.room.space, stored(collection), this.room.given()];
  }
}
