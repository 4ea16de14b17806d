import type { PostgresClient } from "./client.ts";
import type { Statement } from "./statement.ts";

/** Of "pg", which has no types for it. */
interface PostgresConnection {
  readonly parsedStatements: Record<string, unknown>;
  /** Of late versions: those that are on their way. */
  readonly submittedNamedStatements?: Record<string, unknown>;
  readonly stream: { cork?(): void; uncork?(): void };
  parse(query: { readonly name: string; readonly text: string; readonly types: readonly number[] }): void;
  bind(to: {
    readonly portal: string;
    readonly statement: string;
    readonly values: readonly unknown[];
  }): void;
  execute(portal: { readonly portal: string; readonly rows: number }): void;
  sync(): void;
}


/**
 * A prepared statement that answers one text, in the form in which "pg" takes queries of others' making (as
 * pg-cursor does). Its own kind asks the server to describe each answer, and builds rows from that: more work
 * than the rest of a short step.
 */
class TextQuery {
  readonly name: string;
  readonly text: string;
  #answer = "";

  constructor(
    { name, text }: Statement,
    readonly values: readonly (string | null)[],
    /** The client puts its own in between, if it has a `query_timeout`. */
    readonly callback: (error: unknown, answer?: string) => void,
  ) {
    this.name = name;
    this.text = text;
  }

  submit(connection: PostgresConnection): void {
    const { name, text, values } = this;
    const { parsedStatements, submittedNamedStatements: submitted, stream } = connection;
    stream.cork?.();
    if (parsedStatements[name] === undefined && submitted?.[name] === undefined) {
      connection.parse({ name, text, types: [] });
      if (submitted !== undefined) submitted[name] = text;
    }
    connection.bind({ portal: "", statement: name, values });
    connection.execute({ portal: "", rows: 0 });
    connection.sync();
    stream.uncork?.();
  }

  handleDataRow({ fields }: { readonly fields: readonly unknown[] }): void {
    this.#answer = String(fields[0]);
  }

  handleReadyForQuery(): void {
    this.callback(null, this.#answer);
  }

  handleError(error: unknown): void {
    this.callback(error);
  }

  handleRowDescription(): void {}
  handleCommandComplete(): void {}
  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}
}

interface ProtocolClient {
  readonly connection: PostgresConnection;
  query(query: TextQuery): void;
}

/** Undefined: the client does not speak the protocol itself, as on top of libpq (pg-native). */
export function askText(
  client: PostgresClient,
  statement: Statement,
  values: readonly (string | null)[],
): Promise<string> | undefined {
  if (!speaksProtocol(client)) return undefined;
  return new Promise((resolve, reject) => {
    const settle = (error: unknown, answer = ""): void => (error === null ? resolve(answer) : reject(error));
    client.query(new TextQuery(statement, values, settle));
  });
}

function speaksProtocol(client: object): client is ProtocolClient {
  const { connection } = client as Partial<ProtocolClient>;
  return typeof connection?.bind === "function" && typeof connection.parsedStatements === "object";
}
