import type { RecordHead } from "../head.ts";

/** A record as this process last heard of it. What is handed out of its value can be changed without harm. */
export class Head<T> {
  #text: string | undefined;
  /** Its value was given away, and there is no copy. */
  isSpent = false;

  /** `text`: of the value as JSON, if others have the value too. */
  constructor(
    private readonly given: RecordHead<T> | null,
    text?: string,
  ) {
    this.#text = text ?? (given === null ? "null" : undefined);
  }

  get revision(): string | null {
    return this.given?.revision ?? null;
  }

  /** JSON. */
  get text(): string {
    return (this.#text ??= JSON.stringify(this.given?.value ?? null));
  }

  /** The value itself, where nobody else will ask for it. */
  spend(): T | null {
    if (this.#text !== undefined) return JSON.parse(this.#text) as T | null;
    this.isSpent = true;
    return this.given?.value ?? null;
  }

  record(): RecordHead<T> | null {
    return this.given === null ? null : { ...this.given, value: JSON.parse(this.text) as T };
  }
}
