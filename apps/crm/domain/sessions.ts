import { wrongCredentials, type Account, type Accounts, type Session } from "./accounts.ts";
import { isSealed, newSecret, parseCookie, sameText, sealed, secretHash } from "./cookie.ts";
import { Refusal } from "./refusals.ts";

/** What happens to a session that is there at login: it ends, or the login is refused. */
export type OnConflict = "displace" | "reject";

export interface SessionLimits {
  /** A session ends when it was not used for this long. */
  readonly idleMs: number;
  /** … and this long after its login at the latest. */
  readonly absoluteMs: number;
  /** Use is written down at most this often: a look at a page should cost no write. */
  readonly touchMs: number;
}

const LIMITS: SessionLimits = { idleMs: 30 * 60_000, absoluteMs: 12 * 3_600_000, touchMs: 60_000 };

export interface SignedIn {
  readonly account: Account;
  readonly session: Session;
}

/**
 * At most one valid session per account, over all nodes. The session is a field of the account's record,
 * and a login is one conditional write of that record, which replaces it: two valid sessions, or two
 * logins that end each other, are no states that the record can be in. The lock around it only makes the
 * queue fair.
 */
export class Sessions {
  constructor(
    private readonly accounts: Accounts,
    private readonly limits: SessionLimits = LIMITS,
  ) {}

  /**
   * A new session, as the only one of its account, and its cookie.
   * @throws Refusal `wrong-credentials`; `session-exists` with `reject`
   */
  async open(
    email: string,
    password: string,
    onConflict: OnConflict,
  ): Promise<SignedIn & { cookie: string }> {
    const verified = await this.accounts.verify(email, password);
    const secret = newSecret();
    const account = await this.accounts.update(verified.id, (current) => {
      // Hashing takes its time, in which the password may have been changed.
      if (current.password.hash !== verified.password.hash) throw wrongCredentials();
      const now = Date.now();
      if (onConflict === "reject" && current.session !== null && this.#isLive(current.session, now)) {
        throw new Refusal(
          "session-exists",
          "somebody is signed in to this account; sign out there first",
        );
      }
      const epoch = current.epoch + 1;
      const session = { epoch, secretHash: secretHash(secret), openedAt: now, seenAt: now };
      return { ...current, epoch, session };
    });
    const cookie = sealed(account.id, account.epoch, secret, account.cookieKey);
    return { account, session: account.session!, cookie };
  }

  /** Who comes with this cookie. @throws Refusal that says why nobody does */
  async check(text: string | undefined): Promise<SignedIn> {
    const cookie = text === undefined ? null : parseCookie(text);
    const head = cookie === null ? null : await this.accounts.get(cookie.accountId);
    if (cookie === null || head === null || !isSealed(cookie, head.value.cookieKey)) {
      throw new Refusal("not-signed-in", "sign in first");
    }
    const account = head.value;
    const { session } = account;
    if (cookie.epoch < account.epoch) {
      throw new Refusal("session-displaced", "a newer login has taken the place of this session");
    }
    if (session === null || !sameText(session.secretHash, secretHash(cookie.secret))) {
      throw new Refusal("session-ended", "this session has ended; sign in again");
    }
    const now = Date.now();
    if (!this.#isLive(session, now)) {
      throw new Refusal("session-expired", "this session was not used for too long; sign in again");
    }
    if (now - session.seenAt < this.limits.touchMs) return { account, session };
    const seen = { ...session, seenAt: now };
    // If somebody else wrote meanwhile this is left out: the next look makes up for it.
    await this.accounts.replace(head, { ...account, session: seen });
    return { account, session: seen };
  }

  /**
   * Ends this very session. One that was opened since stays: the same write that ends it looks at the
   * epoch.
   */
  async end({ account, session }: SignedIn): Promise<void> {
    await this.accounts.update(account.id, (current) =>
      current.session?.epoch === session.epoch ? { ...current, session: null } : current,
    );
  }

  /** When it ends if it is not used any more, ms since 1970. */
  expiresAt(session: Session): number {
    const { idleMs, absoluteMs } = this.limits;
    return Math.min(session.seenAt + idleMs, session.openedAt + absoluteMs);
  }

  /** Clocks of nodes may differ by seconds, which half an hour forgives. */
  #isLive(session: Session, now: number): boolean {
    return now < this.expiresAt(session);
  }
}
