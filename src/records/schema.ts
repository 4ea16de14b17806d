import { InvalidValueError } from "../errors.ts";

/**
 * A validator as zod, valibot, ArkType and others have it: https://standardschema.dev, version 1. It must
 * answer at once; what it makes of a value (defaults, trimmed text) is what is kept, and must be valid
 * itself.
 */
export interface StandardSchema<Output> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => Validated<Output> | Promise<Validated<Output>>;
  };
}

type Validated<Output> =
  { readonly value: Output; readonly issues?: undefined } | { readonly issues: readonly StandardIssue[] };

interface StandardIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

export function checkSchema<T>(collection: string, schema: StandardSchema<T>): StandardSchema<T> {
  const standard = (schema as Partial<StandardSchema<T>> | undefined)?.["~standard"];
  if (standard?.version !== 1 || typeof standard.validate !== "function") {
    throw new TypeError(
      `the schema of "${collection}" is no Standard Schema (https://standardschema.dev): pass one of zod, ` +
        "valibot or ArkType, for instance",
    );
  }
  return schema;
}

/** What the schema makes of the value. @throws InvalidValueError with the paths of all faults */
export function validated<T>(schema: StandardSchema<T>, key: string, value: unknown): T {
  const result = schema["~standard"].validate(value);
  if (result instanceof Promise) {
    // Nobody else listens to it.
    result.catch(() => undefined);
    throw new TypeError(
      "the schema answers later (it is async): edits run at once, so check what takes time before " +
        `writing "${key}"`,
    );
  }
  if (result.issues === undefined) return result.value;
  const faults = result.issues.map(({ message, path = [] }) => ({ path: pointer(path), message }));
  throw new InvalidValueError(key, faults);
}

/** A JSON Pointer (RFC 6901). */
function pointer(path: NonNullable<StandardIssue["path"]>): string {
  const names = path.map((step) => String(typeof step === "object" ? step.key : step));
  return names.map((name) => `/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}
