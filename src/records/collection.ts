import type { Entry } from "../backend.ts";
import { checkName } from "../locks/options.ts";
import type { Declaration } from "./declaration.ts";
import { encode } from "./encode.ts";
import { entriesOf, type Field } from "./entries.ts";
import { validated } from "./schema.ts";

/** Collections that begin so are Holdfast's own. */
export const RESERVED = "holdfast:";

/** What a collection asks of all there are. */
export interface Collections {
  declared(name: string): Declaration | undefined;
}

/** What a collection is, as far as this process was told, by whichever handle to it. */
export class Collection<T> {
  constructor(
    readonly name: string,
    private readonly all: Collections,
  ) {
    checkName(name, "a collection's name");
  }

  /** A value as it is to be kept. @throws TypeError, RangeError, InvalidValueError before any I/O */
  encode(key: string, value: T): { readonly text: string; readonly entries?: readonly Entry[] } {
    const declared = this.all.declared(this.name);
    if (declared === undefined) return { text: encode(key, value) };
    const kept = declared.schema === undefined ? value : validated(declared.schema, key, value);
    return { text: encode(key, kept), entries: entriesOf(key, kept, declared.fields) };
  }

  /** @throws RangeError if it is not declared */
  field(name: string): Field {
    const fields = this.all.declared(this.name)?.fields ?? [];
    const found = fields.find((field) => field.name === name);
    if (found !== undefined) return found;
    throw new RangeError(
      `"${name}" of "${this.name}" is not declared: records("${this.name}", { index: ["${name}"] })`,
    );
  }
}
