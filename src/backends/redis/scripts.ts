import { isMissingScript } from "./failure.ts";
import type { Connection } from "./client.ts";

/**
 * Scripts by name, run by the digest that the server gave for them. A server that has forgotten
 * one, by SCRIPT FLUSH, a restart or a failover, is sent its text again.
 */
export class Scripts<Name extends string> {
  readonly #connection: Connection;
  readonly #texts: Readonly<Record<Name, string>>;
  readonly #digests = new Map<Name, string>();

  constructor(connection: Connection, texts: Readonly<Record<Name, string>>) {
    this.#connection = connection;
    this.#texts = texts;
  }

  async load(): Promise<void> {
    const names = Object.keys(this.#texts) as Name[];
    const digests = await Promise.all(
      names.map((name) => this.#connection.send("", ["script", "load", this.#texts[name]])),
    );
    names.forEach((name, index) => this.#digests.set(name, String(digests[index])));
  }

  /**
   * `command`: room for the verb and the script, the number of keys, the keys, of which the first
   * decides on the node, the rest.
   */
  run(name: Name, command: string[]): Promise<unknown> {
    const key = command[3] ?? "";
    command[0] = "evalsha";
    command[1] = this.#digests.get(name) ?? "";
    return this.#connection.send(key, command).catch((cause: unknown) => {
      if (!isMissingScript(cause)) throw cause;
      command[0] = "eval";
      command[1] = this.#texts[name];
      return this.#connection.send(key, command);
    });
  }
}
