import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { speakFromAnotherAddress } from "./support/another-address.ts";
import { CutSocket } from "./support/cut-socket.ts";
import { startLab } from "./support/lab.ts";
import { CREDENTIALS_PATH, type MetadataClient } from "./support/metadata-client.ts";
import { testThatNothingLeaked } from "./support/nothing-leaked.ts";
import { eventually, run } from "./support/programs.ts";

const lab = await startLab();
await lab.engine.docker("network", "create", "--ipv6", "--subnet", "fd00:6::/64", "six");
const plain = await lab.run({ role: "plain" });
const six = await lab.run({ role: "six", network: "six" });
const bothWays: readonly MetadataClient[] = [plain.metadata, six.metadata, six.metadata.over6];

/** What a container may meet where nobody answers: no connection at all, in whichever words of the kernel's. */
const NO_CONNECTION = ["ECONNREFUSED", "EHOSTUNREACH", "EACCES", "ECONNRESET", "timeout"];

async function assertRefused(): Promise<void> {
  for (const metadata of bothWays) {
    assert.equal((await metadata.ask({ path: CREDENTIALS_PATH }, 1_000)).status, "ECONNREFUSED");
  }
}

async function assertServed(): Promise<void> {
  assert.equal(await plain.role(), "plain");
  assert.equal(await six.role(), "six");
  assert.equal(await six.role(six.metadata.over6), "six");
}

const flush = () => run(lab.instance.onInstance("nft", "flush", "ruleset"));

test("the daemon killed: containers are refused, at once and not by time-out", async () => {
  await assertServed();
  await lab.daemon.kill();
  await assertRefused();
});

test("the daemon killed and every rule flushed: still refused, if slower", async () => {
  await flush();
  for (const metadata of bothWays) {
    const { status } = await metadata.ask({ path: CREDENTIALS_PATH }, 1_500);
    assert.ok(NO_CONNECTION.includes(`${status}`), `${status}`);
  }
});

test("a container started while there is neither daemon nor rule is refused too", async () => {
  const { token } = await (await lab.run({ role: "orphan", asksFirst: true })).firstWords();
  assert.ok(typeof token === "string" && NO_CONNECTION.includes(token), JSON.stringify(token));
});

test("the daemon started again: everyone is served", async () => {
  await lab.daemon.start();
  await assertServed();
});

test("the daemon restarted: a container's token and its credentials go on as if nothing had been", async () => {
  const token = await plain.metadata.token();
  for (const end of [lab.daemon.stop, lab.daemon.kill]) {
    await end();
    await assertRefused();
    await lab.daemon.start();
    const { status, body } = await plain.metadata.get(CREDENTIALS_PATH, token);
    assert.deepEqual([status, body], [200, "plain"]);
    await assertServed();
  }
});

test("the rules flushed under a running daemon come back by themselves, and nothing gets through meanwhile", async () => {
  await flush();
  await eventually(assertServed, 15_000);
});

test("dockerd killed: whom the daemon knows is served, and so again after dockerd is back", async () => {
  const before = await plain.metadata.credentials();
  await lab.engine.kill();
  for (let i = 0; i < 10; i++) {
    assert.deepEqual(await plain.metadata.credentials(), before);
    await sleep(100);
  }
  assert.equal(await six.role(), "six");
  await lab.engine.start();
  await eventually(assertServed, 10_000);
  assert.equal(await (await lab.run({ role: "newcomer", asksFirst: true })).role(), "newcomer");
});

test("dockerd gone: an address the daemon does not know gets 503, and all is well again when dockerd is back", async () => {
  const shifty = await lab.run({ role: "shifty", args: ["--cap-add", "NET_ADMIN"] });
  assert.equal(await shifty.role(), "shifty");
  await speakFromAnotherAddress(shifty, { address: "172.17.77.77", gateway: "172.17.0.1" });
  await lab.engine.kill();
  assert.equal((await shifty.metadata.askToken()).status, 503);
  assert.equal(await plain.role(), "plain");
  await lab.engine.start();
  await eventually(async () => assert.equal((await shifty.metadata.askToken()).status, 403), 10_000);
  await eventually(assertServed, 10_000);
});

test("the daemon restarted while dockerd is gone: 503 until dockerd is back, then everyone is served", async () => {
  await lab.engine.kill();
  await lab.daemon.stop();
  await lab.daemon.start();
  assert.equal((await plain.metadata.askToken()).status, 503);
  assert.equal((await six.metadata.over6.askToken()).status, 503);
  await lab.engine.start();
  await eventually(assertServed, 15_000);
});

test("STS down when a container starts: 503 with a reason for the operator, and credentials as soon as STS is back", async () => {
  await lab.ec2.stsGoesDown("refused");
  const early = await lab.run({ role: "early-bird" });
  const token = await early.metadata.token();
  const { status } = await early.metadata.get(`${CREDENTIALS_PATH}early-bird`, token);
  assert.equal(status, 503);
  await eventually(async () => {
    await early.metadata.get(`${CREDENTIALS_PATH}early-bird`, token);
    const kinds = lab.daemon.log.filter(({ container }) => container === early.name).map(({ refusal }) => refusal);
    assert.ok(kinds.includes("sts-unavailable"), kinds.join());
  }, 10_000);
  assert.equal((await plain.metadata.credentials()).roleName, "plain");
  await lab.ec2.stsComesBack();
  assert.equal(await eventually(() => early.role(), 15_000), "early-bird");
});

test("a container that leaves its network and joins it again, at the same address, while no event is heard is served after", async (t) => {
  const { docker, socket } = lab.engine;
  await docker("network", "create", "--subnet", "10.9.9.0/24", "fixed");
  const wire = new CutSocket(socket);
  await wire.listen();
  t.after(() => wire.close());
  await lab.daemon.stop();
  await lab.daemon.start({ "docker-endpoint": `unix://${wire.path}` });
  const mover = await lab.run({ network: "fixed", role: "mover", args: ["--ip", "10.9.9.9"] });
  assert.equal(await mover.role(), "mover");
  wire.cut();
  await docker("network", "disconnect", "fixed", mover.id);
  await docker("network", "connect", "--ip", "10.9.9.9", "fixed", mover.id);
  await sleep(1_100); // Docker repeats the events of the second of a subscription
  wire.mend();
  await eventually(async () => assert.equal(await mover.role(), "mover"), 15_000);
  await lab.daemon.stop();
  await lab.daemon.start();
});

testThatNothingLeaked(lab);
