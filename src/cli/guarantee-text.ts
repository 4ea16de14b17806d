import type { Guarantees } from "../index.ts";

/** What a store's guarantees mean for those who rely on it. */
export function guaranteeTexts({
  clock,
  failover,
  feed,
  fencing,
  leases,
  writes,
}: Guarantees): readonly string[] {
  return [
    clock === "server"
      ? "Leases expire by the store's clock; the clocks of clients do not matter."
      : "Leases expire by the wall clock of this one machine: do not let it step.",
    leases === "durable"
      ? "Leases survive a restart of the store."
      : "Leases may be forgotten when the store restarts: then two may hold at once. Tokens still grow.",
    fencing === "grant"
      ? "A fenced write is refused as soon as the lock was granted to somebody later."
      : "A fenced write is refused once the record was written under a later token.",
    writes === "any"
      ? "Records can be written together whatever their keys."
      : "Records can be written together only within one partition of the store.",
    feed === "total"
      ? "Changes of a collection have one order, that of their commits."
      : "Changes of one record have one order, that of their commits; those of different records may not.",
    `Failover: ${failover}`,
  ];
}
