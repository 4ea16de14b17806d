/** Gives resources of one kind one name, for instance `order:*` for `order:42`. */
export type Template = (resource: string) => string;

/** What has no template of its own, because there are too many. */
export const OTHERS = "(others)";
const RECORD_LOCK = "record:";

/**
 * What stands before the first of `:`, `/`, `.` or `#` names the kind, the rest the thing; a name without them is its own kind if
 * it has neither digits nor more than 32 characters. So no key of a customer becomes a label.
 */
export function defaultTemplate(resource: string): string {
  if (resource.startsWith(RECORD_LOCK)) {
    const end = resource.indexOf("/");
    return end === -1 ? `${RECORD_LOCK}*` : `${resource.slice(0, end)}/*`;
  }
  const [end] = /[:/.#]/.exec(resource) ?? [];
  if (end !== undefined) return `${resource.slice(0, resource.indexOf(end))}${end}*`;
  return /\d/.test(resource) || resource.length > 32 ? "*" : resource;
}

/** A value for each template, but not for more of them than `most`. */
export class ByTemplate<Value> {
  readonly #values = new Map<string, Value>();

  constructor(
    private readonly most: number,
    private readonly make: () => Value,
  ) {}

  at(template: string): Value {
    const name = this.#values.has(template) || this.#values.size < this.most ? template : OTHERS;
    let value = this.#values.get(name);
    if (value === undefined) this.#values.set(name, (value = this.make()));
    return value;
  }

  entries(): Iterable<[string, Value]> {
    return this.#values;
  }
}
