import { parseArgs } from "node:util";
import { UsageFailure } from "./failure.ts";
import { nearest } from "./suggest.ts";

/** An option as `parseArgs` takes it, and as `--help` shows it. */
export interface Option {
  readonly type: "string" | "boolean";
  readonly short?: string;
  /** Stands for its value in `--help`. */
  readonly value?: string;
  readonly help: string;
}

export type Options = Readonly<Record<string, Option>>;

type Values<O extends Options> = {
  readonly [Name in keyof O]?: O[Name]["type"] extends "boolean" ? boolean : string;
};

export interface Arguments<O extends Options> {
  readonly values: Values<O>;
  readonly operands: readonly string[];
  /** What follows `--`; null without it. */
  readonly program: readonly string[] | null;
}

/** One command of the program: what it takes, what `--help` teaches about it, and what it does. */
export interface Command<O extends Options = Options> {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** What stands behind the options, for instance `LOCK -- CMD [ARG…]`. */
  readonly operands: string;
  /** How many operands there must be, at least and at most. */
  readonly operandCount: readonly [min: number, max: number];
  readonly takesProgram?: boolean;
  /** What it does, and what one must know to rely on it. Paragraphs. */
  readonly about: readonly string[];
  readonly options: O;
  readonly examples: readonly (readonly [line: string, meaning: string])[];
  readonly exits: readonly (readonly [code: string, meaning: string])[];
  /** Resolves with the exit code. */
  run(args: Arguments<O>): Promise<number>;
}

/** Keeps the types of the options for `run`. */
export function command<const O extends Options>(definition: Command<O>): Command<O> {
  return definition;
}

/** @throws UsageFailure */
export function parse<O extends Options>(
  target: Command<O>,
  argv: readonly string[],
): Arguments<O> {
  const split = argv.indexOf("--");
  const args = split < 0 ? [...argv] : argv.slice(0, split);
  const program = split < 0 ? null : argv.slice(split + 1);
  const usage = `holdfast ${target.name} [OPTION…] ${target.operands}`;
  if (program === null && target.takesProgram === true) {
    const [lock = "-", ...rest] = args;
    const example =
      lock.startsWith("-") || rest.length === 0
        ? usage
        : `holdfast ${target.name} ${lock} -- ${rest.join(" ")}`;
    throw new UsageFailure('"--" is missing between the lock and the command', `Write: ${example}`);
  }
  const { values, positionals } = parseOptions(target, args);
  const [min, max] = target.operandCount;
  if (positionals.length < min) throw new UsageFailure("an operand is missing", `Write: ${usage}`);
  const extra = positionals[max] ?? (target.takesProgram === true ? undefined : program?.[0]);
  if (extra !== undefined)
    throw new UsageFailure(`"${extra}" is one operand too many`, `Write: ${usage}`);
  return { values: values as Values<O>, operands: positionals, program };
}

function parseOptions(
  target: Command,
  args: string[],
): { values: object; positionals: readonly string[] } {
  try {
    return parseArgs({ args, options: target.options, allowPositionals: true });
  } catch (error) {
    throw notUnderstood(target, error instanceof Error ? error.message : String(error));
  }
}

function notUnderstood(target: Command, message: string): UsageFailure {
  const help = `\`holdfast ${target.name} --help\` shows all options.`;
  const unknown = /Unknown option '(-[^']*)'/.exec(message)?.[1];
  // The first line says what is wrong with a value; the others are about parseArgs itself.
  if (unknown === undefined) return new UsageFailure(message.split("\n")[0] ?? message, help);
  const meant = nearest(unknown.replace(/^-+/, ""), Object.keys(target.options));
  const hint = meant === undefined || !unknown.startsWith("--") ? "" : `Did you mean --${meant}? `;
  return new UsageFailure(`holdfast ${target.name} has no option ${unknown}`, hint + help);
}
