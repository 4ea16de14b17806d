export type Style = "text" | "markdown";

/** Rows under a heading, columns aligned; the first column to the left, numbers to the right. */
export function table(rows: readonly (readonly string[])[], style: Style): string {
  const [heading = []] = rows;
  const widths = heading.map((_, column) => {
    return Math.max(...rows.map((row) => (row[column] ?? "").length));
  });
  const line = (row: readonly string[]): string => {
    const padded = widths.map((width, column) => {
      const text = row[column] ?? "";
      return column === 0 ? text.padEnd(width) : text.padStart(width);
    });
    return style === "markdown" ? `| ${padded.join(" | ")} |` : padded.join("  ").trimEnd();
  };
  const rule = widths.map((width, column) => {
    const dashes = "-".repeat(Math.max(3, width));
    return column === 0 || style === "text" ? dashes : `${dashes.slice(1)}:`;
  });
  const [first, ...others] = rows.map(line);
  return [first, line(rule), ...others].join("\n");
}

/** Three significant digits, or all of them from a thousand on. */
export function readable(value: number): string {
  if (Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return "∞";
  const whole = Number.isInteger(value) || Math.abs(value) >= 100;
  return whole ? Math.round(value).toLocaleString("en") : value.toPrecision(3);
}
