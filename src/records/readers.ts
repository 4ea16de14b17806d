import type { FeedPosition } from "../backend.ts";
import { checkName } from "../locks/options.ts";
import { RESERVED } from "./collection.ts";
import type { RecordsContext } from "./commit.ts";
import { settle } from "./commit.ts";
import { positionOf, type Checkpoint } from "./feed.ts";

/** Where readers of feeds keep their checkpoints: records by collection and reader. */
export const READERS = `${RESERVED}readers`;
/** What a reader has not seen waits for it this long after it last told how far it is. */
const PATIENCE_MS = 30 * 24 * 3_600_000;
const PAGE = 1_000;

/** Names of collections may have any character: the length keeps them apart. */
const prefixOf = (collection: string): string => `${collection.length}:${collection}:`;

function keyOf(collection: string, reader: string): string {
  checkName(reader, "a reader's name");
  return checkName(`${prefixOf(collection)}${reader}`, "the names of a collection and its reader together");
}

/** Readers of a collection's feed, by name: how far each has come. */
export class Readers {
  constructor(
    private readonly context: RecordsContext,
    private readonly collection: string,
  ) {}

  /** What this reader kept last; null: nothing, or it was forgotten. */
  async get(reader: string): Promise<Checkpoint | null> {
    const key = keyOf(this.collection, reader);
    const { backend, call } = this.context;
    const found = await call("read", () => backend.read(READERS, key));
    return found === null ? null : (JSON.parse(found.value) as Checkpoint);
  }

  /**
   * Keeps how far a reader has come: once what it read is safe with it. What comes after stays in the history
   * until the reader keeps a later one, is forgotten, or has not been heard of for 30 days.
   */
  async keep(reader: string, checkpoint: Checkpoint): Promise<void> {
    const key = keyOf(this.collection, reader);
    if (positionOf(this.collection, checkpoint) === null)
      throw new TypeError("there is no checkpoint to keep");
    await this.#write(key, JSON.stringify(checkpoint));
  }

  /** Nothing waits for this reader any more. */
  async forget(reader: string): Promise<void> {
    await this.#write(keyOf(this.collection, reader), null);
  }

  async #write(key: string, value: string | null): Promise<void> {
    const { context } = this;
    const { clock } = context;
    await settle(context, [{ collection: READERS, key, value, revision: clock.id(), opId: clock.id() }]);
    context.wrote(READERS, 1);
  }
}

/** Where the readers stand that are still waited for. `now`: the store's clock. */
export async function positionsOf(
  { backend, call }: RecordsContext,
  collection: string,
  now: number,
): Promise<readonly FeedPosition[]> {
  const positions: FeedPosition[] = [];
  const prefix = prefixOf(collection);
  let after: string | undefined;
  for (;;) {
    const page = { prefix, limit: PAGE, ...(after === undefined ? {} : { after }) };
    const found = await call("scan", () => backend.scan(READERS, page));
    for (const { value, updatedAt } of found) {
      const position = positionOf(collection, JSON.parse(value) as Checkpoint);
      if (position !== null && now - updatedAt < PATIENCE_MS) positions.push(position);
    }
    if (found.length < PAGE) return positions;
    after = found.at(-1)!.key;
  }
}
