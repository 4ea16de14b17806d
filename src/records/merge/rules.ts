/**
 * How the fields of a record merge. What is not named here merges by default: objects field by field, all
 * else as a whole.
 */
export interface MergeRules extends FieldRules {
  /**
   * What becomes of a deletion (of the record, a field, or an item of a list) that meets a change on the
   * other side. Default `conflict`. `wins`: it is deleted; `loses`: the change is kept.
   */
  readonly deletion?: "conflict" | "wins" | "loses";
}

export interface FieldRules {
  readonly fields?: { readonly [name: string]: FieldRule };
  /**
   * Fields that only make sense together, such as street, zip and city: they merge as one, so that no
   * combination comes out that nobody wrote.
   */
  readonly groups?: readonly (readonly string[])[];
}

/**
 * - `counter`: a number to which both sides' increments are added. Whole numbers, since sums are kept.
 * - `set`: a list without order or repetition, to which both sides' additions and removals apply.
 * - `whole`: never looked into.
 * - `{ id, … }`: a list of objects told apart by that field, each merged by the rules beside it.
 * - `{ fields, groups }`: an object.
 */
export type FieldRule = "counter" | "set" | "whole" | FieldRules | ListRules;

export interface ListRules extends FieldRules {
  readonly id: string;
}

export function isListRules(rule: FieldRule | undefined): rule is ListRules {
  return typeof rule === "object" && "id" in rule;
}

/** Whether a counter is below: then two sides that look alike may still add up. */
export function counts(rule: FieldRule | undefined): boolean {
  if (rule === undefined || typeof rule === "string") return rule === "counter";
  return Object.values(rule.fields ?? {}).some(counts);
}

const WORDS = ["counter", "set", "whole"];

/** @throws TypeError that names the rule and says what to write instead. */
export function checkRules(rules: MergeRules): MergeRules {
  const { deletion = "conflict", ...root } = rules;
  if (!["conflict", "wins", "loses"].includes(deletion)) {
    throw new TypeError(`deletion must be "conflict", "wins" or "loses", not ${JSON.stringify(deletion)}`);
  }
  if ("id" in root) {
    throw new TypeError("a record is no list: give the id to the rule of the field that is one");
  }
  checkFields(root, "the record");
  return rules;
}

function checkFields(rules: FieldRules, of: string): void {
  const { fields = {}, groups = [] } = rules;
  const grouped = new Set<string>();
  for (const group of groups) {
    if (!Array.isArray(group) || group.some((name) => typeof name !== "string")) {
      throw new TypeError(`groups of ${of} must be lists of field names, such as [["street", "city"]]`);
    }
    for (const name of group as readonly string[]) {
      if (grouped.has(name)) throw new TypeError(`"${name}" of ${of} is in two groups: put it into one`);
      if (Object.hasOwn(fields, name)) {
        throw new TypeError(`"${name}" of ${of} is in a group, which merges as a whole: it takes no rule`);
      }
      grouped.add(name);
    }
  }
  for (const [name, rule] of Object.entries(fields)) checkRule(rule, name);
}

function checkRule(rule: FieldRule, name: string): void {
  if (typeof rule === "string" && WORDS.includes(rule)) return;
  if (typeof rule !== "object" || rule === null) {
    throw new TypeError(
      `the rule of "${name}" must be "counter", "set", "whole", { id } or { fields }, not ${String(rule)}`,
    );
  }
  if (isListRules(rule) && (typeof rule.id !== "string" || rule.id === "")) {
    throw new TypeError(`the id of "${name}" must be the name of a field of its items`);
  }
  checkFields(rule, `"${name}"`);
}
