import assert from "node:assert/strict";
import { test } from "node:test";
import { STS_URL } from "./support/instance.ts";
import { startLab } from "./support/lab.ts";
import { testThatNothingLeaked } from "./support/nothing-leaked.ts";
import { roleOf } from "./support/who-am-i.ts";

/** What nobody configured: no region of their own, no keys, no profile; only where STS is. */
const lab = await startLab();
const red = await lab.run({ image: "aws", role: "red" });
const blue = await lab.run({ image: "aws", role: "blue" });

const AWS_CLI = [
  // It waits for the metadata five times as long as by default: two of it at once starve a small machine.
  ...["env", "AWS_METADATA_SERVICE_TIMEOUT=5"],
  "aws",
  "--region",
  "us-east-1",
  "--endpoint-url",
  STS_URL,
  "sts",
  "get-caller-identity",
  "--query",
  "Arn",
  "--output",
  "text",
];

const BOTO3 = `
import boto3
print(boto3.client("sts", region_name="us-east-1", endpoint_url="${STS_URL}").get_caller_identity()["Arn"])`;

const REGION = `
from botocore.utils import InstanceMetadataRegionFetcher
print(InstanceMetadataRegionFetcher().retrieve_region())`;

test("the AWS CLI in two containers gets two roles", async () => {
  const arns = await Promise.all([red, blue].map((container) => container.exec(...AWS_CLI)));
  assert.deepEqual(arns.map(roleOf), ["red", "blue"]);
});

test("boto3 in two containers gets two roles", async () => {
  const arns = await Promise.all([red, blue].map((container) => container.exec("python3", "-c", BOTO3)));
  assert.deepEqual(arns.map(roleOf), ["red", "blue"]);
});

/** Nothing of the metadata service; these clients of 2022 know 169.254.170.2 alone, later ones any of the addresses. */
const ENDPOINT = [
  ...["env", "AWS_EC2_METADATA_DISABLED=true", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/v1/credentials"],
];

test("an environment variable is all that SDKs need to use container credentials", async () => {
  const arns = await Promise.all([red.exec(...ENDPOINT, ...AWS_CLI), blue.exec(...ENDPOINT, "python3", "-c", BOTO3)]);
  assert.deepEqual(arns.map(roleOf), ["red", "blue"]);
});

test("the session is named after the container, for whoever reads CloudTrail", async () => {
  const arn = await red.exec("python3", "-c", BOTO3);
  assert.equal(arn.split("/").at(-1), `${red.name}-${red.id.slice(0, 12)}`);
});

test("botocore finds the region in the metadata", async () => {
  assert.equal(await red.exec("python3", "-c", REGION), "us-east-1");
});

test("boto3 in a container without a role finds no credentials", async () => {
  const nameless = await lab.run({ image: "aws" });
  await assert.rejects(nameless.exec("python3", "-c", BOTO3), /NoCredentialsError/);
});

testThatNothingLeaked(lab);
