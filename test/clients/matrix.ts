import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { tryRun } from "../e2e/support/programs.ts";
import { CASES, type Case } from "./cases.ts";
import { CACHE, CLIENTS } from "./catalogue.ts";
import type { Client } from "./client.ts";
import { ClientProcess } from "./client-process.ts";
import { S3_URL, STS_URL } from "./lab/addresses.ts";
import { startAws } from "./lab/aws.ts";
import { Lane } from "./lab/lane.ts";
import { demandOwnNamespace } from "./lab/namespace.ts";
import { Results } from "./results.ts";
import { matrixTable } from "./table.ts";
import { Trial } from "./trial.ts";

/** CLIENTS=boto3,js-v3 runs those alone. */
const chosen = process.env["CLIENTS"]?.split(",");
const clients = CLIENTS.filter(({ name }) => chosen === undefined || chosen.includes(name));

demandOwnNamespace();
const folder = mkdtempSync(join(tmpdir(), "taskrole-clients-"));
// A build meanwhile must not change what is tested.
const program = join(folder, "taskrole");
copyFileSync("dist/taskrole", program);
const aws = await startAws();
const lanes = [await Lane.open(1, program), await Lane.open(2, program)];
const free = [...lanes];
const results = new Results();

const environment = (client: Client): NodeJS.ProcessEnv => ({
  PATH: process.env["PATH"],
  LANG: "C.UTF-8",
  PYTHONDONTWRITEBYTECODE: "1",
  HOME: mkdtempSync(join(folder, "home-")),
  TMPDIR: folder,
  CLIENTS_CACHE: CACHE,
  AWS_REGION: "us-east-1",
  // What came before AWS_REGION.
  AWS_DEFAULT_REGION: "us-east-1",
  AWS_ENDPOINT_URL: STS_URL,
  AWS_ENDPOINT_URL_STS: STS_URL,
  AWS_ENDPOINT_URL_S3: S3_URL,
  ...client.env,
});

async function versionOf(client: Client): Promise<string> {
  const { code, stdout, stderr } = await tryRun(client.version, { env: environment(client) });
  assert.equal(code, 0, `${client.name} is not installed (bash test/clients/setup.sh): ${stderr}`);
  return /\d+\.\d[\w.+~-]*/.exec(stdout)?.[0] ?? stdout.trim();
}

/** Two at a time: one a host. */
describe("clients", { concurrency: lanes.length }, () => {
  for (const client of clients) describeClient(client);
});

function describeClient(client: Client): void {
  describe(client.name, { concurrency: 1 }, () => {
    let lane: Lane;
    let process: ClientProcess;
    before(async () => {
      lane = free.pop() ?? assert.fail("more clients at once than lanes");
      process = new ClientProcess(client, lane.inContainer, environment(client));
      results.begin(client, await versionOf(client));
    });
    after(async () => {
      await process.close();
      free.push(lane);
    });
    for (const given of CASES.filter(({ concerns }) => concerns?.(client) ?? true)) {
      const deviation = client.deviations?.[given.name];
      if (deviation?.outcome === "left out") {
        before(() => results.add(client, given.name, deviation));
      } else {
        const title = deviation ? "no credentials, and an end" : given.title;
        test(`${client.name}, ${given.name}: ${title}`, () => runCase(client, given, { lane, process }));
      }
    }
  });
}

interface Place {
  readonly lane: Lane;
  readonly process: ClientProcess;
}

async function runCase(client: Client, given: Case, { lane, process }: Place): Promise<void> {
  const own =
    given.env && new ClientProcess(client, lane.inContainer, { ...environment(client), ...given.env(client) });
  const trial = new Trial(given.name, { client, lane, aws, process: own ?? process });
  const deviation = client.deviations?.[given.name];
  const began = performance.now();
  const linesBefore = lane.log.length;
  const took = () => ({ tookMs: Math.round(performance.now() - began), ...trial.story });
  try {
    await lane.serve(given.tokens ?? client.tokens ?? "required");
    if (deviation) await inVain(trial);
    else await given.run(trial);
    results.add(client, given.name, { ...(deviation ?? { outcome: "ok" }), ...took() });
  } catch (error) {
    const because = error instanceof Error ? error.message : String(error);
    results.add(client, given.name, { outcome: "FAIL", because, ...took() });
    results.keepLog(client, given.name, lane.log.slice(linesBefore));
    throw error;
  } finally {
    await own?.close();
    await lane.remove();
  }
}

async function inVain(trial: Trial): Promise<void> {
  trial.appear();
  await trial.askInVain();
}

test("no request of a container reached the real metadata service", () => {
  const strangers = [...aws.metadataPeers].filter((peer) => lanes.some((lane) => lane.isContainer(peer)));
  assert.deepEqual(strangers, []);
  assert.ok(aws.metadataPeers.size > 0, "nobody asked it, not even the hosts");
});

after(async () => {
  results.write();
  console.log(matrixTable(results.all));
  await Promise.all(lanes.map((lane) => lane.close()));
  await aws[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});
