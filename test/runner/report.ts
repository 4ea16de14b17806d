import type { TestEvent } from "node:test/reporters";
import { inspect } from "node:util";

/** A line of what a test file's process reports to the runner. */
export type Line =
  | { readonly kind: "begun" | "ended"; readonly id: string }
  | { readonly kind: "passed"; readonly name: string }
  | { readonly kind: "skipped"; readonly name: string; readonly reason: string }
  | { readonly kind: "failed"; readonly name: string; readonly error: string }
  | { readonly kind: "note"; readonly text: string }
  /** All tests of the file have ended. */
  | { readonly kind: "complete" };

/** Node's own closing figures, which count suites and parents too. */
const CLOSING_FIGURE = /^(?:tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/;

/**
 * A reporter for `node --test-reporter`: one JSON line per event that the runner needs. Only tests without
 * tests inside count; what is around them counts when it fails by itself, in a hook for example.
 */
export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const line of linesOf(events)) yield `${JSON.stringify(line)}\n`;
}

async function* linesOf(events: AsyncIterable<TestEvent>): AsyncGenerator<Line> {
  const path: string[] = [];
  let childrenAt = -1;
  for await (const { type, data } of events) {
    if (type === "test:dequeue" || type === "test:complete") {
      const kind = type === "test:dequeue" ? "begun" : "ended";
      yield { kind, id: `${"  ".repeat(data.nesting)}${data.name}` };
    } else if (type === "test:start") {
      path.length = data.nesting;
      path.push(data.name);
    } else if (type === "test:pass" || type === "test:fail") {
      const name = path.slice(0, data.nesting + 1).join(" › ");
      const hadChildren = childrenAt > data.nesting;
      childrenAt = data.nesting;
      const isEmptySuite = data.details.type === "suite" && data.skip === undefined;
      if (type === "test:fail") {
        const error = data.details.error as Error & { readonly failureType?: string };
        if (error.failureType !== "subtestsFailed") yield { kind: "failed", name, error: textOf(error) };
      } else if (!hadChildren && !isEmptySuite) {
        const reason = data.skip ?? data.todo;
        if (reason === undefined || reason === false) yield { kind: "passed", name };
        else yield { kind: "skipped", name, reason: typeof reason === "string" ? reason : "" };
      }
    } else if (type === "test:diagnostic" && !CLOSING_FIGURE.test(data.message)) {
      yield { kind: "note", text: data.message };
    } else if (type === "test:plan" && data.nesting === 0) {
      yield { kind: "complete" };
    }
  }
}

/** The error that the test threw, without the frames of Node's own test runner. */
function textOf(error: Error): string {
  const text = inspect(error.cause instanceof Error ? error.cause : error, { depth: 8 });
  return text
    .replace(/\n\s+at .*node:internal\/test_runner.*/g, "")
    .replace(/\n\s+at .*\(node:async_hooks.*/g, "");
}
