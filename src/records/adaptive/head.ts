import type { RecordHead } from "../head.ts";

/** A record as this process last heard of it, out of reach of those who were given its value. */
export class Head<T> {
  /** JSON. */
  readonly text: string;

  constructor(private readonly given: RecordHead<T> | null) {
    this.text = JSON.stringify(given?.value ?? null);
  }

  get revision(): string | null {
    return this.given?.revision ?? null;
  }

  record(): RecordHead<T> | null {
    return this.given === null ? null : { ...this.given, value: JSON.parse(this.text) as T };
  }
}
