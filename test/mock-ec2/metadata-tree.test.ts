import assert from "node:assert/strict";
import { test } from "node:test";
import { instanceFrom } from "../../src/mock-ec2/world.ts";
import { assertGolden } from "./golden.ts";
import { metadataBench } from "./metadata-bench.ts";
import { NOON, worldOf } from "./sts-bench.ts";

type Get = ReturnType<typeof metadataBench>["get"];

/** Every path that a crawler finds, as cloud-init crawls: each listed entry must answer. */
function crawl(get: Get, directory: string): string[] {
  const answer = get(directory);
  assert.equal(answer.status, 200, directory);
  return answer.body.split("\n").flatMap((entry) => {
    const path = `${directory}${entry}`;
    if (entry.endsWith("/") || directory === "/") return crawl(get, path.endsWith("/") ? path : `${path}/`);
    const leaf = directory.endsWith("/public-keys/") ? `${directory}${entry.split("=")[0]}/openssh-key` : path;
    const { status, body } = get(leaf);
    assert.equal(status, 200, leaf);
    return [`${leaf} ${JSON.stringify(body)}`];
  });
}

const full = worldOf({
  instance: instanceFrom({
    role: "fleet/host",
    region: "eu-central-1",
    userData: "#!/bin/sh\n",
    tags: { Name: "host 7", "team.x": "" },
    lifecycle: "spot",
    spotInterruption: { action: "terminate", time: NOON },
    rebalanceNoticeTime: NOON,
    autoscalingState: "InService",
  }),
});

test("the whole tree, with everything that can be there", () => {
  const { get } = metadataBench({ world: full });
  assertGolden(
    "tree-full.txt",
    `${[...crawl(get, "/latest/dynamic/"), ...crawl(get, "/latest/meta-data/")].join("\n")}\n`,
  );
});

test("the whole tree of a plain instance lists nothing that is not there", () => {
  const { get } = metadataBench();
  const paths = [...crawl(get, "/latest/dynamic/"), ...crawl(get, "/latest/meta-data/")].map(
    (line) => line.split(" ")[0],
  );
  assertGolden("tree-plain.txt", `${paths.join("\n")}\n`);
  assert.equal(get("/latest/").body, "dynamic\nmeta-data");
  assert.equal(metadataBench({ world: full }).get("/latest").body, "dynamic\nmeta-data\nuser-data");
});

test("every listed version answers alike", () => {
  const { get } = metadataBench();
  const versions = get("/").body.split("\n");
  assert.equal(versions.at(-1), "latest");
  assert.deepEqual(versions.slice(0, -1), versions.slice(0, -1).toSorted());
  for (const version of versions) {
    assert.equal(get(`/${version}/meta-data/`).body, get("/latest/meta-data").body, version);
  }
});

test("an interruption that only stops has no termination time", () => {
  const spotInterruption = { action: "stop", time: NOON } as const;
  const { get } = metadataBench({ world: worldOf({ instance: instanceFrom({ spotInterruption }) }) });
  assert.equal(get("/latest/meta-data/spot/").body, "instance-action");
  assert.equal(get("/latest/meta-data/spot/instance-action").body, '{"action":"stop","time":"2030-01-02T03:04:05Z"}');
});

test("host names and domains follow the region", () => {
  for (const [region, hostname, publicHostname, domain] of [
    ["us-east-1", "ip-172-31-16-42.ec2.internal", "ec2-203-0-113-25.compute-1.amazonaws.com", "amazonaws.com"],
    [
      "cn-north-1",
      "ip-172-31-16-42.cn-north-1.compute.internal",
      "ec2-203-0-113-25.cn-north-1.compute.amazonaws.com.cn",
      "amazonaws.com.cn",
    ],
  ] as const) {
    const { get } = metadataBench({ world: worldOf({ instance: instanceFrom({ region }) }) });
    assert.equal(get("/latest/meta-data/hostname").body, hostname);
    assert.equal(get("/latest/meta-data/public-hostname").body, publicHostname);
    assert.equal(get("/latest/meta-data/services/domain").body, domain);
  }
});
