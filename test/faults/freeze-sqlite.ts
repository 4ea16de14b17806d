import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** Another process takes the file's write lock and keeps it. Returns the way to end that. */
export async function freezeSqlite(file: string): Promise<() => Promise<void>> {
  const child = fork(fileURLToPath(new URL("./sqlite-hog-process.js", import.meta.url)), [file]);
  await once(child, "message");
  return async () => {
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  };
}
