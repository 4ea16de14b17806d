import type {
  Admission,
  AdmitRequest,
  Finding,
  Guarantees,
  Inspection,
  LockBackend,
  Page,
  Place,
  Release,
  ReleaseRequest,
  Renewal,
  RenewRequest,
  Reply,
  RevokeRequest,
  Session,
} from "../../backend.ts";
import { BackendError } from "../../errors.ts";
import { diagnose } from "./diagnose.ts";
import { entering, looking, type Step } from "./entering.ts";
import { asBackendError, isLeaseMissing } from "./failure.ts";
import { revoke, steal } from "./forcing.ts";
import type { Gateway } from "./gateway.ts";
import { inspect, list } from "./looking-in.ts";
import { claim } from "./renewing.ts";
import { rounds } from "./rounds.ts";
import { clockNow } from "./timeline.ts";
import * as op from "./transaction.ts";
import { Work } from "./work.ts";

const GUARANTEES: Guarantees = Object.freeze({
  clock: "server",
  leases: "durable",
  fencing: "write",
  writes: "partition",
  feed: "partition",
  failover:
    "A majority of members has written every place before it is granted, so no failure of a minority loses " +
    "or doubles a lock; without a majority nothing is granted or renewed, and leases are lost in time.",
});

/** Locks in etcd, through its JSON gateway. */
export class EtcdBackend implements LockBackend {
  readonly name = "etcd";
  readonly guarantees = GUARANTEES;
  #work: Work | undefined;

  constructor(private readonly gateway: Gateway) {}

  open(session: Session): Promise<void> {
    return this.#run("open", async () => {
      const work = new Work(session, this.gateway);
      try {
        await work.open();
      } catch (error) {
        work.close();
        throw error;
      }
      this.#work = work;
    });
  }

  async close(): Promise<void> {
    this.#work?.close();
    this.gateway.close();
  }

  time(): Promise<number> {
    return this.#run("time", async () => {
      await this.#opened.transact(op.txn([], [op.get(this.#opened.keys.all)]));
      return clockNow();
    });
  }

  diagnose(): Promise<readonly Finding[]> {
    return this.#run("diagnose", () => diagnose(this.gateway));
  }

  admit(requests: readonly AdmitRequest[]): Promise<Reply<Admission>> {
    return this.#batch("admit", requests, (round) => this.#admit(round));
  }

  renew(requests: readonly RenewRequest[]): Promise<Reply<Renewal>> {
    return this.#batch("renew", requests, (round) => claim(this.#opened, round));
  }

  release(requests: readonly ReleaseRequest[]): Promise<Reply<Release>> {
    return this.#batch("release", requests, (round) => this.#release(round));
  }

  revoke(request: RevokeRequest): Promise<readonly Place[]> {
    return this.#run("revoke", () => revoke(this.#opened, request));
  }

  inspect(resource: string): Promise<Inspection> {
    return this.#run("inspect", () => inspect(this.#opened, resource));
  }

  list(page: Page): Promise<readonly Inspection[]> {
    return this.#run("list", () => list(this.#opened, page));
  }

  get #opened(): Work {
    if (this.#work !== undefined) return this.#work;
    throw new BackendError("etcd", "call", "not-applied", { detail: "it is not open" });
  }

  async #admit(requests: readonly AdmitRequest[]): Promise<readonly Admission[]> {
    try {
      return await this.#enter(requests);
    } catch (error) {
      if (!isLeaseMissing(error)) throw error;
      // It ran out while this process was paused. Nothing was applied.
      await this.#opened.leases.check();
      return this.#enter(requests);
    }
  }

  async #enter(requests: readonly AdmitRequest[]): Promise<readonly Admission[]> {
    const work = this.#opened;
    const steps = await Promise.all(requests.map((request) => this.#step(request)));
    const sent = steps.filter((step): step is Step => "txn" in step);
    for (const { holding } of sent) holding.unanswered += 1;
    let reply;
    try {
      reply = await together(work, sent.map(({ txn }) => txn));
    } catch (error) {
      const isRefused = asBackendError("admit", error).outcome === "not-applied";
      if (isRefused) for (const { holding } of sent) holding.unanswered -= 1;
      throw error;
    }
    for (const { holding } of sent) holding.unanswered -= 1;
    let at = 0;
    return Promise.all(
      steps.map((step) => {
        if (!("txn" in step)) return step;
        const own = reply.replies[at] as op.TxnReply;
        at += 1;
        return step.answered(own, reply.revision);
      }),
    );
  }

  /** What to send for a request; or its answer, where there is nothing to send. */
  async #step(request: AdmitRequest): Promise<Step | Admission> {
    const work = this.#opened;
    const { holdings } = work;
    const { leaseId, resource, steal: isTheft } = request;
    const known = holdings.find(resource, leaseId);
    if (known !== undefined && known.state !== "asking") return looking(work, known);
    if (known === undefined && holdings.howEnded(resource, leaseId) !== undefined) return { kind: "gone" };
    const holding = known ?? holdings.begin(request);
    return isTheft === true ? steal(work, holding) : entering(work, holding);
  }

  async #release(requests: readonly ReleaseRequest[]): Promise<readonly Release[]> {
    const work = this.#opened;
    const { holdings } = work;
    const there = requests.flatMap(({ resource, leaseId }) => holdings.find(resource, leaseId) ?? []);
    // Whatever becomes of this call: from now on its end is a release.
    for (const holding of there) holding.isLeaving = true;
    const { replies, revision } = await together(work, there.map((holding) => holdings.deletion(holding)));
    for (const [index, holding] of there.entries()) {
      const isDeleted = replies[index]?.succeeded === true;
      holdings.end(holding, isDeleted ? "released" : "gone", isDeleted ? revision : 0);
      if (isDeleted) work.wrote(revision);
    }
    return requests.map(({ resource, leaseId }) => {
      holdings.forget(resource, leaseId, "gone");
      return { kind: holdings.howEnded(resource, leaseId)?.how ?? "gone" };
    });
  }

  /** At most one request per resource goes in one transaction: its places are told apart by revision. */
  #batch<Request extends { readonly resource: string }, Result>(
    operation: string,
    requests: readonly Request[],
    run: (round: readonly Request[]) => Promise<readonly Result[]>,
  ): Promise<Reply<Result>> {
    return this.#run(operation, async () => {
      const now = clockNow();
      const results: Result[] = [];
      for (const round of rounds(requests)) {
        const answers = await run(round.map((index) => requests[index] as Request));
        for (const [at, index] of round.entries()) results[index] = answers[at] as Result;
      }
      return { now, results };
    });
  }

  async #run<Result>(operation: string, run: () => Promise<Result>): Promise<Result> {
    try {
      return await run();
    } catch (error) {
      throw asBackendError(operation, error);
    }
  }
}

/** Several transactions in one call. */
async function together(
  work: Work,
  txns: readonly op.Txn[],
): Promise<{ readonly revision: number; readonly replies: readonly op.TxnReply[] }> {
  const [first, ...more] = txns;
  if (first === undefined) return { revision: 0, replies: [] };
  const reply = await work.transact(more.length === 0 ? first : op.txn([], txns.map(op.nested)));
  const revision = Number(reply.header.revision);
  if (more.length === 0) return { revision, replies: [reply] };
  return { revision, replies: (reply.responses ?? []).map((each) => each.response_txn as op.TxnReply) };
}
