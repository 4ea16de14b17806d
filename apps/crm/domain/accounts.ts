import { randomBytes } from "node:crypto";
import { ConflictError, pessimistic, type Coordinator, type RecordHead, type Records } from "holdfast";
import { z } from "zod";
import { digest } from "./ids.ts";
import { hashPassword, isPassword, type PasswordHash } from "./passwords.ts";
import { Refusal } from "./refusals.ts";

export type Role = "admin" | "member";

/** The one session that an account may have; kept in the account, so that one write decides on both. */
export interface Session {
  /** Rises with each login: the higher one is the newer one. */
  readonly epoch: number;
  /** Of the cookie's secret; whoever reads the store cannot sign in with it. */
  readonly secretHash: string;
  /** By the node's wall clock, ms since 1970. */
  readonly openedAt: number;
  readonly seenAt: number;
}

export interface Account {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly role: Role;
  readonly password: PasswordHash;
  /** Proves that a cookie was once made for this account, also when it is out of date. */
  readonly cookieKey: string;
  /** Of the latest login; never falls, also while there is no session. */
  readonly epoch: number;
  readonly session: Session | null;
  readonly createdAt: string;
}

/** Addresses as mail servers take them, without a dot too: `root@localhost`. */
const email = z
  .string()
  .trim()
  .toLowerCase()
  .max(254)
  .regex(/^[^\s@]+@[^\s@]+$/, "must be an e-mail address");

/** Longer ones only cost time to hash. */
const PASSWORD_MAX = 1_024;

export const credentials = z.object({ email, password: z.string().min(1).max(PASSWORD_MAX) });

export const newAccount = z.strictObject({
  email,
  password: z.string().min(8).max(PASSWORD_MAX),
  name: z.string().trim().min(1).max(200).optional(),
  role: z.enum(["admin", "member"]).default("member"),
});

export type NewAccount = z.infer<typeof newAccount>;

/** How long a login waits for the logins of the same account before it. */
const WAIT_MS = 15_000;

/**
 * Accounts, one for each e-mail address: the record's key is a digest of the address, so that the store
 * itself refuses a second one.
 */
export class Accounts {
  readonly #records: Records<Account>;

  constructor(hf: Coordinator) {
    this.#records = hf.records<Account>("accounts");
  }

  get(id: string): Promise<RecordHead<Account> | null> {
    return this.#records.get(id);
  }

  async isEmpty(): Promise<boolean> {
    return (await this.#records.list({ limit: 1 })).length === 0;
  }

  /** @throws Refusal `email-taken` */
  async create({ email, password, name, role }: NewAccount, author?: string): Promise<Account> {
    const account: Account = {
      id: accountId(email),
      email,
      name: name ?? email,
      role,
      password: await hashPassword(password),
      cookieKey: randomBytes(32).toString("base64url"),
      epoch: 0,
      session: null,
      createdAt: new Date().toISOString(),
    };
    try {
      await this.#records.put(account.id, account, {
        ifRevision: null,
        ...(author === undefined ? {} : { author }),
      });
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      throw new Refusal("email-taken", `there is an account for ${email} already`);
    }
    return account;
  }

  /**
   * The account, if the password is its own.
   * @throws Refusal `wrong-credentials`, which does not say what is wrong
   */
  async verify(email: string, password: string): Promise<Account> {
    const account = (await this.#records.get(accountId(email)))?.value;
    const isRight = await isPassword(password, account?.password);
    if (account === undefined || !isRight) throw wrongCredentials();
    return account;
  }

  /** Changes an account. Fair when many want to at once; the conditional write alone decides. */
  async update(id: string, edit: (account: Account) => Account): Promise<Account> {
    const { record } = await this.#records.update(
      id,
      (account) => {
        if (account === null) throw new Refusal("not-signed-in", "this account is gone");
        return edit(account);
      },
      pessimistic({ waitMs: WAIT_MS, author: id }),
    );
    return record!.value;
  }

  /** Writes unless somebody else wrote since; says whether it did. */
  async replace(head: RecordHead<Account>, account: Account): Promise<boolean> {
    try {
      await this.#records.put(head.key, account, { ifRevision: head.revision, author: account.id });
      return true;
    } catch (error) {
      if (error instanceof ConflictError) return false;
      throw error;
    }
  }
}

export const accountId = (email: string): string => digest("account", email).slice(0, 22);

export const wrongCredentials = (): Refusal =>
  new Refusal("wrong-credentials", "no account has this e-mail address and password");
