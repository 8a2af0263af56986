import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startLab } from "./support/lab.ts";
import { testThatNothingLeaked } from "./support/nothing-leaked.ts";
import { eventually } from "./support/programs.ts";

/** Rule 3: a workload with valid cached credentials never sees an error because something else is down. */
const lab = await startLab();
await lab.engine.docker("network", "create", "--ipv6", "--subnet", "fd00:6::/64", "six");
const workloads = [await lab.run({ role: "cached" }), await lab.run({ role: "cached-six", network: "six" })];
const clients = workloads.flatMap(({ metadata }, i) => (i === 0 ? [metadata] : [metadata, metadata.over6]));
const cached = await Promise.all(clients.map((client) => client.credentials()));

/** What botocore and the SDK for JavaScript wait for one answer, and they do not ask again. */
const PATIENCE_MS = 1_000;

async function assertServedAsBefore(rounds = 5): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    assert.deepEqual(await Promise.all(clients.map((client) => client.credentials(PATIENCE_MS))), cached);
    await sleep(100);
  }
}

const { ec2, engine } = lab;
const OUTAGES = {
  "STS refusing connections": { begins: () => ec2.stsGoesDown("refused"), ends: ec2.stsComesBack },
  "STS silent": { begins: () => ec2.stsGoesDown("silent"), ends: ec2.stsComesBack },
  "the host's metadata service refusing connections": {
    begins: () => ec2.metadataGoesDown("refused"),
    ends: ec2.metadataComesBack,
  },
  "the host's metadata service silent": { begins: () => ec2.metadataGoesDown("silent"), ends: ec2.metadataComesBack },
  "dockerd killed": { begins: engine.kill, ends: engine.start },
  "dockerd stopped": { begins: engine.stop, ends: engine.start },
  "dockerd hanging": { begins: engine.freeze, ends: engine.thaw },
};

for (const [name, { begins, ends }] of Object.entries(OUTAGES)) {
  test(`${name}: whoever has credentials keeps getting them, during it and after`, async () => {
    await begins();
    try {
      await assertServedAsBefore();
    } finally {
      await ends();
    }
    await assertServedAsBefore(2);
  });
}

test("everything down at once: the same", async () => {
  await Promise.all([ec2.stsGoesDown("silent"), ec2.metadataGoesDown("silent"), engine.kill()]);
  await assertServedAsBefore(10);
  await Promise.all([ec2.stsComesBack(), ec2.metadataComesBack(), engine.start()]);
  await assertServedAsBefore(2);
  assert.equal(await eventually(async () => (await lab.run({ role: "newcomer" })).role()), "newcomer");
});

test("a neighbour whose role STS refuses, asking without pause, costs the others nothing", async () => {
  const refused = await lab.run({ role: "arn:aws:iam::999999999999:role/out-of-reach" });
  let isOver = false;
  const flood = (async () => {
    const token = await refused.metadata.token();
    while (!isOver) await refused.metadata.get("/latest/meta-data/iam/security-credentials/out-of-reach", token);
  })();
  const callsBefore = ec2.assumeRoleCalls;
  await assertServedAsBefore(10);
  isOver = true;
  await flood;
  assert.ok(ec2.assumeRoleCalls - callsBefore <= 5, "and STS next to nothing");
});

testThatNothingLeaked(lab);
