import { storeUrls } from "../locks/store-urls.ts";

/** Those that keep records themselves. */
export const recordStores = storeUrls.filter(({ name }) => name !== "ZooKeeper");
