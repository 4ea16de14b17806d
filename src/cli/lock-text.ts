import { ALL } from "../backend.ts";
import type { LockView, RevokedView } from "../index.ts";

/** What kind of lock a capacity makes. */
export function kindText(capacity: number | null): string {
  if (capacity === null) return "free";
  if (capacity === 1) return "mutex";
  return capacity === ALL ? "read-write" : `${capacity} permits`;
}

/** What a place takes of it. */
export function shareText({ permits }: RevokedView, { capacity }: LockView): string {
  if (permits === capacity) return "exclusive";
  return capacity === ALL ? "shared" : `${permits} of ${capacity ?? "?"}`;
}
