import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { digest } from "./ids.ts";

/**
 * What a browser keeps: whose session, which one, a secret, and a seal. The secret makes it valid; the
 * seal only shows that it was valid once, so that a displaced user is told so while a stranger learns
 * nothing, not even whether the account exists.
 */
export interface Cookie {
  readonly accountId: string;
  readonly epoch: number;
  readonly secret: string;
  readonly seal: string;
}

const FORM = /^([\w-]{22})\.(\d{1,15})\.([\w-]{43})\.([\w-]{43})$/;

export const newSecret = (): string => randomBytes(32).toString("base64url");

export const secretHash = (secret: string): string => digest("session", secret);

export function sealed(accountId: string, epoch: number, secret: string, key: string): string {
  return [accountId, epoch, secret, seal(accountId, epoch, secret, key)].join(".");
}

export function parseCookie(text: string): Cookie | null {
  const match = FORM.exec(text);
  if (match === null) return null;
  const [, accountId = "", epoch = "", secret = "", seal = ""] = match;
  return { accountId, epoch: Number(epoch), secret, seal };
}

export const isSealed = ({ accountId, epoch, secret, seal: given }: Cookie, key: string): boolean =>
  sameText(given, seal(accountId, epoch, secret, key));

/** Takes the same time wherever they differ. Both are digests, so their length says nothing. */
export const sameText = (a: string, b: string): boolean =>
  a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));

function seal(accountId: string, epoch: number, secret: string, key: string): string {
  return createHmac("sha256", key).update(`${accountId}.${epoch}.${secret}`).digest("base64url");
}
