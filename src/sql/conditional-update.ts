import type { SqlDialect } from "./executor.ts";
import { identifier, tableName } from "./identifiers.ts";

/** Which row, and what it must be like. */
export interface RowAtRevision {
  /** `table` or `schema.table`; quoted, so upper and lower case count. */
  readonly table: string;
  /** Columns that name one row, with their values: a primary key, all of it. */
  readonly key: Readonly<Record<string, unknown>>;
  /** What the row's revision was when it was read, as the client gave it. */
  readonly revision: number | bigint | string;
  /** The column, a whole number that is never null. Default `revision`. */
  readonly revisionColumn?: string;
}

/** How many rows the statement before has changed: MySQL and MariaDB return no rows from an UPDATE. */
export const COUNT = "holdfast_row_count";

export type Statement = readonly [text: string, values: unknown[]];

/** The change, and what reads the row as it is. */
export function statementsOf(
  dialect: SqlDialect,
  { table, key, revision, revisionColumn = "revision" }: RowAtRevision,
  changes: Readonly<Record<string, unknown>>,
): { readonly update: Statement; readonly read: Statement } {
  const isPostgres = dialect === "postgres";
  const column = (name: string): string => identifier(dialect, name, "a column's name");
  const from = tableName(dialect, table);
  const rev = column(revisionColumn);
  const place = (at: number): string => (isPostgres ? `$${at}` : "?");
  const equals = (columns: readonly string[], from: number): readonly string[] =>
    columns.map((name, index) => `${column(name)} = ${place(from + index)}`);

  const changed = Object.keys(changes);
  const keyed = Object.keys(key);
  const set = [...equals(changed, 1), `${rev} = ${rev} + 1`].join(", ");
  const where = equals(keyed, changed.length + 1).join(" AND ");
  const expected = place(changed.length + keyed.length + 1);
  // As text, so that no client has to know how to send 64 bits.
  const cast = isPostgres ? `CAST(CAST(${expected} AS text) AS bigint)` : `CAST(${expected} AS SIGNED)`;
  const update = `UPDATE ${from} SET ${set} WHERE ${where} AND ${rev} = ${cast}`;
  const keyValues = keyed.map((name) => key[name]);
  const values = [
    ...changed.map((name) => (isPostgres ? changes[name] : asColumn(changes[name]))),
    ...keyValues,
    String(revision),
  ];
  const alone = equals(keyed, 1).join(" AND ");
  return isPostgres
    ? {
        update: [`${update} RETURNING *`, values],
        read: [`SELECT * FROM ${from} WHERE ${alone}`, keyValues],
      }
    : {
        update: [update, values],
        // A locking read sees what is there now, at every level of isolation.
        read: [`SELECT ROW_COUNT() AS ${COUNT}, t.* FROM ${from} AS t WHERE ${alone} FOR UPDATE`, keyValues],
      };
}

/** "mysql2" makes SQL of objects and lists, which is never meant here: a column takes them as JSON. */
function asColumn(value: unknown): unknown {
  const isPlain = typeof value === "object" && value !== null && !isScalarObject(value);
  return isPlain ? JSON.stringify(value) : value;
}

const isScalarObject = (value: object): boolean => value instanceof Date || value instanceof Uint8Array;

/** @throws TypeError, RangeError */
export function checkTarget(target: RowAtRevision, changes: Readonly<Record<string, unknown>>): void {
  const { table, key, revision, revisionColumn = "revision" } = target;
  tableName("postgres", table);
  identifier("postgres", revisionColumn, "revisionColumn");
  if (typeof key !== "object" || key === null || Object.keys(key).length === 0) {
    throw new TypeError("key must name the row by its columns, such as { id: 42 }");
  }
  for (const [column, value] of Object.entries(key)) {
    identifier("postgres", column, "a column's name");
    if (value === undefined || value === null || (typeof value === "object" && !isScalarObject(value))) {
      const kind = value === null ? "null" : typeof value;
      throw new TypeError(`key.${column} must be a plain value, not ${kind}`);
    }
  }
  const isWhole =
    typeof revision === "number" ? Number.isSafeInteger(revision) : /^-?\d{1,19}$/.test(String(revision));
  if (!isWhole) {
    throw new RangeError(`revision must be a whole number as it was read, not ${String(revision)}`);
  }
  if (typeof changes !== "object" || changes === null || Array.isArray(changes)) {
    throw new TypeError("changes must be columns with their new values, such as { stage: 'won' }");
  }
  for (const [column, value] of Object.entries(changes)) {
    identifier("postgres", column, "a column's name");
    if (value === undefined) {
      throw new TypeError(`changes.${column} is undefined; write null, or leave it out`);
    }
    if (column === revisionColumn || column in key) {
      throw new TypeError(`changes must not have ${column}, which says which row at which revision is meant`);
    }
  }
}

