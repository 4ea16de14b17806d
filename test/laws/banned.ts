import type { House, Violation } from "./house.ts";
import { lineAt } from "./source.ts";

interface Ban {
  readonly law: string;
  readonly where: RegExp;
  readonly except?: RegExp;
  readonly pattern: RegExp;
  readonly remedy: string;
}

const CLOCK = "take it from the Clock (src/clock.ts), so that a simulator can own it";

/** The command line and the test kit drive real processes, in real time. */
const REAL_TIME = /^src\/(?:clock\.ts|cli\/|testkit\/)/;

const BANS: readonly Ban[] = [
  {
    law: "clock",
    where: /^src\//,
    except: REAL_TIME,
    pattern:
      /\bDate(?:\.now\b|\(\s*\))|\bperformance\.\w+|\bprocess\.(?:hrtime|uptime)\b|\bAbortSignal\.timeout\b/g,
    remedy: CLOCK,
  },
  {
    law: "clock",
    where: /^src\//,
    except: REAL_TIME,
    pattern: /(?<![.\w$])(?:globalThis\.)?set(?:Timeout|Interval|Immediate)\b/g,
    remedy: CLOCK,
  },
  {
    law: "clock",
    where: /^src\//,
    except: REAL_TIME,
    pattern: /\bMath\.random\b|\bgetRandomValues\b|\brandom(?:UUID|Bytes|Int|Fill|FillSync)\b/g,
    remedy: CLOCK,
  },
  {
    law: "console",
    where: /^src\//,
    except: /^src\/cli\//,
    pattern: /(?<![.\w$])console\s*\./g,
    remedy: "a library does not print; emit an event (src/events.ts)",
  },
  {
    law: "default-export",
    where: /\.tsx?$/,
    except: /\.config\.ts$|\.d\.ts$|^test\/runner\/report\.ts$/,
    pattern: /\bexport\s+default\b|\bas\s+default\b/g,
    remedy: "export it by its name, so that it has the same one everywhere",
  },
];

/** Words that code must not contain in some places; comments and strings may. */
export function* banned(house: House): Iterable<Violation> {
  for (const source of house.sources()) {
    for (const { law, where, except, pattern, remedy } of BANS) {
      if (!where.test(source.path) || except?.test(source.path) === true) continue;
      for (const match of source.code.matchAll(pattern)) {
        const line = lineAt(source.text, match.index);
        yield { file: source.path, line, law, message: `\`${match[0].trim()}\`: ${remedy}` };
      }
    }
  }
}

/** Time and chance by the front door: modules that exist for nothing else. */
const MODULES = new Set(["node:timers", "node:timers/promises", "node:perf_hooks"]);

export function* clockModules(house: House): Iterable<Violation> {
  for (const source of house.sources("src")) {
    if (REAL_TIME.test(source.path)) continue;
    for (const { specifier, line } of house.imports(source)) {
      if (!MODULES.has(specifier)) continue;
      yield { file: source.path, line, law: "clock", message: `"${specifier}": ${CLOCK}` };
    }
  }
}

/**
 * Core never names a backend, not even as a string. `src/connect.ts` maps URLs to them; `src/sql` works in
 * the caller's database and knows its dialect.
 */
export function* backendNames(house: House): Iterable<Violation> {
  const names = house.backends.join("|");
  if (names === "") return;
  for (const source of house.sources("src")) {
    if (/^src\/(?:backends\/|cli\/|testkit\/|sql\/|connect\.ts)/.test(source.path)) continue;
    for (const match of source.text.matchAll(new RegExp(`(["'\`])(?:${names})\\1`, "g"))) {
      if (source.code[match.index] !== match[0][0]) continue;
      const message = `core names the backend ${match[0]}; make it a fact of \`guarantees\` or a verb`;
      yield { file: source.path, line: lineAt(source.text, match.index), law: "backend-names", message };
    }
  }
}
