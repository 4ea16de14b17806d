#!/usr/bin/env node
import { createRequire } from "node:module";
import { parse, type Command } from "./command.ts";
import { EXIT } from "./exit-codes.ts";
import { Failure, Interrupted, UsageFailure } from "./failure.ts";
import { nearest } from "./suggest.ts";
import { print, remark } from "./terminal.ts";

/** Every command is a file of its own, loaded when it is asked for. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  run: async () => (await import("./commands/run.ts")).run,
  elect: async () => (await import("./commands/elect.ts")).elect,
  ls: async () => (await import("./commands/ls.ts")).ls,
  inspect: async () => (await import("./commands/inspect.ts")).inspect,
  "force-release": async () => (await import("./commands/force-release.ts")).forceRelease,
  doctor: async () => (await import("./commands/doctor.ts")).doctor,
};

const HELP = new Set(["--help", "-h", "help"]);

async function main([word, ...argv]: readonly string[]): Promise<number> {
  if (word === "--version" || word === "-V") return show(version());
  if (word === undefined || HELP.has(word)) {
    const [about] = argv;
    if (about !== undefined) return main([about, "--help"]);
    const { programHelp } = await import("./help.ts");
    const text = programHelp(await Promise.all(Object.values(COMMANDS).map((load) => load())));
    if (word !== undefined) return show(text);
    throw new UsageFailure("no command was given", `\n${text}`);
  }
  const load = Object.hasOwn(COMMANDS, word) ? COMMANDS[word] : undefined;
  if (load === undefined) throw unknownCommand(word);
  const command = await load();
  const own = argv.includes("--") ? argv.slice(0, argv.indexOf("--")) : argv;
  if (own.includes("--help") || own.includes("-h")) {
    const { commandHelp } = await import("./help.ts");
    return show(commandHelp(command));
  }
  return command.run(parse(command, argv));
}

function show(text: string): number {
  print(text);
  return EXIT.ok;
}

function version(): string {
  const load = createRequire(import.meta.url);
  return (load("holdfast/package.json") as { readonly version: string }).version;
}

function unknownCommand(word: string): UsageFailure {
  const names = Object.keys(COMMANDS);
  const meant = nearest(word, names);
  const hint = meant === undefined ? `Commands: ${names.join(", ")}.` : `Did you mean ${meant}?`;
  return new UsageFailure(
    `there is no command "${word}"`,
    `${hint} \`holdfast --help\` explains them.`,
  );
}

async function report(error: unknown): Promise<number> {
  if (error instanceof Interrupted) return error.exitCode;
  if (error instanceof Failure) {
    remark(error.remedy === undefined ? error.message : `${error.message}\n  ${error.remedy}`);
    return error.exitCode;
  }
  const { BackendError } = await import("../index.ts");
  if (error instanceof BackendError) {
    remark(`${error.message}\n  Is the store up? Look closer with: holdfast doctor`);
    return EXIT.unavailable;
  }
  remark(`unexpected: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return EXIT.internal;
}

// Ends at once: a client of a store that hangs may keep a socket open for ever.
process.exit(await main(process.argv.slice(2)).catch(report));
