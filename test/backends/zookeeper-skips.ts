import type { Skip } from "holdfast/testkit";

/** True of ZooKeeper, whatever the client. */
const ENDS_ARE_EVENTS =
  "a node ends when its process deletes it or its session runs out: nobody else can know when, and all are " +
  "told, so that there is no deadline to look at";

export const skip: readonly Skip[] = [
  { case: "order: whoever waits is told when asking again may bring news", reason: ENDS_ARE_EVENTS },
  { case: "wait false: never enqueues, and tells what is in the way", reason: ENDS_ARE_EVENTS },
  {
    case: "claim deadline: a dead waiter is passed over, and the next one is told when to look",
    reason: ENDS_ARE_EVENTS,
  },
  {
    case: "inspect: changes nothing",
    reason: "a node's end is itself the hand-over: no later step is needed that looking could leave out",
  },
  {
    case: "tokens: are not behind the store's clock in microseconds",
    reason: "tokens are ZooKeeper's transaction ids, which grow by themselves and know nothing of time",
  },
];
