import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Service, startAll } from "../../src/app/services.ts";

function bench() {
  const story: string[] = [];
  const service = (name: string, fails: { start?: boolean; stop?: boolean } = {}): Service => ({
    name,
    start: () => (fails.start ? Promise.reject(new Error(`${name} cannot start`)) : told(`start ${name}`)),
    stop: () => (fails.stop ? Promise.reject(new Error(`${name} cannot stop`)) : told(`stop ${name}`)),
  });
  const told = (line: string) => {
    story.push(line);
    return Promise.resolve();
  };
  return { story, service };
}

describe("startAll", () => {
  it("starts in order and stops in reverse", async () => {
    const { story, service } = bench();
    const stop = await startAll([service("a"), service("b")]);
    await stop();
    assert.deepEqual(story, ["start a", "start b", "stop b", "stop a"]);
  });

  it("starts all or none: what was up is stopped, and the error is the one of the start", async () => {
    const { story, service } = bench();
    await assert.rejects(
      startAll([service("a"), service("b"), service("c", { start: true }), service("d")]),
      /c cannot start/,
    );
    assert.deepEqual(story, ["start a", "start b", "stop b", "stop a"]);
  });

  it("stops each, even when an earlier one fails, and says so at the end", async () => {
    const { story, service } = bench();
    const stop = await startAll([service("a"), service("b", { stop: true })]);
    await assert.rejects(stop(), AggregateError);
    assert.deepEqual(story, ["start a", "start b", "stop a"]);
  });
});
