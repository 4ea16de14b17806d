import type { Message, Participant } from "../participant.ts";
import { settle } from "../settle.ts";
import { SimulationFailure } from "./failure.ts";
import type { Push } from "./lock-model.ts";
import type { Program } from "./program.ts";

/**
 * Waits until the processes have heard all that these programs should make them hear, and fails if they do
 * not in good time, or have heard of a grant or a revocation that never was. Doubles do no harm.
 */
export async function checkPushes(
  programs: readonly Program[],
  processes: readonly Participant[],
): Promise<void> {
  const heard = new Set<string>();
  const read = processes.map(() => 0);
  const listen = (): void => {
    for (const [at, process] of processes.entries()) {
      const fresh = process.heard.slice(read[at]);
      for (const message of fresh) heard.add(`${process.session.processId} ${textOf(message)}`);
      read[at] = process.heard.length;
    }
  };
  const expected = new Set<string>();
  for (const program of programs) {
    for (const push of program.pushes) {
      const texts = textsOf(push);
      for (const text of texts) expected.add(text);
      const found = await settle(`to hear ${texts.join(" or ")}`, () => {
        if (!texts.some((text) => heard.has(text))) listen();
        return texts.some((text) => heard.has(text)) || undefined;
      }).catch(() => false);
      if (!found) throw failure(program, `not told: ${texts.join(" or ")}${insteadOf(texts, heard)}`);
    }
  }
  listen();
  for (const text of heard) {
    if (/^\S+ (granted|revoked)/.test(text) && !expected.has(text)) {
      const owner = programs.find(({ seed }) => text.includes(`"s${seed}:`)) ?? programs[0]!;
      throw failure(owner, `told without reason: ${text}`);
    }
  }
}

const failure = (program: Program, problem: string): SimulationFailure =>
  new SimulationFailure(problem, program.seed, []);

/** What was heard of the same kind about the same resource, lest one has to look for it. */
function insteadOf(texts: readonly string[], heard: ReadonlySet<string>): string {
  const [to, kind, resource, leaseId] = texts[0]?.split(" ") ?? [];
  const start = [to, kind, resource, ...(kind === "granted" ? [leaseId] : [])].join(" ");
  const alike = [...heard].filter((text) => text.startsWith(start)).slice(0, 5);
  return alike.length === 0 ? "" : `; but: ${alike.join("; ")}`;
}

/** The messages, one of which has to be heard. */
function textsOf(push: Push): readonly string[] {
  if (push.kind === "look") {
    const { to, resource, at } = push;
    return at.map((each) => `${to} ${textOf({ kind: "look", resource, at: each })}`);
  }
  const { to, ...message } = push;
  return [`${to} ${textOf(message)}`];
}

function textOf(message: Message): string {
  const resource = JSON.stringify(message.resource);
  switch (message.kind) {
    case "granted": {
      const { token, expiresAt, waiting } = message.grant;
      return `granted ${resource} ${message.leaseId} ${token} until ${expiresAt}, ${waiting} wait`;
    }
    case "revoked":
      return `revoked ${resource} ${message.leaseId} ${message.reason}`;
    case "contended":
      return `contended ${resource}`;
    case "look":
      return `look ${resource} at ${message.at}`;
  }
}
