import { isDeepStrictEqual } from "node:util";
import { ConflictError } from "../errors.ts";
import { COUNT, checkTarget, statementsOf, type RowAtRevision } from "./conditional-update.ts";
import { dialectOf, rowsOf, type Row, type SqlExecutor } from "./executor.ts";
import { outsideTransaction } from "./outside-transaction.ts";

/**
 * Changes a row only if it is still at the revision at which it was read, adds 1 to the revision in the same
 * statement, and resolves with the row as it is then. Of several at once exactly one succeeds, at every level
 * of isolation and also outside of a transaction. `changes` may be empty: only the revision moves on.
 *
 * @throws ConflictError with the row as it is now in `theirs.value`, null if there is none. Nothing was
 * changed and the transaction stays usable. At REPEATABLE READ and above the database itself may refuse
 * instead (40001, 1020): use `retrying`
 * @throws TypeError, RangeError on bad arguments, before any I/O; RangeError if the key names several rows:
 * roll back
 */
export async function compareAndSet<R extends object = Record<string, unknown>>(
  tx: SqlExecutor,
  target: RowAtRevision,
  changes: Readonly<Record<string, unknown>>,
): Promise<R> {
  checkTarget(target, changes);
  const statements = statementsOf(await dialectOf(tx), target, changes);
  const [updateText, updateValues] = statements.update;
  const [readText, readValues] = statements.read;
  const updated = await rowsOf(tx, updateText, updateValues);
  let count = updated.length;
  let current = updated[0];
  if (current === undefined) {
    const [row] = await rowsOf(tx, readText, readValues);
    current = row;
    if (row !== undefined && COUNT in row) {
      const { [COUNT]: written, ...columns } = row;
      [count, current] = [Number(written), columns];
    }
  }
  if (count === 1) return current as R;
  if (count < 0) throw outsideTransaction("compareAndSet");
  const name = `${target.table}(${pairs(target.key)})`;
  if (count !== 0) throw new RangeError(`${name} is ${count} rows; name one by all columns of a unique key`);
  throw conflict(name, target, changes, current);
}

function conflict(
  name: string,
  { revision, revisionColumn = "revision" }: RowAtRevision,
  changes: Readonly<Record<string, unknown>>,
  current: Row | undefined,
): ConflictError<Row> {
  const base = String(revision);
  if (current === undefined) return new ConflictError(name, base, changes, null, []);
  const fields = Object.keys(changes).filter((column) => !isSame(changes[column], current[column]));
  const theirs = {
    key: name,
    value: current,
    revision: String(current[revisionColumn]),
    // A table of the caller's says neither when nor by whom.
    updatedAt: 0,
    author: null,
  };
  return new ConflictError<Row>(name, base, changes, theirs, fields.sort());
}

/** Clients read what they wrote as something else: "12.50" for 12.5, "7" for 7n. */
function isSame(mine: unknown, theirs: unknown): boolean {
  if (isDeepStrictEqual(mine, theirs)) return true;
  if (typeof mine === "object" || typeof theirs === "object") return false;
  return String(mine) === String(theirs) || (typeof mine === "number" && mine === Number(theirs));
}

const pairs = (key: Readonly<Record<string, unknown>>): string =>
  Object.entries(key)
    .map(([column, value]) => `${column}=${String(value)}`)
    .join(",");
