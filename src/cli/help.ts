import type { Command, Options } from "./command.ts";
import { wrap } from "./wrap.ts";

const WIDTH = 80;

/** What `holdfast COMMAND --help` prints. */
export function commandHelp(command: Command): string {
  const { name, summary, operands, about, options, examples, exits } = command;
  return [
    `holdfast ${name}: ${summary}`,
    `Usage: holdfast ${name} [OPTION…]${operands === "" ? "" : ` ${operands}`}`,
    ...about.map((paragraph) => wrap(paragraph, WIDTH)),
    section("Options", optionRows(options)),
    ["Examples:", ...examples.map(([line, meaning]) => `  ${line}\n      ${meaning}`)].join("\n"),
    section("Exit status", exits),
  ].join("\n\n");
}

/** What `holdfast --help` prints. */
export function programHelp(commands: readonly Command[]): string {
  return [
    "holdfast: locks for processes, on the store that you already run",
    "Usage: holdfast COMMAND [OPTION…] [OPERAND…]",
    section(
      "Commands",
      commands.map(({ name, summary }) => [name, summary] as const),
    ),
    wrap(
      "The store is named by --url or by HOLDFAST_URL, for instance sqlite:./locks.db or " +
        "redis://127.0.0.1:6379; the application in it by --namespace or HOLDFAST_NAMESPACE.",
      WIDTH,
    ),
    "`holdfast COMMAND --help` explains a command; `holdfast --version` shows the version.",
  ].join("\n\n");
}

function optionRows(options: Options): readonly (readonly [string, string])[] {
  return Object.entries(options).map(([name, { short, value, help }]) => {
    const letter = short === undefined ? "    " : `-${short}, `;
    return [`${letter}--${name}${value === undefined ? "" : ` ${value}`}`, help];
  });
}

function section(title: string, rows: readonly (readonly [string, string])[]): string {
  const indent = Math.max(...rows.map(([term]) => term.length)) + 4;
  const lines = rows.map(([term, meaning]) => {
    const text = wrap(meaning, WIDTH - indent).replaceAll("\n", `\n${" ".repeat(indent)}`);
    return `  ${term.padEnd(indent - 2)}${text}`;
  });
  return [`${title}:`, ...lines].join("\n");
}
