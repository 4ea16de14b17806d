import { LockTimeoutError, type Coordinator, type Lease, type Records } from "holdfast";
import { digest, newId } from "./ids.ts";
import { Refusal } from "./refusals.ts";

/** Whose request this is, of which kind, and the key that its sender gave it. */
export interface RequestKey {
  readonly account: string;
  readonly route: string;
  readonly key: string;
}

/** What is known of a request. `subject`: id of what it makes, chosen before anything was made. */
type Claim<Answer> = { readonly fingerprint: string; readonly subject: string } & (
  { readonly state: "running" } | { readonly state: "done"; readonly answer: Answer }
);

/**
 * Requests that take effect once, however often they are sent. A request is first written down with the
 * id of what it will make, then carried out under a lock, then written down with its answer, for good.
 *
 * Whether it runs still is not a matter of a flag, which would outlive a crash, but of the lock: a node
 * that dies loses it when its lease runs out, and the next one to ask carries the request out to its
 * end, with the same id.
 */
export class Idempotency {
  constructor(private readonly hf: Coordinator) {}

  /**
   * The answer to a request: the first time by `run`, afterwards as it was then. `run` may be repeated
   * after a crash, and must have one effect for one `subject`.
   * @throws Refusal `idempotency-key-reused` if the key stands for another body; `still-running`
   */
  async once<Answer>(
    request: RequestKey,
    body: unknown,
    run: (subject: string, lease: Lease) => Promise<Answer>,
  ): Promise<Answer> {
    const id = requestId(request);
    const claims = this.hf.records<Claim<Answer>>("requests");
    const fingerprint = digest(canonical(body));
    const known = same(fingerprint, (await claims.get(id))?.value);
    if (known?.state === "done") return known.answer;
    const lock = this.hf.mutex(lockName(request));
    try {
      return await lock.withLock((lease) => carryOut(claims, id, fingerprint, run, lease), {
        waitMs: 0,
      });
    } catch (error) {
      if (!(error instanceof LockTimeoutError) || error.resource !== lock.resource) throw error;
      throw new Refusal(
        "still-running",
        "the first request with this idempotency key has no answer yet",
      );
    }
  }
}

/** Held while a request is carried out. */
export const lockName = (request: RequestKey): string => `request:${requestId(request)}`;

const requestId = ({ account, route, key }: RequestKey): string => digest(account, route, key);

async function carryOut<Answer>(
  claims: Records<Claim<Answer>>,
  id: string,
  fingerprint: string,
  run: (subject: string, lease: Lease) => Promise<Answer>,
  fence: Lease,
): Promise<Answer> {
  const head = await claims.get(id);
  const known = same(fingerprint, head?.value);
  if (known?.state === "done") return known.answer;
  const subject = known?.subject ?? newId();
  const claim = { fingerprint, subject };
  const begun =
    head ?? (await claims.put(id, { ...claim, state: "running" }, { ifRevision: null, fence }));
  const at = { ifRevision: begun.revision, fence };
  let answer: Answer;
  try {
    answer = await run(subject, fence);
  } catch (error) {
    // A refusal changed nothing: the sender may mend the request and use the key again.
    if (error instanceof Refusal) await claims.delete(id, at);
    throw error;
  }
  await claims.put(id, { ...claim, state: "done", answer }, at);
  return answer;
}

function same<Answer>(fingerprint: string, claim: Claim<Answer> | undefined): Claim<Answer> | undefined {
  if (claim === undefined || claim.fingerprint === fingerprint) return claim;
  throw new Refusal("idempotency-key-reused", "this idempotency key was used for another request body");
}

/** JSON text that does not depend on the order in which fields were sent. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_name, each: unknown) =>
    typeof each === "object" && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  );
}
