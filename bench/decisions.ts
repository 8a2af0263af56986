import { loadConfig } from "../src/app/config.ts";
import { grantSettings } from "../src/app/grant-settings.ts";
import { CredentialBroker } from "../src/broker/broker.ts";
import { staticWorkloads } from "../src/broker/static-workloads.ts";
import type { Workload } from "../src/core/workload.ts";
import { sleep } from "../src/kit/sleep.ts";
import { sessionCache } from "../test/support/sessions.ts";
import { met } from "./report.ts";
import { median, percentile } from "./statistics.ts";
import { milliseconds, table, whole } from "./table.ts";

/** What it takes to decide which role a workload may have; the same source on Node, without a request around it. */
export interface DecisionFigures {
  readonly rules: number;
  /** From the text of the setting to rules that decide. */
  readonly readMs: number;
  /** Microseconds of each workload's first decision. */
  readonly firstUs: readonly number[];
  /** Of each one's second. */
  readonly cachedUs: readonly number[];
}

const RULES = 10_000;
const WORKLOADS = 5_000;
const AIM_FIRST_MS = 1;

/** A team for each rule, told by its name, its label, or its images on a network that all share. */
const ruleAt = (i: number): object => ({
  match: [
    { name: `app-${i}-*` },
    { label: { team: `team-${i}` } },
    { image: `registry.example/team-${i}/*`, network: "apps" },
  ][i % 3],
  allow: [`arn:aws:iam::*:role/team-${i}/*`],
});

/** Of teams all over the list. */
function workloadAt(index: number): Workload {
  const i = (index * 7_919) % RULES;
  return {
    id: index.toString(16).padStart(64, "0"),
    name: `app-${i}-1`,
    startedAt: "2026-01-01T00:00:00Z",
    roleClaim: { text: `team-${i}/reader`, place: "label taskrole.role" },
    traits: {
      image: `registry.example/team-${i}/app:1`,
      imageId: `sha256:${"a".repeat(64)}`,
      labels: { team: `team-${i}`, "com.docker.compose.project": "apps" },
      networks: ["apps"],
      userNamespace: "",
    },
  };
}

/** @throws Error unless each workload has the role of its own team's rule */
export async function measureDecisions(): Promise<DecisionFigures> {
  const roleRules = JSON.stringify(Array.from({ length: RULES }, (_, i) => ruleAt(i)));
  const started = performance.now();
  const settings = grantSettings(loadConfig({ file: undefined, environment: {}, flags: { roleRules } }), "host-1");
  const readMs = performance.now() - started;
  const home = () => Promise.resolve({ partition: "aws", accountId: "111122223333" });
  const cache = sessionCache(() => Promise.reject(new Error("nobody asks STS here")), { now: Date.now });
  const parts = {
    resolver: staticWorkloads(new Map()),
    cache,
    settings,
    home,
    sleep,
    onRoleLost: () => {},
    uptime: Date.now,
    waitForStsMs: 350,
  };
  const broker = new CredentialBroker(parts);
  const workloads = Array.from({ length: WORKLOADS }, (_, i) => workloadAt(i));
  const firstUs = await timesOf(broker, workloads);
  return { rules: RULES, readMs, firstUs, cachedUs: await timesOf(broker, workloads) };
}

async function timesOf(broker: CredentialBroker, workloads: readonly Workload[]): Promise<readonly number[]> {
  const times: number[] = [];
  for (const workload of workloads) {
    const started = performance.now();
    const { roleArn } = await broker.grantFor(workload);
    times.push((performance.now() - started) * 1_000);
    const wanted = workload.roleClaim?.text ?? "";
    if (!roleArn.endsWith(`:role/${wanted}`)) throw new Error(`${workload.name} was given ${roleArn}`);
  }
  return times;
}

export function decisionsReport({ rules, readMs, firstUs, cachedUs }: DecisionFigures): string {
  const row = (name: string, us: readonly number[]) => [
    name,
    ...[median(us), percentile(us, 99), Math.max(...us)].map(milliseconds),
  ];
  return table([
    [`Decisions among ${whole(rules)} rules, ms`, "p50", "p99", "longest"],
    row(`first, of ${whole(firstUs.length)} workloads`, firstUs),
    row("again", cachedUs),
    ["(reading the rules)", whole(readMs)],
  ]);
}

export function decisionAimsReport({ firstUs }: DecisionFigures): string {
  const first = median(firstUs) / 1_000;
  return table([
    ["Aims", "aim", "measured", ""],
    ["first decision, p50, ms", `<= ${AIM_FIRST_MS}`, first.toFixed(2), met(first, AIM_FIRST_MS)],
  ]);
}
