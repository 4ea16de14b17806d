import { readable } from "../table.ts";
import { loadsOf } from "./report.ts";
import type { Load, Measured } from "./point.ts";

const WIDTH = 420;
const HEIGHT = 260;
const MARGIN = { left: 56, right: 12, top: 28, bottom: 34 };
const COLOURS = ["#0b6e4f", "#c1666b", "#48639c", "#8d6a9f", "#b08900", "#5b5b5b", "#9fb8ad"];

/** A page of curves over the number of writers: one for each store, number of records, processes, edit. */
export function page(all: readonly Measured[], machine: string): string {
  const charts = [...new Set(all.map(({ store }) => store))].map((store) => {
    const of = all.filter((each) => each.store === store);
    const names = [...new Set(of.map(({ contestant }) => contestant))];
    const figures = groups(of).map((group) => {
      const { records, editMs, processes } = group[0]!;
      const title = `${records} records, ${editMs} ms of edit, ${processes} processes`;
      return `<figure>${chart(group, names, title)}</figure>`;
    });
    const legend = names.map(
      (name, index) => `<span style="color:${COLOURS[index % COLOURS.length]}">■ ${escape(name)}</span>`,
    );
    return `<h2>${escape(store)}</h2><p>${legend.join(" ")}</p><div>${figures.join("")}</div>`;
  });
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Strategies</title>
<style>
body{font:14px system-ui;margin:2rem} figure{display:inline-block;margin:.5rem} text{font-size:11px}
</style>
<h1>Committed updates per second, over the number of writers</h1>
<p>${escape(machine)}. Both axes are logarithmic. <code>npm run bench -- strategies</code></p>
${charts.join("\n")}</html>
`;
}

function groups(all: readonly Measured[]): readonly (readonly Measured[])[] {
  const alike = (a: Load, b: Load): boolean =>
    a.records === b.records && a.editMs === b.editMs && a.processes === b.processes;
  const kinds: Load[] = [];
  for (const load of loadsOf(all)) if (!kinds.some((kind) => alike(kind, load))) kinds.push(load);
  return kinds.map((kind) => all.filter((each) => alike(each, kind)));
}

function chart(group: readonly Measured[], names: readonly string[], title: string): string {
  const valid = group.filter(({ updatesPerSecond }) => updatesPerSecond > 0);
  const x = scale(valid.map(({ writers }) => writers), MARGIN.left, WIDTH - MARGIN.right);
  const y = scale(
    valid.map(({ updatesPerSecond }) => updatesPerSecond),
    HEIGHT - MARGIN.bottom,
    MARGIN.top,
  );
  const lines = names.map((name, index) => {
    const colour = COLOURS[index % COLOURS.length];
    const own = valid.filter(({ contestant }) => contestant === name).sort((a, b) => a.writers - b.writers);
    const places = own.map((each) => [x.at(each.writers), y.at(each.updatesPerSecond), each] as const);
    const path = places.map(([left, top]) => `${left.toFixed(1)},${top.toFixed(1)}`).join(" ");
    const dots = places.map(([left, top, each]) => {
      const told = `${name}: ${readable(each.updatesPerSecond)}/s, p99 ${readable(each.p99)} ms`;
      const at = `cx="${left.toFixed(1)}" cy="${top.toFixed(1)}"`;
      return `<circle ${at} r="3" fill="${colour}"><title>${escape(told)}</title></circle>`;
    });
    return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>${dots.join("")}`;
  });
  const bottom = HEIGHT - MARGIN.bottom;
  const marksX = x.ticks.map(
    (tick) => `<text x="${x.at(tick)}" y="${bottom + 16}" text-anchor="middle">${tick}</text>`,
  );
  const marksY = y.decades.map((tick) => {
    const top = y.at(tick);
    const [x1, x2] = [MARGIN.left, WIDTH - MARGIN.right];
    const line = `<line x1="${x1}" x2="${x2}" y1="${top}" y2="${top}" stroke="#ddd"/>`;
    return `${line}<text x="${MARGIN.left - 6}" y="${top + 4}" text-anchor="end">${readable(tick)}</text>`;
  });
  const heading = `<text x="${MARGIN.left}" y="16">${escape(title)}</text>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" role="img">
${heading}${marksX.join("")}${marksY.join("")}${lines.join("")}</svg>`;
}

/** Logarithmic. */
function scale(values: readonly number[], from: number, to: number) {
  const [least, most] = [Math.min(...values), Math.max(...values)].map(Math.log10) as [number, number];
  const span = Math.max(most - least, 0.1);
  const decades: number[] = [];
  for (let power = Math.floor(least); power <= Math.ceil(most); power += 1) {
    if (power >= least - 0.05 && power <= most + 0.05) decades.push(10 ** power);
  }
  return {
    at: (value: number): number => from + ((Math.log10(value) - least) / span) * (to - from),
    ticks: [...new Set(values)],
    decades,
  };
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
