import { readable, table, type Style } from "../table.ts";
import { marks } from "./marks.ts";
import { describe, isSame, type Load, type Measured } from "./point.ts";

const HEADING = ["contestant", "updates/s", "attempts", "p50 ms", "p99 ms", "lost"];

/** A table for each load, the fastest first, then the marks. */
export function report(all: readonly Measured[], style: Style): string {
  const sections = [...new Set(all.map(({ store }) => store))].flatMap((store) => {
    const of = all.filter((each) => each.store === store);
    return loadsOf(of).map((load) => {
      const here = of.filter((each) => isSame(each, load));
      here.sort((a, b) => (b.updatesPerSecond || 0) - (a.updatesPerSecond || 0));
      return section(`${store}: ${describe(load)}`, table([HEADING, ...here.map(row)], style), style);
    });
  });
  const verdicts = marks(all).map(({ store, text, value, target, verdict }) => [
    text,
    store,
    readable(value),
    target,
    verdict,
  ]);
  const judged = table([["mark", "store", "measured", "target", "verdict"], ...verdicts], style);
  const failed = all.filter(({ error }) => error !== undefined);
  const failures = failed.map(
    ({ store, contestant, error, ...load }) => `FAILED ${store} ${contestant}, ${describe(load)}: ${error}`,
  );
  return [...sections, section("Marks", judged, style), ...failures].join("\n\n");
}

export function loadsOf(all: readonly Measured[]): readonly Load[] {
  const loads: Load[] = [];
  for (const each of all) if (!loads.some((load) => isSame(load, each))) loads.push(each);
  return loads;
}

function row({ contestant, updatesPerSecond, attempts, p50, p99, lost }: Measured): readonly string[] {
  return [contestant, ...[updatesPerSecond, attempts, p50, p99, lost].map(readable)];
}

function section(title: string, body: string, style: Style): string {
  return style === "markdown" ? `### ${title}\n\n${body}` : `${title}\n\n${body}`;
}
