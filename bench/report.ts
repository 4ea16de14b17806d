import type { Cell } from "./cell.ts";
import { contestant } from "./lockers/contestants.ts";
import { judge } from "./judge.ts";
import type { Results } from "./results.ts";
import { readable, table, type Style } from "./table.ts";

/** The tables of the cells that were run, then the table of marks. */
export function report(results: Results, cells: readonly Cell[], style: Style): string {
  const sections = cells.map((cell) => {
    return section(`${cell.id} ${cell.title}`, cellTable(results, cell, style), style);
  });
  const marks = section("Marks", marksTable(results, cells, style), style);
  return [...sections, marks, ...failures(results)].join("\n\n");
}

function section(title: string, body: string, style: Style): string {
  return style === "markdown" ? `### ${title}\n\n${body}` : `${title}\n\n${body}`;
}

function cellTable(results: Results, cell: Cell, style: Style): string {
  const columns = results.columns(cell.id);
  const names = [...results.contestants(cell.id)];
  const [main = ""] = columns;
  const sign = cell.better === "more" ? -1 : 1;
  const rank = (name: (typeof names)[number]): number => {
    const value = results.median(cell.id, name, main);
    return Number.isNaN(value) ? Number.POSITIVE_INFINITY : sign * value;
  };
  names.sort((a, b) => rank(a) - rank(b));
  const rows = names.map((name) => [
    contestant(name).role === "holdfast" && style === "markdown" ? `**${name}**` : name,
    ...columns.map((column) => readable(results.median(cell.id, name, column))),
    String(results.of(cell.id, name).length),
  ]);
  return table([["contestant", ...columns, "rounds"], ...rows], style);
}

const MARKS_HEADING = [
  "mark",
  "holdfast",
  "other",
  "which",
  "judged",
  "in single rounds",
  "target",
  "verdict",
  "cell",
];

function marksTable(results: Results, cells: readonly Cell[], style: Style): string {
  const rows = judge(results, cells.map(({ id }) => id)).map((mark) => [
    mark.text,
    readable(mark.ours),
    mark.theirs === undefined ? "" : readable(mark.theirs),
    mark.against ?? "",
    readable(mark.value),
    !(mark.lowest < mark.highest) ? "" : `${readable(mark.lowest)} – ${readable(mark.highest)}`,
    mark.target,
    mark.verdict,
    mark.cell,
  ]);
  return table([MARKS_HEADING, ...rows], style);
}

function failures({ samples }: Results): readonly string[] {
  return samples
    .filter(({ error }) => error !== undefined)
    .map(({ cell, contestant: name, round, error }) => {
      const [firstLine] = (error ?? "").split("\n");
      return `FAILED ${cell} ${name}, round ${round}: ${firstLine}`;
    });
}
