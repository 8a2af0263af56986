import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Refusal } from "../../src/core/failure.ts";
import { type AllowedPath, pathPolicy, verdictOn } from "../../src/core/path-policy.ts";
import { HostDocuments } from "../../src/upstream/host-documents.ts";
import { clock, refused } from "../support/workloads.ts";

const HOUR = 60 * 60_000;
const OPEN = pathPolicy({ allow: ["meta-data", "user-data"], deny: [] });

function allowed(text: string): AllowedPath {
  const verdict = verdictOn(OPEN, text.split("/"));
  if (verdict.kind === "document" || verdict.kind === "directory") return verdict.path;
  throw new Error(`${text} is not allowed`);
}

/** Upstream answers each question when the test says so, or at once. */
function bench({ atOnce = true } = {}) {
  const time = clock();
  const asked: string[] = [];
  const waiting: { readonly url: string; readonly answer: PromiseWithResolvers<Buffer | undefined> }[] = [];
  const world = new Map<string, string>();
  let outage: Refusal | undefined;
  const get = (url: string): Promise<Buffer | undefined> => {
    asked.push(url);
    if (outage) return Promise.reject(outage);
    const text = world.get(url);
    const body = text === undefined ? undefined : Buffer.from(text);
    if (atOnce) return Promise.resolve(body);
    const answer = Promise.withResolvers<Buffer | undefined>();
    waiting.push({ url, answer });
    return answer.promise;
  };
  const timers = new Set<() => void>();
  const sleep = (_ms: number, signal?: AbortSignal) =>
    new Promise<void>((resolve) => {
      timers.add(resolve);
      signal?.addEventListener("abort", () => timers.delete(resolve));
    });
  const documents = new HostDocuments({ upstream: { get }, now: time.now, sleep, waitMs: 400 });
  return {
    time,
    asked,
    waiting,
    world,
    timeOut: () => {
      for (const end of timers) end();
    },
    fail: (yes: boolean) => {
      outage = yes ? new Refusal({ kind: "upstream-unavailable", what: "x", reason: "it answered 500" }) : undefined;
    },
    read: async (path: string, version = "latest") => {
      const body = await documents.read(version, path === "" ? [] : allowed(path));
      return body && Buffer.from(body).toString();
    },
  };
}

describe("the host's documents", () => {
  it("are asked for once in hours where they cannot change", async () => {
    const { world, read, asked, time } = bench();
    world.set("latest/meta-data/instance-id", "i-1");
    for (let i = 0; i < 10; i += 1) assert.equal(await read("meta-data/instance-id"), "i-1");
    time.turn(2 * HOUR);
    assert.equal(await read("meta-data/instance-id"), "i-1");
    assert.equal(asked.length, 1);
    time.turn(2 * HOUR);
    await read("meta-data/instance-id");
    assert.equal(asked.length, 2);
  });

  for (const path of [
    "meta-data/spot/instance-action",
    "meta-data/events/recommendations/rebalance",
    "meta-data/autoscaling/target-lifecycle-state",
    "meta-data/tags/instance/Name",
    "meta-data",
  ]) {
    it(`are at most five seconds old: ${path}, present or absent`, async () => {
      const { world, read, asked, time } = bench();
      assert.equal(await read(path), undefined);
      world.set(`latest/${path}`, "now");
      time.turn(5_000);
      assert.equal(await read(path), "now");
      assert.equal(await read(path), "now");
      assert.equal(asked.length, 2);
      world.delete(`latest/${path}`);
      time.turn(5_000);
      assert.equal(await read(path), undefined);
    });
  }

  it("are believed to be absent for a minute, and what nobody knows to be static is a minute old", async () => {
    const { world, read, time } = bench();
    assert.equal(await read("user-data"), undefined);
    world.set("latest/user-data", "#!");
    world.set("latest/meta-data/something-new", "1");
    assert.equal(await read("user-data"), undefined);
    assert.equal(await read("meta-data/something-new"), "1");
    world.set("latest/meta-data/something-new", "2");
    time.turn(60_000);
    assert.equal(await read("user-data"), "#!");
    assert.equal(await read("meta-data/something-new"), "2");
  });

  it("are told apart by version and by name, and a name is encoded afresh", async () => {
    const { world, read, asked } = bench();
    world.set("1.0/meta-data/instance-id", "old").set("latest/meta-data/instance-id", "new").set("latest/", "dynamic");
    assert.equal(await read("meta-data/instance-id", "1.0"), "old");
    assert.equal(await read("meta-data/instance-id"), "new");
    assert.equal(await read(""), "dynamic");
    await read("", "");
    await read("meta-data/tags/instance/a b?c#d");
    assert.deepEqual(asked.slice(-2), ["", "latest/meta-data/tags/instance/a%20b%3Fc%23d"]);
  });

  it("are asked for by one request at a time each, whoever waits", async () => {
    const { world, read, asked, waiting } = bench({ atOnce: false });
    world.set("latest/meta-data/instance-id", "i-1");
    const readers = Array.from({ length: 100 }, () => read("meta-data/instance-id"));
    waiting[0]?.answer.resolve(Buffer.from("i-1"));
    assert.deepEqual(new Set(await Promise.all(readers)), new Set(["i-1"]));
    assert.equal(asked.length, 1);
  });

  it("are asked for eight at a time, whatever names are made up; too many are sent away", async () => {
    const { read, asked, waiting, timeOut } = bench({ atOnce: false });
    const readers = Array.from({ length: 300 }, (_, i) => refused(read(`meta-data/placement/${i}`)));
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(asked.length, 8);
    timeOut();
    const reasons = (await Promise.all(readers)).map((failure) => "reason" in failure && failure.reason);
    assert.equal(reasons.filter((reason) => reason === "too many other questions are waiting").length, 100);
    waiting[0]?.answer.resolve(undefined);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(asked.length, 9);
  });
});

