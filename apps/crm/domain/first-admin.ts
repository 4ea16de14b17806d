import { randomBytes } from "node:crypto";
import { accountId, credentials, type Accounts } from "./accounts.ts";
import { hashPassword, isPassword } from "./passwords.ts";
import { Refusal } from "./refusals.ts";
import { valid } from "./validation.ts";

/** Who may sign in first. `isGenerated`: made up in case there is no account yet. */
export interface FirstAdmin {
  readonly email: string;
  readonly password: string;
  readonly isGenerated: boolean;
}

/**
 * `created`, `reset` (it had another password or role) or `unchanged`; `others`: there are accounts
 * already.
 */
export type FirstAdminOutcome = "created" | "reset" | "unchanged" | "others";

export function generatedAdmin(): FirstAdmin {
  const password = randomBytes(12).toString("base64url");
  return { email: "admin@example.com", password, isGenerated: true };
}

/** @throws Refusal `invalid` */
export function givenAdmin(email: string, password: string): FirstAdmin {
  return { ...valid(credentials, { email, password }), isGenerated: false };
}

/**
 * Sees to it that somebody can sign in. A generated one is created in an empty store only; one that the
 * operator named gets this password whatever was there, which ends its session.
 */
export async function ensureAdmin(
  accounts: Accounts,
  { email, password, isGenerated }: FirstAdmin,
): Promise<FirstAdminOutcome> {
  if (isGenerated && !(await accounts.isEmpty())) return "others";
  for (;;) {
    const head = await accounts.get(accountId(email));
    if (head !== null) {
      if (isGenerated) return "others";
      const account = head.value;
      if (account.role === "admin" && (await isPassword(password, account.password))) return "unchanged";
      const kept = await hashPassword(password);
      const changed = { ...account, role: "admin" as const, password: kept, session: null };
      if (await accounts.replace(head, changed)) return "reset";
    } else {
      try {
        await accounts.create({ email, password, role: "admin" });
        return "created";
      } catch (error) {
        if (!(error instanceof Refusal)) throw error; // somebody else was first: look again
      }
    }
  }
}
