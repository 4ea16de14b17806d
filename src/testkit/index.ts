export { conformance } from "./conformance.ts";
export type { ConformanceOptions, RunnableCase, Skip, TestFunction } from "./conformance.ts";
export type { Environment } from "./environment.ts";
export { FaultProxy } from "./fault-proxy.ts";
export type { Direction } from "./fault-proxy.ts";
export { lostUpdates, notOnce, overlaps, overtaken } from "./history.ts";
export type { Hold, NotOnce, Overlap, Update, Wait } from "./history.ts";
export { SimulationFailure } from "./simulator/failure.ts";
export { simulate } from "./simulator/simulate.ts";
export type { SimulatedStore, SimulationOptions, SimulationSummary } from "./simulator/simulate.ts";
export { VirtualClock } from "./simulator/virtual-clock.ts";
export { simulateCoordinators } from "./simulator/coordinators.ts";
export type {
  CoordinatorSimulationOptions,
  CoordinatorSimulationSummary,
} from "./simulator/coordinators.ts";
