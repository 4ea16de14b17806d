export { conformance } from "./conformance.ts";
export type { ConformanceOptions, RunnableCase, Skip, TestFunction } from "./conformance.ts";
export type { Environment } from "./environment.ts";
export { FaultProxy } from "./fault-proxy.ts";
export type { Direction } from "./fault-proxy.ts";
export { lostUpdates, notOnce, overlaps, overtaken } from "./history.ts";
export type { Hold, NotOnce, Overlap, Update, Wait } from "./history.ts";
