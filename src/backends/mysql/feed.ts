import type { FeedPage, FeedPosition, PruneRequest } from "../../backend.ts";
import type { Calls } from "./calls.ts";
import type { MysqlValue } from "./client.ts";
import type { Room } from "./locks.ts";
import { limited } from "./page.ts";
import { versionOf } from "./version-row.ts";

const positionAt = (place: number): FeedPosition => ({ place: String(place) });
const placeOf = (position: FeedPosition): number => Number(position["place"]);

/** The verbs on the feed: one call each. */
export class Feed {
  constructor(
    readonly calls: Calls,
    readonly room: Room,
  ) {}

  async changes(collection: string, after: FeedPosition | null, limit: number): Promise<FeedPage> {
    const place = after === null ? 0 : placeOf(after);
    const rows = await this.#call("changes", collection, [place, limited(limit) + 1]);
    const end = Number(rows[0]?.["last_place"] ?? 0);
    if (place < Number(rows[0]?.["pruned_to"] ?? 0) || place > end) {
      return { kind: "reset", position: positionAt(end) };
    }
    const found = rows.filter((row) => row["place"] !== null);
    const page = found.slice(0, limit);
    return {
      kind: "page",
      versions: page.map((row) => versionOf(String(row["name"]), row)),
      position: positionAt(Number(page.at(-1)?.["place"] ?? place)),
      more: found.length > limit,
    };
  }

  async end(collection: string): Promise<FeedPosition> {
    const [row] = await this.#call("changes", collection, [0, 0]);
    return positionAt(Number(row?.["last_place"] ?? 0));
  }

  async prune({ collection, before, keep, limit, upTo = [] }: PruneRequest): Promise<number> {
    const seen = Math.min(Number.MAX_SAFE_INTEGER, ...upTo.map(placeOf));
    const values = [Math.ceil(before), Math.max(1, keep), seen, limited(limit)];
    const [row] = await this.#call("prune", collection, values);
    return Number(row?.["went"]);
  }

  #call(verb: string, collection: string, values: readonly MysqlValue[]): ReturnType<Calls["run"]> {
    const { names, space, given } = this.room;
    const all = [space, given(), Buffer.from(collection), ...values];
    return this.calls.run(verb, `CALL ${names.procedure(verb)}(${all.map(() => "?").join(", ")})`, all);
  }
}
