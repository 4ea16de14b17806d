import { connect, ConflictError, optimistic, pessimistic } from "holdfast";

interface Deal {
  readonly title: string;
  readonly stage: string;
  readonly calls: number;
}

const hf = await connect("memory:");

// #region conditional
const deals = hf.records<Deal>("deals");
const first = await deals.put("7", { title: "Pumps", stage: "new", calls: 0 }, { ifRevision: null });
const won = { ...first.value, stage: "won" };
await deals.put("7", won, { ifRevision: first.revision, author: "ann" });

try {
  await deals.put("7", { ...first.value, stage: "lost" }, { ifRevision: first.revision });
} catch (error) {
  if (!(error instanceof ConflictError)) throw error;
  console.log(error.fields, error.theirs?.author); // [ 'stage' ] ann
}
// #endregion

// #region update
const called = (deal: Deal | null): Deal => ({ ...deal!, calls: deal!.calls + 1 });
await deals.update("7", called, optimistic({ attempts: 50 }));
await deals.update("7", called, pessimistic({ waitMs: 1_000 }));
// #endregion

const { value } = (await deals.get("7"))!;
if (value.calls !== 2 || value.stage !== "won") throw new Error("an edit was lost");
await hf.close();
