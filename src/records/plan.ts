import type { RecordsContext, Condition, Draft } from "./commit.ts";
import { prepare, refusal, settle } from "./commit.ts";
import type { Collection } from "./collection.ts";
import { ConflictError } from "../errors.ts";
import { emit } from "../events.ts";
import { checkInteger } from "../locks/options.ts";
import { differingFields } from "./fields.ts";
import { headOf, type RecordHead } from "./head.ts";

/** A write that waits to take effect together with others: see `Coordinator.write`. */
export class Plan<T> {
  constructor(
    /** @internal */ readonly context: RecordsContext,
    /** @internal */ readonly into: Collection<T>,
    readonly key: string,
    /** @internal */ readonly draft: Draft<T>,
    /** @internal */ readonly condition: Condition,
  ) {}

  get collection(): string {
    return this.into.name;
  }
}

const PLANS_MAX = 100;

export type PlansOf<Values extends readonly unknown[]> = readonly [
  ...{ [At in keyof Values]: Plan<Values[At]> },
];
export type HeadsOf<Values extends readonly unknown[]> = {
  [At in keyof Values]: RecordHead<Values[At]> | null;
};

/** All plans take effect in one step, or none does. For each the record as it is then; null: deleted. */
export async function writeAll<const Values extends readonly unknown[]>(
  planned: PlansOf<Values>,
): Promise<HeadsOf<Values>> {
  const plans: readonly Plan<unknown>[] = planned;
  const [first] = plans;
  checkInteger(plans.length, "the number of planned writes", 1, PLANS_MAX);
  const names = new Set<string>();
  for (const plan of plans) {
    if (!(plan instanceof Plan)) {
      throw new TypeError(
        "write takes a list of plans: [contacts.planPut(key, value), orders.planDelete(key)]",
      );
    }
    if (plan.context !== first!.context)
      throw new TypeError("all plans of a write must be of one coordinator");
    names.add(JSON.stringify([plan.collection, plan.key]));
  }
  if (names.size < plans.length) throw new RangeError("a write has at most one plan for each record");
  const { context } = first!;
  const prepared = plans.map(({ into, key, draft, condition }) =>
    prepare(into, context.clock, key, [draft], condition),
  );
  const outcome = await settle(
    context,
    prepared.map(({ write }) => write),
  );
  switch (outcome.kind) {
    case "written":
      for (const { collection } of plans) context.wrote(collection, 1);
      return outcome.records.map((record) => headOf<unknown>(record)) as HeadsOf<Values>;
    case "conflict": {
      const { key, collection, draft, condition } = plans[outcome.index]!;
      emit("write.conflict", () => ({ backend: context.backend.name, collection, key }));
      const theirs = headOf<unknown>(outcome.current);
      const fields = differingFields(draft.value, theirs?.value ?? null);
      throw new ConflictError(key, condition.ifRevision ?? null, draft.value, theirs, fields);
    }
    case "stale":
    case "taken":
      throw refusal(context, prepared[outcome.index]!, outcome);
    case "repeated":
      throw new Error("the store says that one of several steps was made before, where there was one step");
    default:
      throw outcome satisfies never;
  }
}
