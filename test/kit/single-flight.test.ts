import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SingleFlight } from "../../src/kit/single-flight.ts";

describe("SingleFlight", () => {
  it("runs a task once for all who ask meanwhile, and again for who asks after", async () => {
    const flights = new SingleFlight<string, number>();
    let runs = 0;
    const task = () => {
      runs += 1;
      return Promise.resolve(runs);
    };
    assert.deepEqual(await Promise.all([flights.run("k", task), flights.run("k", task)]), [1, 1]);
    assert.equal(await flights.run("k", task), 2);
  });

  it("forgets a failed flight, also one that failed before its first await", async () => {
    const flights = new SingleFlight<string, number>();
    await assert.rejects(
      flights.run("k", () => {
        throw new Error("at once");
      }),
      /at once/,
    );
    assert.equal(await flights.run("k", () => Promise.resolve(3)), 3);
  });
});
