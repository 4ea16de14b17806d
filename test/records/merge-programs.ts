import * as fc from "fast-check";
import type { MergeRules } from "#src/records/merge/rules.js";

/** A record with a field for each kind of rule. */
export interface Document {
  readonly title?: string;
  readonly note?: string;
  readonly calls?: number;
  readonly street: string;
  readonly zip: string;
  readonly city?: string;
  readonly tags: readonly string[];
  readonly lines: readonly Line[];
}

interface Line {
  readonly id: string;
  readonly text: string;
  readonly quantity: number;
}

export const RULES: MergeRules = {
  fields: {
    calls: "counter",
    tags: "set",
    lines: { id: "id", fields: { quantity: "counter" } },
  },
  groups: [["street", "zip", "city"]],
};

const word = fc.constantFrom("a", "b", "c", "d", "");
const id = fc.constantFrom("1", "2", "3", "4", "__proto__");
const count = fc.integer({ min: -3, max: 3 });
const line = fc.record({ id, text: word, quantity: count }, { noNullPrototype: true });

export const document: fc.Arbitrary<Document> = fc.record(
  {
    title: word,
    note: word,
    calls: count,
    street: word,
    zip: word,
    city: word,
    tags: fc.uniqueArray(word),
    lines: fc.uniqueArray(line, { selector: (each) => each.id, maxLength: 4 }),
  },
  { requiredKeys: ["street", "zip", "tags", "lines"], noNullPrototype: true },
);

/** One change to a document. */
export type Edit = (document: Document) => Document;

const edit: fc.Arbitrary<Edit> = fc.oneof(
  fc.record({ name: fc.constantFrom("title", "note", "street", "zip", "city"), to: word }).map(set),
  fc.constantFrom("title", "note", "calls", "city").map(unset),
  count.map(increment),
  word.map(addTag),
  word.map(removeTag),
  fc.record({ line, at: fc.nat(4) }).map(addLine),
  id.map(removeLine),
  fc.record({ id, text: word }).map(setText),
  fc.record({ id, by: count }).map(addQuantity),
  fc.constant<Edit>((it) => ({ ...it, lines: [...it.lines].reverse() })),
);

export const edits = fc.array(edit, { maxLength: 6 });

export function apply(document: Document, all: readonly Edit[]): Document {
  return all.reduce((it, each) => each(it), structuredClone(document));
}

/** Changes that leave each other alone, in any order. The lines that they touch are put in beforehand. */
export const shuffledEdits: fc.Arbitrary<readonly Edit[]> = fc.shuffledSubarray<Edit>(
  [
    set({ name: "title", to: "new title" }),
    unset("note"),
    (it) => ({ ...it, street: "new", zip: "new", city: "new" }),
    increment(1),
    increment(5),
    increment(-2),
    addTag("new tag"),
    addTag("another"),
    removeTag("a"),
    addLine({ line: { id: "new", text: "", quantity: 0 }, at: 1 }),
    addLine({ line: { id: "last", text: "", quantity: 0 }, at: 9 }),
    removeLine("2"),
    setText({ id: "1", text: "new text" }),
    addQuantity({ id: "1", by: 7 }),
    addQuantity({ id: "1", by: -3 }),
  ],
  { minLength: 2 },
);

function set({ name, to }: { readonly name: string; readonly to: string }): Edit {
  return (it) => ({ ...it, [name]: to });
}

function unset(name: string): Edit {
  return ({ ...it }) => {
    delete (it as Record<string, unknown>)[name];
    return it;
  };
}

function increment(by: number): Edit {
  return (it) => ({ ...it, calls: (it.calls ?? 0) + by });
}

function addTag(tag: string): Edit {
  return (it) => (it.tags.includes(tag) ? it : { ...it, tags: [...it.tags, tag] });
}

function removeTag(tag: string): Edit {
  return (it) => ({ ...it, tags: it.tags.filter((each) => each !== tag) });
}

function addLine({ line: added, at }: { readonly line: Line; readonly at: number }): Edit {
  return (it) =>
    it.lines.some((each) => each.id === added.id) ? it : { ...it, lines: it.lines.toSpliced(at, 0, added) };
}

function removeLine(gone: string): Edit {
  return (it) => ({ ...it, lines: it.lines.filter((each) => each.id !== gone) });
}

function setText({ id: of, text }: { readonly id: string; readonly text: string }): Edit {
  return (it) => ({ ...it, lines: it.lines.map((each) => (each.id === of ? { ...each, text } : each)) });
}

function addQuantity({ id: of, by }: { readonly id: string; readonly by: number }): Edit {
  return (it) => ({
    ...it,
    lines: it.lines.map((each) => (each.id === of ? { ...each, quantity: each.quantity + by } : each)),
  });
}
