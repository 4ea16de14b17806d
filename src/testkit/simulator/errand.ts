import { ALL } from "../../backend.ts";
import type { Coordinator } from "../../coordinator.ts";
import type { Lockable } from "../../locks/lockable.ts";
import type { Dice } from "./dice.ts";

/** What somebody wants to lock, and for how long. */
export interface Errand {
  readonly lockable: Lockable;
  /** Of the whole capacity, by resource. */
  readonly shares: ReadonlyMap<string, number>;
  readonly verb: "lock" | "tryLock" | "withLock";
  readonly waitMs: number | undefined;
  /** Gives up after this long by its signal. */
  readonly abortMs: number | undefined;
  readonly holdMs: number;
}

export const RESOURCES = ["invoice", "account", "catalog", "mailbox"];

const PERMITS = 3;

/** `single`: never several locks at once. */
export function errandOf(coordinator: Coordinator, dice: Dice, single: boolean): Errand {
  const verb = dice.weighted({ lock: 55, tryLock: 20, withLock: 25 });
  return {
    ...target(coordinator, dice, single),
    verb,
    waitMs: dice.chance(0.4) ? dice.between(0, 400) : undefined,
    abortMs: dice.chance(0.15) ? dice.between(0, 200) : undefined,
    holdMs: dice.chance(0.08) ? dice.between(200, 900) : dice.between(0, 40),
  };
}

function target(
  coordinator: Coordinator,
  dice: Dice,
  single: boolean,
): Pick<Errand, "lockable" | "shares"> {
  const both = single ? 0 : 8;
  const kind = dice.weighted({ invoice: 45, account: 10, read: 15, write: 8, mailbox: 14, both });
  const catalog = coordinator.rwLock("catalog");
  switch (kind) {
    case "read":
      return { lockable: catalog.read, shares: new Map([["catalog", 1 / ALL]]) };
    case "write":
      return { lockable: catalog.write, shares: new Map([["catalog", 1]]) };
    case "mailbox":
      return {
        lockable: coordinator.semaphore("mailbox", { permits: PERMITS }),
        shares: new Map([["mailbox", 1 / PERMITS]]),
      };
    case "both":
      return {
        lockable: coordinator.all(coordinator.mutex("account"), catalog.read),
        shares: new Map([
          ["account", 1],
          ["catalog", 1 / ALL],
        ]),
      };
    default:
      return { lockable: coordinator.mutex(kind), shares: new Map([[kind, 1]]) };
  }
}
