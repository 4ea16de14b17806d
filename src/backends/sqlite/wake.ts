import { join } from "node:path";
import type { Session } from "../../backend.ts";
import type { Clock } from "../../clock.ts";
import { Line } from "./line.ts";
import { Mailbox } from "./mailbox.ts";
import { mailboxName, post, removeOrphans } from "./mailboxes.ts";
import { deliver, type Letter, type Message } from "./message.ts";

/** Coordinators of this process, by database, namespace and process id. */
const here = new Map<string, Session>();

/**
 * The push channel of one session: letters to coordinators of this process go straight to them,
 * others into the mailboxes of their processes beside the database.
 */
export class Wake {
  readonly #session: Session;
  readonly #key: (processId: string) => string;
  #mailbox: Mailbox | undefined;
  /** Why other processes cannot wake this one; then it finds out by asking, now and then. */
  problem: string | undefined;
  /** Where processes wait for the write lock until they are woken. */
  readonly line: Line | undefined;

  constructor(
    session: Session,
    /** The same for all who share the database. */
    database: string,
    /** Null: the database is this process's memory, nobody else can have it open. */
    readonly beside: { readonly directory: string; readonly mode: number } | null,
    clock: Clock,
    onTurn: () => void,
  ) {
    const { namespace, listener } = session;
    this.#session = session;
    this.#key = (processId) => JSON.stringify([database, namespace, processId]);
    here.set(this.#key(session.processId), session);
    if (beside === null) return;
    try {
      const { directory, mode } = beside;
      const name = mailboxName(namespace, session.processId);
      this.#mailbox = new Mailbox({
        directory,
        name,
        mode,
        onMail: (mail) => (mail.kind === "turn" ? onTurn() : deliver(listener, mail)),
        onGap: () => listener.look(),
      });
      this.line = new Line(join(directory, "line"), name, (mailbox) =>
        post(directory, mailbox, [{ kind: "turn" }]),
      );
      removeOrphans(directory, clock.wall());
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
    }
  }

  send(letters: readonly Letter[]): void {
    const outside = new Map<string, Message[]>();
    for (const { to, message } of letters) {
      const session = here.get(this.#key(to));
      if (session !== undefined) queueMicrotask(() => deliver(session.listener, message));
      else {
        const messages = outside.get(to);
        if (messages === undefined) outside.set(to, [message]);
        else messages.push(message);
      }
    }
    if (this.beside === null) return;
    for (const [to, messages] of outside) {
      post(this.beside.directory, mailboxName(this.#session.namespace, to), messages);
    }
  }

  close(): void {
    const key = this.#key(this.#session.processId);
    if (here.get(key) === this.#session) here.delete(key);
    this.#mailbox?.close();
  }
}
