import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type MockEc2Options, startMockEc2 } from "../../src/mock-ec2/mock-ec2.ts";
import { look, Sight } from "../../src/probe/sight.ts";
import { watch } from "../../src/probe/watch.ts";

const HOST_ROLE = "mock-ec2-host";

/** Where nothing protects it: the probe must see what there is to see. */
async function realService(options?: MockEc2Options) {
  const mock = await startMockEc2(options);
  const { hostname, port } = new URL(mock.metadataUrl);
  return { mock, at: { host: hostname, port: Number(port) } };
}

describe("what a container sees", () => {
  it("left alone with the real service it is the host, by version 1 as well, and its thief has the host's keys", async () => {
    const { mock, at } = await realService();
    const sight = await look(at, HOST_ROLE);
    await mock.close();
    assert.deepEqual(sight.token, { status: 200, body: "" });
    assert.deepEqual(sight.listing, { status: 200, body: HOST_ROLE });
    assert.deepEqual(sight.listingWithoutToken, { status: 200, body: HOST_ROLE });
    assert.equal(sight.credentials?.code, "Success");
    assert.match(sight.credentials?.accessKeyId ?? "", /^ASIA/);
    assert.ok(sight.theft?.accessKeyIds.includes(sight.credentials?.accessKeyId ?? ""));
  });

  it("tells nothing secret: neither token, nor secret key, nor session token", async () => {
    const { mock, at } = await realService();
    const text = JSON.stringify(await look(at, HOST_ROLE));
    await mock.close();
    assert.deepEqual(Sight.parse(JSON.parse(text)), JSON.parse(text));
    assert.doesNotMatch(text, /[A-Za-z0-9+/=_-]{40,}/);
  });

  it("says a service that wants tokens, and one that is not there", async () => {
    const { mock, at } = await realService({ mode: "v2-only" });
    assert.deepEqual((await look(at, HOST_ROLE)).listingWithoutToken, { status: 401, body: "" });
    await mock.close();
    const refused = { error: "ECONNREFUSED" };
    assert.deepEqual(await look(at, HOST_ROLE), { token: refused, listing: refused, listingWithoutToken: refused });
  });

  it("watches until it is told to stop, and counts what came", async () => {
    const { mock, at } = await realService();
    const stop = new AbortController();
    const watching = watch(at, stop.signal);
    await new Promise((resolve) => setTimeout(resolve, 400));
    await mock.close();
    await new Promise((resolve) => setTimeout(resolve, 400));
    stop.abort();
    const { answers, last } = await watching;
    assert.deepEqual(Object.keys(answers).toSorted(), ["ECONNREFUSED", `role ${HOST_ROLE}`]);
    assert.equal(last, "ECONNREFUSED");
  });
});
