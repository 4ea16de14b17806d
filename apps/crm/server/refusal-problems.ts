import { StaleRevision, type Refusal, type RefusalKind } from "../domain/refusals.ts";
import { shownCustomer } from "./customer-view.ts";
import { entityTag } from "./entity-tags.ts";
import type { Problem } from "./problem.ts";

/** How the rules' refusals look over HTTP. */
const ANSWERS: { readonly [kind in RefusalKind]: Pick<Problem, "status" | "title" | "headers"> } = {
  invalid: { status: 422, title: "Something in the request is not valid" },
  "wrong-credentials": { status: 401, title: "Wrong e-mail address or password" },
  "not-signed-in": { status: 401, title: "Not signed in" },
  "session-displaced": { status: 401, title: "Signed in elsewhere" },
  "session-ended": { status: 401, title: "Signed out" },
  "session-expired": { status: 401, title: "Session expired" },
  "session-exists": { status: 409, title: "Signed in already" },
  forbidden: { status: 403, title: "Not allowed" },
  "not-found": { status: 404, title: "Not found" },
  "email-taken": { status: 409, title: "E-mail address is taken" },
  "stale-revision": { status: 412, title: "Changed by somebody else" },
  "idempotency-key-reused": { status: 422, title: "Idempotency key used before" },
  "still-running": { status: 409, title: "Still running", headers: { "retry-after": "1" } },
  busy: { status: 503, title: "Too busy", headers: { "retry-after": "1" } },
};

export function refusalProblem(refusal: Refusal): Problem {
  const problem = { ...ANSWERS[refusal.kind], type: refusal.kind, detail: refusal.message };
  if (refusal instanceof StaleRevision) {
    const { current } = refusal;
    const headers = { etag: entityTag(current.revision) };
    return { ...problem, headers, members: { current: shownCustomer(current) } };
  }
  if (refusal.fields.length > 0) return { ...problem, members: { errors: refusal.fields } };
  return problem;
}
