import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError, loadConfig } from "../../src/app/config.ts";
import { type Config, OPTION_NAMES, OPTIONS } from "../../src/app/options.ts";
import { Reloader, reloadPlan } from "../../src/app/reload.ts";

const config = (flags: Readonly<Record<string, unknown>> = {}): Config =>
  loadConfig({ file: "/dev/null", environment: {}, flags });
const SILENT = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

test("which settings wait for a restart: those that sockets, packet rules and long-lived parts are made from", () => {
  assert.deepEqual(
    OPTION_NAMES.filter((name) => OPTIONS[name].needsRestart),
    [
      ...[
        "listen",
        "dockerEndpoint",
        "metadataUrl",
        "interception",
        "guardedUplinks",
        "roleMapFile",
        "hostNetwork",
        "containerCgroups",
      ],
      ...["refusedUsers", "runtimeDirectory", "adminSocket", "compat", "mock", "mockInstanceId", "logFormat"],
    ],
  );
});

test("what decides about requests is taken over, what needs a restart stays, and each is named", () => {
  const running = config({ defaultRole: "a", listen: "[::]:9254" });
  const wanted = config({ defaultRole: "b", listen: "[::]:9300", accounts: '{"prod":"444455556666"}' });
  const plan = reloadPlan(running, wanted);
  assert.deepEqual(plan.applied, ["defaultRole", "accounts"]);
  assert.deepEqual(plan.needsRestart, ["listen"]);
  assert.deepEqual(plan.config, { ...wanted, listen: running.listen });
});

test("a setting that is as it was is not named, however it is written", () => {
  const plan = reloadPlan(config({ refusedUsers: '["1000"]' }), config({ refusedUsers: '["1000-1000"]' }));
  assert.deepEqual([plan.applied, plan.needsRestart], [[], []]);
});

// biome-ignore format: a row a line
const CREDENTIALS: readonly (readonly [string, string, "applied" | "needsRestart", string])[] = [
  ["open",  "token", "applied",      "asked at each request"],
  ["token", "open",  "applied",      "the same"],
  ["open",  "off",   "needsRestart", "its addresses are in the packet rules"],
  ["off",   "token", "needsRestart", "the same"],
];

for (const [from, to, where, because] of CREDENTIALS) {
  test(`containerCredentials from ${from} to ${to}: ${where}: ${because}`, () => {
    const plan = reloadPlan(config({ containerCredentials: from }), config({ containerCredentials: to }));
    assert.deepEqual(plan[where], ["containerCredentials"]);
    assert.equal(plan.config.containerCredentials, where === "applied" ? to : from);
  });
}

test("what waits is named until the restart, and not once it is taken back", () => {
  const [first, other] = [config(), config({ listen: "[::]:9300" })];
  let wanted = other;
  const reloader = new Reloader({ load: () => wanted, config: first, apply: () => {}, log: SILENT });
  for (let i = 0; i < 2; i++)
    assert.deepEqual(reloader.reload(), { kind: "reloaded", applied: [], needsRestart: ["listen"] });
  wanted = first;
  assert.deepEqual(reloader.reload(), { kind: "reloaded", applied: [], needsRestart: [] });
});

test("a wrong configuration changes nothing, and what was in force is what the next is compared with", () => {
  let load = (): Config => {
    throw new ConfigError(["config.yaml:3: regoin", "config.yaml:4: listen"]);
  };
  const applied: Config[] = [];
  const logged: object[] = [];
  const log = { ...SILENT, error: (fields: object) => logged.push(fields) };
  const reloader = new Reloader({ load: () => load(), config: config(), apply: (next) => applied.push(next), log });
  const problems = ["config.yaml:3: regoin", "config.yaml:4: listen"];
  assert.deepEqual(reloader.reload(), { kind: "refused", problems });
  assert.deepEqual([applied, logged], [[], [{ problems }]]);
  load = () => config({ defaultRole: "b" });
  assert.deepEqual(reloader.reload(), { kind: "reloaded", applied: ["defaultRole"], needsRestart: [] });
  assert.equal(applied[0]?.defaultRole, "b");
});

const TEMPLATED = {
  sessionName: (variable: string) => ({ sessionName: `{env:${variable}}` }),
  sessionTags: (variable: string) => ({ sessionTags: JSON.stringify({ stage: `{env:${variable}}` }) }),
  roleRules: (variable: string) => ({
    roleRules: JSON.stringify([{ match: {}, allow: ["*"], sessionTags: { stage: `{env:${variable}}` } }]),
  }),
} as const;

for (const [name, given] of Object.entries(TEMPLATED)) {
  test(`${name} waits for a restart when it names a variable that is not read of containers, and says so`, () => {
    const [running, wanted] = [config(), config({ ...given("STAGE"), defaultRole: "a" })];
    const plan = reloadPlan(running, wanted);
    assert.deepEqual([plan.applied, plan.needsRestart], [["defaultRole"], [name]]);
    assert.deepEqual(plan.because, [
      `${name} names {env:STAGE}: which variables are read of containers is settled at the start`,
    ]);
    assert.deepEqual(plan.config, { ...running, defaultRole: "a" });
  });

  test(`${name} does not wait when another template named the variable at the start`, () => {
    const sessionTags = JSON.stringify({ first: "{env:STAGE}" });
    const plan = reloadPlan(config({ sessionTags }), config({ sessionTags, ...given("STAGE") }));
    assert.deepEqual([plan.applied, plan.needsRestart, plan.because], [[name], [], undefined]);
  });
}

test("a variable that a reload took away is still read, and can come back without a restart", () => {
  const named = config({ sessionName: "{env:STAGE}" });
  let wanted = config();
  const reloader = new Reloader({ load: () => wanted, config: named, apply: () => {}, log: SILENT });
  const changed = { kind: "reloaded", applied: ["sessionName"], needsRestart: [] };
  assert.deepEqual(reloader.reload(), changed);
  wanted = named;
  assert.deepEqual(reloader.reload(), changed);
});
