export { conformance } from "./conformance.ts";
export type { ConformanceOptions, RunnableCase, Skip, TestFunction } from "./conformance.ts";
export type { Environment } from "./environment.ts";
