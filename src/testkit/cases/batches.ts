import assert from "node:assert/strict";
import type { Case } from "../case.ts";

/** A coordinator sends no more in one call. */
const CALL_MAX = 256;

export const batches: readonly Case[] = [
  {
    name: "batches: results come in the order of the requests, each on its own",
    async run(stage) {
      const [a, b] = await stage.joinMany(2);
      await b!.take("busy");
      await b!.take("other", { capacity: 9 });
      const requests = [
        a!.request("free"),
        a!.request("busy", { wait: false }),
        a!.request("busy"),
        a!.request("other", { capacity: 8 }),
        a!.request("free2", { permits: 2, capacity: 2 }),
      ];
      const admitted = await a!.backend.admit(requests);
      const kinds = admitted.results.map(({ kind }) => kind);
      assert.deepEqual(kinds, ["granted", "busy", "waiting", "mismatch", "granted"]);

      const ttlMs = 30_000;
      const renewed = await a!.backend.renew(
        requests.map(({ resource, leaseId }) => ({ resource, leaseId, ttlMs })),
      );
      const renewals = renewed.results.map(({ kind }) => kind);
      assert.deepEqual(renewals, ["renewed", "gone", "gone", "gone", "renewed"]);

      const released = await a!.backend.release(requests);
      const releases = released.results.map(({ kind }) => kind);
      assert.deepEqual(releases, ["released", "gone", "released", "gone", "released"]);
    },
  },
  {
    name: "batches: requests on one resource take effect in the order given",
    async run(stage) {
      const [a, b] = await stage.joinMany(2);
      const first = a!.request("r");
      const second = a!.request("r");
      const { results } = await a!.backend.admit([first, a!.request("s"), second, first]);
      assert.deepEqual(results.map(({ kind }) => kind), ["granted", "granted", "waiting", "granted"]);
      const released = await a!.backend.release([first, second, first]);
      assert.deepEqual(released.results.map(({ kind }) => kind), ["released", "released", "released"]);
      await b!.take("r", { wait: false });
    },
  },
  {
    name: "batches: may be empty, or large",
    async run(stage) {
      const a = await stage.join();
      assert.deepEqual((await a.backend.admit([])).results, []);
      assert.deepEqual((await a.backend.renew([])).results, []);
      assert.deepEqual((await a.backend.release([])).results, []);
      const many = Array.from({ length: CALL_MAX }, (_, at) => a.request(`r${at}`));
      const { results } = await a.backend.admit(many);
      assert.equal(results.filter(({ kind }) => kind === "granted").length, CALL_MAX);
      const tokens = await a.backend.release(many);
      assert.equal(tokens.results.filter(({ kind }) => kind === "released").length, CALL_MAX);
    },
  },
];
