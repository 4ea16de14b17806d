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

/** Keeps how far a reader has come. What it has not seen yet stays in the history. */
export async function saveCheckpoint(
  context: RecordsContext,
  collection: string,
  reader: string,
  checkpoint: Checkpoint,
): Promise<void> {
  const key = keyOf(collection, reader);
  if (positionOf(collection, checkpoint) === null) throw new TypeError("there is no checkpoint to keep");
  await write(context, key, JSON.stringify(checkpoint));
}

export async function forgetReader(context: RecordsContext, collection: string, reader: string): Promise<void> {
  await write(context, keyOf(collection, reader), null);
}

export async function savedCheckpoint(
  { backend, call }: RecordsContext,
  collection: string,
  reader: string,
): Promise<Checkpoint | null> {
  const key = keyOf(collection, reader);
  const found = await call("read", () => backend.read(READERS, key));
  return found === null ? null : (JSON.parse(found.value) as Checkpoint);
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

async function write(context: RecordsContext, key: string, value: string | null): Promise<void> {
  const { clock } = context;
  await settle(context, [{ collection: READERS, key, value, revision: clock.id(), opId: clock.id() }]);
}