describe("the host's documents while upstream is in trouble", () => {
  it("are a refusal after the caller's patience; the question goes on and its answer is kept", async () => {
    const { read, waiting, asked, timeOut } = bench({ atOnce: false });
    const first = refused(read("meta-data/instance-id"));
    await new Promise((resolve) => setImmediate(resolve));
    timeOut();
    const failure = await first;
    assert.equal(failure.kind, "upstream-unavailable");
    waiting[0]?.answer.resolve(Buffer.from("i-1"));
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(await read("meta-data/instance-id"), "i-1");
    assert.equal(asked.length, 1);
  });

  it("are still there where they cannot have changed, and refused where they can", async () => {
    const { world, read, time, fail } = bench();
    world.set("latest/meta-data/instance-id", "i-1").set("latest/meta-data/spot/instance-action", "stop");
    await read("meta-data/instance-id");
    await read("meta-data/spot/instance-action");
    time.turn(10 * HOUR);
    fail(true);
    assert.equal(await read("meta-data/instance-id"), "i-1");
    assert.equal((await refused(read("meta-data/spot/instance-action"))).kind, "upstream-unavailable");
    assert.equal((await refused(read("meta-data/ami-id"))).kind, "upstream-unavailable");
    fail(false);
    assert.equal(await read("meta-data/spot/instance-action"), "stop");
  });

  it("are not remembered as failed", async () => {
    const { world, read, fail, asked } = bench();
    fail(true);
    await refused(read("meta-data/ami-id"));
    fail(false);
    world.set("latest/meta-data/ami-id", "ami-1");
    assert.equal(await read("meta-data/ami-id"), "ami-1");
    assert.equal(asked.length, 2);
  });

  it("take no more memory however many names are made up", async () => {
    const { world, read, asked } = bench();
    world.set("latest/meta-data/ami-id", "ami-1");
    await read("meta-data/ami-id");
    for (let i = 0; i < 600; i += 1) await read(`meta-data/placement/${i}`);
    await read("meta-data/ami-id");
    assert.equal(asked.filter((url) => url.endsWith("ami-id")).length, 2, "the oldest was not let go");
    world.set("latest/user-data", "x".repeat(100_000));
    await read("user-data");
    await read("user-data");
    assert.equal(asked.filter((url) => url.endsWith("user-data")).length, 2, "a large document was kept");
  });
});
