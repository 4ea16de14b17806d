import type { Reply } from "../../backend.ts";
import { BackendError } from "../../errors.ts";
import type { Step, Transaction, Writer } from "./writer.ts";

/**
 * A call whose requests are independent steps, so that a long one may take several transactions.
 */
export function submitEach<Request, Result>(
  writer: Writer,
  operation: string,
  requests: readonly Request[],
  run: (request: Request, transaction: Transaction) => Result,
): Promise<Reply<Result>> {
  if (requests.length === 0) return Promise.resolve({ now: writer.options.storeNow(), results: [] });
  return new Promise((resolve, reject) => {
    const results: Result[] = [];
    let committed = 0;
    let over = false;
    const steps = requests.map((request, index): Step => ({
      operation,
      run(transaction) {
        if (!over) results[index] = run(request, transaction);
      },
      committed({ now }) {
        committed += 1;
        if (committed === requests.length) resolve({ now, results });
      },
      failed(error) {
        over = true;
        const { outcome, cause } = error;
        const unknown = committed > 0 && outcome === "not-applied";
        reject(unknown ? new BackendError("sqlite", operation, "unknown", { cause }) : error);
      },
    }));
    writer.submit(steps);
  });
}

/** A call that is one step. */
export function submitOne<Result>(
  writer: Writer,
  operation: string,
  run: (transaction: Transaction) => Result,
): Promise<Result> {
  return submitEach(writer, operation, [undefined], (_, transaction) => run(transaction)).then(
    ({ results }) => results[0] as Result,
  );
}
