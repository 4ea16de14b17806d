import { storeUrls } from "../locks/store-urls.ts";

/** Those that have all of the contract's verbs on records. */
const WHOLE = ["memory", "sqlite", "PostgreSQL"];

export const recordStores = storeUrls.filter(({ name }) => WHOLE.includes(name));
