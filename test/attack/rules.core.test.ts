import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { HOST_ROLE } from "../e2e/support/ec2.ts";
import { startLab } from "../e2e/support/lab.ts";
import { eventually, tryRun } from "../e2e/support/programs.ts";
import { AddressAlone } from "./support/address-alone.ts";
import { failsWith, succeedsWithout } from "./support/evidence.ts";
import { askersOf, type LoadCount, underLoad } from "./support/load.ts";

/** Somebody takes the rules away, reloads them or stops the daemon, while containers ask all the time. */
const lab = await startLab({ daemon: false });
await lab.engine.docker("network", "create", "--ipv6", "--subnet", "fd00:6::/64", "six");
const addressAlone = new AddressAlone(lab);
const { onInstance } = addressAlone;
const askers = [
  ...askersOf(await lab.run({ role: "one" }), { role: "one" }),
  ...askersOf(await lab.run({ role: "two", network: "six" }), { role: "two", hasIpv6: true }),
];
const RELOADS = 400;
/** A request that was under way is given up first. */
const LONGER_THAN_A_REQUEST_MS = 1_300;

interface Outcome extends LoadCount {
  /** Packets of containers that came to EC2's metadata service. */
  readonly atEc2: number;
  readonly hostRole: number;
}

async function during(happening: () => Promise<unknown>): Promise<Outcome> {
  const before = await lab.instance.strangersAtMetadata();
  const count = await underLoad(askers, happening);
  const atEc2 = (await lab.instance.strangersAtMetadata()) - before;
  return { ...count, atEc2, hostRole: count.wrong.filter((text) => text.endsWith(HOST_ROLE)).length };
}

const served = () =>
  eventually(async () => {
    for (const { metadata, role } of askers) assert.equal((await metadata.credentials()).roleName, role);
  }, 15_000);

/** The attack succeeds when containers were told the host's own role. */
async function reachesEc2(happening: () => Promise<unknown>): Promise<string> {
  await addressAlone.redirect();
  const { asked, hostRole } = await during(happening);
  assert.ok(hostRole > 0, `of ${asked} requests none reached EC2`);
  return `the host's role, in ${hostRole} of ${asked} answers`;
}

/** It fails when not a packet came to EC2, nobody was told another's name, and all are served again. */
async function reachesNobody(happening: () => Promise<unknown>): Promise<string> {
  await served();
  const { asked, right, wrong, atEc2 } = await during(happening);
  assert.deepEqual([wrong, atEc2], [[], 0]);
  assert.ok(asked > 0);
  await served();
  return `0 of ${asked} requests at EC2, 0 wrong, ${right} answered meanwhile`;
}

const times = async (count: number, what: () => Promise<unknown>): Promise<void> => {
  for (let i = 0; i < count; i++) await what();
};

await addressAlone.begin();

succeedsWithout("flush", () =>
  reachesEc2(() => onInstance(["nft", "flush ruleset"]).then(() => sleep(LONGER_THAN_A_REQUEST_MS))),
);
succeedsWithout("delete-table", () =>
  reachesEc2(() => addressAlone.removeRedirect().then(() => sleep(LONGER_THAN_A_REQUEST_MS))),
);
succeedsWithout("reload", () =>
  reachesEc2(() => times(50, () => addressAlone.removeRedirect().then(addressAlone.redirect))),
);

for (const [id, end] of [
  ["daemon-stopped", () => lab.daemon.stop()],
  ["daemon-killed", () => lab.daemon.kill()],
  ["daemon-hung", async () => lab.daemon.current.signal("SIGSTOP")],
] as const) {
  succeedsWithout(id, async () => {
    const said = await reachesEc2(async () => {
      await end();
      await addressAlone.removeRedirect();
      await sleep(LONGER_THAN_A_REQUEST_MS);
    });
    if (lab.daemon.current.isRunning) await lab.daemon.kill();
    await addressAlone.begin();
    return said;
  });
}

succeedsWithout("routing-rules", async () => {
  assert.equal((await lab.daemon.command("interception", "up")).code, 0);
  await onInstance(["nft", "flush ruleset"]);
  const blocked = await during(() => sleep(LONGER_THAN_A_REQUEST_MS));
  assert.deepEqual([blocked.hostRole, blocked.atEc2], [0, 0]);
  const { asked, hostRole } = await during(async () => {
    for (const rule of await ourRoutingRules()) await onInstance([...rule.command, "del", ...rule.selector]);
    await sleep(LONGER_THAN_A_REQUEST_MS);
  });
  assert.ok(hostRole > 0);
  return `the host's role, in ${hostRole} of ${asked} answers`;
});

test("with taskrole's interception in place of the redirect everyone is served", async () => {
  await addressAlone.redirect();
  await addressAlone.end();
  await served();
});

failsWith("flush", () => reachesNobody(() => times(5, () => onInstance(["nft", "flush ruleset"]).then(served))));

failsWith("delete-table", () =>
  reachesNobody(async () => {
    for (const table of ["inet taskrole", "bridge taskrole", "inet taskrole", "bridge taskrole"]) {
      await onInstance(["nft", `delete table ${table}`]);
      await served();
    }
  }),
);

failsWith("routing-rules", async () => {
  const rules = await ourRoutingRules();
  assert.ok(rules.length >= 10, `${rules.length} rules`);
  const said = await reachesNobody(async () => {
    for (const { command, selector } of rules) await onInstance([...command, "del", ...selector]);
    await eventually(async () => assert.equal((await ourRoutingRules()).length, rules.length), 15_000);
  });
  return `${said}; mended within seconds`;
});

failsWith("reload", async () => {
  const said = await reachesNobody(() =>
    times(RELOADS, async () => assert.equal((await lab.daemon.command("interception", "up")).code, 0)),
  );
  return `${said}, in ${RELOADS} reloads`;
});

failsWith("daemon-stopped", () => reachesNobody(() => endAndStart(lab.daemon.stop)));
failsWith("daemon-killed", () => reachesNobody(() => endAndStart(lab.daemon.kill)));
failsWith("daemon-hung", () =>
  reachesNobody(async () => {
    lab.daemon.current.signal("SIGSTOP");
    await sleep(2_000);
    lab.daemon.current.signal("SIGCONT");
    await served();
  }),
);

async function endAndStart(end: () => Promise<void>): Promise<void> {
  await end();
  await sleep(LONGER_THAN_A_REQUEST_MS);
  await onInstance(["nft", "flush ruleset"]);
  await sleep(LONGER_THAN_A_REQUEST_MS);
  await lab.daemon.start({ "metadata-tokens": "optional" });
  await served();
}

interface RoutingRule {
  readonly command: readonly string[];
  readonly selector: readonly string[];
}

/** "90:\tfrom all to 169.254.169.254 iif lo lookup main", as `ip rule` lists it and takes it back. */
async function ourRoutingRules(): Promise<readonly RoutingRule[]> {
  const rules: RoutingRule[] = [];
  for (const command of [
    ["ip", "rule"],
    ["ip", "-6", "rule"],
  ]) {
    const { stdout } = await tryRun(lab.instance.onInstance(...command));
    for (const [, preference = "", rest = ""] of stdout.matchAll(/^(9[01]):\s+(.+)$/gm)) {
      rules.push({ command, selector: ["pref", preference, ...rest.trim().split(" ")] });
    }
  }
  return rules;
}
