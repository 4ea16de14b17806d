import { feedFunctions } from "./feed-functions.ts";
import { pruneFunctions } from "./prune-functions.ts";
import { writeFunctions } from "./write-functions.ts";

/** The first three are called by the others. */
export const recordFunctions = (schema: string): string =>
  [feedFunctions, writeFunctions, pruneFunctions].map((each) => each(schema)).join("");
