import { randomBytes, scrypt, timingSafeEqual, type ScryptOptions } from "node:crypto";
import { Gate } from "./gate.ts";
import { digest } from "./ids.ts";

/** A password as it is kept: its cost stands beside it, so that the cost of new ones can be raised. */
export interface PasswordHash {
  readonly scheme: "scrypt";
  readonly N: number;
  readonly r: number;
  readonly p: number;
  readonly salt: string;
  readonly hash: string;
}

/** One of the settings that OWASP's Password Storage Cheat Sheet counts as equal; 32 MB each. */
const COST = { N: 2 ** 15, r: 8, p: 3 };
const LENGTH = 32;
const MEMORY_MAX = 64 * 1024 * 1024;

/** Hashing runs on libuv's few threads, which files and name look-ups need too. */
const gate = new Gate(2, 1_000);

/** Checks of the same password at the same time are one check: a storm of logins costs one hash. */
const checks = new Map<string, Promise<boolean>>();

/** Stands in for the hash of an account that does not exist; nothing hashes to it. */
const NOBODY: PasswordHash = {
  scheme: "scrypt",
  ...COST,
  salt: randomBytes(16).toString("base64url"),
  hash: randomBytes(LENGTH).toString("base64url"),
};

export async function hashPassword(password: string): Promise<PasswordHash> {
  const salt = randomBytes(16).toString("base64url");
  const hash = await derive(password, salt, COST);
  return { scheme: "scrypt", ...COST, salt, hash: hash.toString("base64url") };
}

/** False after the same time as for a wrong password when there is no account. */
export function isPassword(password: string, kept: PasswordHash = NOBODY): Promise<boolean> {
  const key = digest(password, kept.salt, kept.hash);
  let check = checks.get(key);
  if (check === undefined) {
    check = compare(password, kept).finally(() => checks.delete(key));
    checks.set(key, check);
  }
  return check;
}

async function compare(password: string, { N, r, p, salt, hash }: PasswordHash): Promise<boolean> {
  return timingSafeEqual(await derive(password, salt, { N, r, p }), Buffer.from(hash, "base64url"));
}

function derive(password: string, salt: string, cost: ScryptOptions): Promise<Buffer> {
  const run = (): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      // Unicode knows several ways to write the same letter; keyboards differ in the one they choose.
      scrypt(password.normalize("NFKC"), salt, LENGTH, { ...cost, maxmem: MEMORY_MAX }, (error, key) =>
        error === null ? resolve(key) : reject(error),
      );
    });
  return gate.pass(run);
}
