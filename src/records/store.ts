import { ClosedError } from "../errors.ts";
import { Collection, RESERVED, type Collections } from "./collection.ts";
import type { RecordsContext } from "./commit.ts";
import { declarationOf, sameDeclaration, type CollectionOptions, type Declaration } from "./declaration.ts";
import { Records } from "./records.ts";
import { Retention } from "./retention.ts";

/** All collections of a coordinator. */
export class RecordStore implements Collections {
  readonly #context: RecordsContext;
  readonly #retention: Retention;
  readonly #closing = new AbortController();
  readonly #declared = new Map<string, Declaration>();

  constructor(context: Omit<RecordsContext, "wrote" | "closing">) {
    const { signal: closing } = this.#closing;
    this.#context = { ...context, closing, wrote: (name, versions) => this.#retention.wrote(name, versions) };
    this.#retention = new Retention(this.#context, (name) => this.declared(name));
  }

  /** @throws TypeError if it was declared otherwise before */
  records<T>(name: string, options?: CollectionOptions<T>): Records<T> {
    const collection = new Collection<T>(name, this);
    if (name.startsWith(RESERVED)) {
      throw new RangeError(`collections that begin with "${RESERVED}" are Holdfast's own, not "${name}"`);
    }
    if (options !== undefined) this.#declare(name, declarationOf(name, options));
    return new Records<T>(collection, this.#context);
  }

  declared(name: string): Declaration | undefined {
    return this.#declared.get(name);
  }

  close(): void {
    this.#retention.close();
    this.#closing.abort(new ClosedError());
  }

  #declare(name: string, declaration: Declaration): void {
    const before = this.#declared.get(name);
    if (before !== undefined && !sameDeclaration(before, declaration)) {
      throw new TypeError(
        `"${name}" was declared otherwise before: declare it once, and use records("${name}") then`,
      );
    }
    this.#declared.set(name, declaration);
  }
}
