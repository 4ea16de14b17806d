import { statSync } from "node:fs";
import type { Finding } from "../../backend.ts";
import { journalMode } from "./schema.ts";
import type { Store } from "./store.ts";
import { mayLoseCommits, sqliteVersion } from "./version.ts";

/** What is true of this file, this SQLite and this machine, and what follows. */
export function diagnose(store: Store): readonly Finding[] {
  const ofStore = [sqliteItself, journal, fileSystem, permissions, push];
  return [...ofStore.map((look) => look(store)), CLOCK];
}

const CLOCK: Finding = {
  level: "ok",
  subject: "clock",
  detail: "leases expire by this machine's wall clock, the same for all processes on the file",
};

function sqliteItself({ opened, guardsCheckpoints }: Store): Finding {
  const version = sqliteVersion(opened.database);
  const detail = `${opened.driver}, SQLite ${version}`;
  const subject = "driver";
  if (!mayLoseCommits(version)) return { level: "ok", subject, detail };
  const bug = `${detail}, which may lose commits when several processes checkpoint at once`;
  if (guardsCheckpoints) {
    return { level: "ok", subject, detail: `${bug}; Holdfast makes its own checkpoints, one at a time` };
  }
  return {
    level: "warning",
    subject,
    detail: bug,
    remedy: "give Holdfast the path instead of a handle, or use SQLite 3.51.3 or newer, as in Node 24",
  };
}

function journal({ opened, place }: Store): Finding {
  const mode = journalMode(opened.database);
  if (mode === "wal") return { level: "ok", subject: "journal", detail: "write-ahead log" };
  if (place.file === null) return { level: "ok", subject: "journal", detail: "none, it is in memory" };
  return {
    level: "danger",
    subject: "journal",
    detail: `journal mode is "${mode}": somebody changed it; readers and writers now block each other`,
    remedy: "stop all processes on the file and start again with Holdfast first",
  };
}

function fileSystem({ place }: Store): Finding {
  const subject = "file system";
  if (place.wasReplaced) {
    return {
      level: "danger",
      subject,
      detail: `"${place.file}" was deleted or replaced while open: processes work on different files`,
      remedy: "restart all processes that use it",
    };
  }
  const { remote } = place;
  if (remote === undefined) return { level: "ok", subject, detail: place.file ?? "in memory" };
  return {
    level: "danger",
    subject,
    detail: `"${place.file}" is on ${remote}, where SQLite's locks are not to be relied on`,
    remedy: "put the file on a local disk, or use a database server",
  };
}

function permissions({ place }: Store): Finding {
  const subject = "permissions";
  if (place.file === null) return { level: "ok", subject, detail: "only this process can reach it" };
  const found = statSync(place.file, { throwIfNoEntry: false });
  if (found === undefined) {
    const detail = `"${place.file}" is not there any more`;
    return { level: "danger", subject, detail, remedy: "restart all processes that use it" };
  }
  const mode = found.mode & 0o777;
  const detail = `mode ${mode.toString(8)}`;
  if ((mode & 0o002) === 0) return { level: "ok", subject, detail };
  return {
    level: "warning",
    subject,
    detail: `${detail}: every user of this machine may take and free locks, and write records`,
    remedy: `chmod o-w "${place.file}"`,
  };
}

function push({ wake }: Store): Finding {
  const subject = "push channel";
  if (wake.problem === undefined) {
    return { level: "ok", subject, detail: "other processes wake this one by a file it watches" };
  }
  return {
    level: "warning",
    subject,
    detail: `other processes cannot wake this one, which then waits longer: ${wake.problem}`,
    remedy: "let this user write beside the database; on Linux, raise fs.inotify.max_user_instances",
  };
}
