import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Mutant } from "./mutant.ts";

const DIST = fileURLToPath(new URL("../../../dist", import.meta.url));
const JUDGE = fileURLToPath(new URL("judge.js", import.meta.url));
/** Inside the project, so that a copy finds the drivers that are installed here. */
const COPIES = fileURLToPath(new URL("../../mutant-", import.meta.url));

const JUDGE_MAX_MS = 120_000;

export interface Verdict {
  /** How often the text to be replaced occurs. */
  readonly found: number;
  /** By whom it was caught; empty: by nobody. */
  readonly caught: string;
}

/** Makes a copy of dist/ with this bug, or without any, and has it judged. */
export async function tryMutant(
  subject: string,
  mutant: Mutant | undefined,
  environment: NodeJS.ProcessEnv = {},
): Promise<Verdict> {
  const copy = await mkdtemp(COPIES);
  try {
    await cp(DIST, copy, { recursive: true, filter: (path) => !/\.(d\.ts|tsbuildinfo)$/.test(path) });
    if (mutant === undefined) return { found: 1, caught: await judge(copy, subject, environment) };
    const path = `${copy}/${mutant.file}`;
    const [before, ...after] = (await readFile(path, "utf8")).split(mutant.find);
    if (after.length !== 1) return { found: after.length, caught: "" };
    await writeFile(path, `${before}${mutant.replace}${after[0]}`);
    return { found: 1, caught: await judge(copy, subject, environment) };
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

function judge(copy: string, subject: string, environment: NodeJS.ProcessEnv): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { timeout: JUDGE_MAX_MS, env: { ...process.env, ...environment } };
    execFile(process.execPath, [JUDGE, copy, subject], options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else if (error.killed === true) resolve(`time: not judged within ${JUDGE_MAX_MS} ms`);
      else reject(new Error(`the judge failed, which is no verdict: ${stderr}`));
    });
  });
}
