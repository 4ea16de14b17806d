import { sqliteStore, storeKinds, type FaultyStore } from "../faults/stores.ts";
import { leftOut } from "../servers/install.ts";

/**
 * A kind of store for `describe`, with the options that leave it out where its server is missing.
 */
export interface TestedStore {
  readonly name: string;
  readonly options: { readonly skip: string | false };
  start(): Promise<FaultyStore>;
}

/** Every store with every way in which it can fall silent. */
export const SILENT_STORES: readonly TestedStore[] = storeKinds.map((kind) => ({
  name: kind.name,
  options: { skip: kind === sqliteStore ? false : leftOut("redis") },
  start: () => kind.start(),
}));

/** Every store once: for one machine, and for several. */
export const STORES = SILENT_STORES.filter(
  ({ name }, index) =>
    SILENT_STORES.findIndex((each) => each.name.slice(0, 5) === name.slice(0, 5)) === index,
);
