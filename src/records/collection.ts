import type { Entry } from "../backend.ts";
import { checkName } from "../locks/options.ts";
import type { RecordsContext } from "./commit.ts";
import { encode } from "./encode.ts";

/** What a collection is, as far as this process was told. */
export class Collection<T> {
  constructor(readonly name: string) {
    checkName(name, "a collection's name");
  }

  /** @throws TypeError, RangeError before any I/O. */
  encode(key: string, value: T): { readonly text: string; readonly entries?: readonly Entry[] } {
    return { text: encode(key, value) };
  }

  /** So many versions have been made. */
  wrote(_context: RecordsContext, _versions: number): void {}
}
