/**
 * Edits that may be brought to bear in any order. They are edits like any other: what makes them quick on a
 * hot record is that `adaptive` combines them.
 */

type NumberFields<Field extends string> = { readonly [F in Field]?: number };
type SetFields<Field extends string, Item> = { readonly [F in Field]?: readonly Item[] };

/** Adds to a field that is a number, or is not there (0). A record that does not exist is made. */
export function increment<Field extends string>(
  field: Field,
  by = 1,
): <T extends NumberFields<Field>>(value: T | null) => T {
  if (!Number.isFinite(by)) {
    throw new RangeError(`"${field}" can be increased by a number, not ${String(by)}`);
  }
  return <T extends NumberFields<Field>>(value: T | null): T => {
    const sum = (value?.[field] ?? 0) + by;
    return { ...value, [field]: sum } as unknown as T;
  };
}

/** Adds items to a list that they are not in yet, compared as JSON texts. */
export function addToSet<Field extends string, Item>(
  field: Field,
  ...items: readonly Item[]
): <T extends SetFields<Field, Item>>(value: T | null) => T {
  return <T extends SetFields<Field, Item>>(value: T | null): T => {
    const all = [...(value?.[field] ?? []), ...items];
    const distinct = new Map<string, Item>();
    for (const item of all) {
      const text = JSON.stringify(item);
      if (!distinct.has(text)) distinct.set(text, item);
    }
    return { ...value, [field]: [...distinct.values()] } as unknown as T;
  };
}

/** Removes items from a list, compared as JSON texts. */
export function removeFromSet<Field extends string, Item>(
  field: Field,
  ...items: readonly Item[]
): <T extends SetFields<Field, Item>>(value: T | null) => T {
  const gone = new Set(items.map((item) => JSON.stringify(item)));
  return <T extends SetFields<Field, Item>>(value: T | null): T => {
    const left = (value?.[field] ?? []).filter((item) => !gone.has(JSON.stringify(item)));
    return { ...value, [field]: left } as unknown as T;
  };
}
