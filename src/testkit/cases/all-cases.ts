import type { Case } from "../case.ts";
import { batches } from "./batches.ts";
import { capacity } from "./capacity.ts";
import { claim } from "./claim.ts";
import { conditionalWrites } from "./conditional-writes.ts";
import { entries } from "./entries.ts";
import { exclusion } from "./exclusion.ts";
import { expiry } from "./expiry.ts";
import { feed } from "./feed.ts";
import { fencedWrites } from "./fenced-writes.ts";
import { forceRelease } from "./force-release.ts";
import { handover } from "./handover.ts";
import { history } from "./history.ts";
import { idempotence } from "./idempotence.ts";
import { inspect } from "./inspect.ts";
import { list } from "./list.ts";
import { names } from "./names.ts";
import { opIds } from "./op-ids.ts";
import { order } from "./order.ts";
import { pruning } from "./prune.ts";
import { renewal } from "./renewal.ts";
import { scan } from "./scan.ts";
import { sessions } from "./sessions.ts";
import { steal } from "./steal.ts";
import { storage } from "./storage.ts";
import { tokens } from "./tokens.ts";
import { trying } from "./trying.ts";
import { weights } from "./weights.ts";

export const ALL_CASES: readonly Case[] = [
  ...sessions, ...exclusion, ...order, ...weights, ...expiry, ...renewal, ...idempotence, ...claim,
  ...handover, ...trying, ...steal, ...forceRelease, ...capacity, ...tokens, ...inspect, ...list,
  ...names, ...batches, ...conditionalWrites, ...scan, ...fencedWrites, ...opIds, ...history,
  ...entries, ...feed, ...pruning, ...storage,
];
