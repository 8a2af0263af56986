import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import {
  ListenError,
  type MockEc2,
  type MockEc2Event,
  type MockEc2Options,
  startMockEc2,
} from "../../src/mock-ec2/mock-ec2.ts";
import { instanceFrom } from "../../src/mock-ec2/world.ts";
import { worldOf } from "./sts-bench.ts";

const run = promisify(execFile);

async function mockFor(t: TestContext, options: MockEc2Options = {}): Promise<MockEc2> {
  const mock = await startMockEc2(options);
  t.after(() => mock.close());
  return mock;
}

/** Nothing of the developer's own AWS set-up: the default chain finds the mock, or nothing. */
const environmentFor = (mock: MockEc2): NodeJS.ProcessEnv => ({
  PATH: process.env["PATH"],
  HOME: "/nonexistent",
  AWS_EC2_METADATA_SERVICE_ENDPOINT: `${mock.metadataUrl}/`,
  AWS_ENDPOINT_URL_STS: mock.stsUrl,
  AWS_REGION: "us-east-1",
  AWS_DEFAULT_REGION: "us-east-1",
});

/** Runs a script that imports the real SDK, and returns the JSON it prints. */
async function withSdk(mock: MockEc2, body: string): Promise<unknown> {
  const script = `
    import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
    const sts = new STSClient({ maxAttempts: 1 });
    const say = (value) => process.stdout.write(JSON.stringify(value));
    ${body}`;
  const { stdout } = await run(process.execPath, ["--input-type=module", "-e", script], { env: environmentFor(mock) });
  return JSON.parse(stdout);
}

test("the real SDK finds the host's keys by its default chain, and asks STS who they are", async (t) => {
  const events: MockEc2Event[] = [];
  const mock = await mockFor(t, { mode: "v2-only", world: worldOf(), onRequest: (event) => void events.push(event) });
  const identity = (await withSdk(mock, "say(await sts.send(new GetCallerIdentityCommand({})));")) as Record<
    string,
    string
  >;
  assert.equal(identity["Arn"], "arn:aws:sts::111122223333:assumed-role/host/i-0123456789abcdef0");
  assert.equal(identity["Account"], "111122223333");
  assert.deepEqual(
    events.map(({ service, method, path, status }) => `${service} ${method} ${path} ${status}`),
    [
      "metadata PUT /latest/api/token 200",
      "metadata GET /latest/meta-data/iam/security-credentials/ 200",
      "metadata GET /latest/meta-data/iam/security-credentials/host 200",
      "sts POST / 200",
    ],
  );
  assert.equal(events[3]?.callerArn, identity["Arn"]);
});

test("the real SDK assumes a role with everything that can be asked, and its keys are that role's", async (t) => {
  const mock = await mockFor(t);
  const answer = (await withSdk(
    mock,
    `const { Credentials: keys, ...assumed } = await sts.send(new AssumeRoleCommand({
      RoleArn: "arn:aws:iam::444455556666:role/a/b/reader", RoleSessionName: "web-1", DurationSeconds: 900,
      ExternalId: "x/1:2", SourceIdentity: "alice", Tags: [{ Key: "cost center", Value: "7+8=ø" }], TransitiveTagKeys: ["cost center"],
      PolicyArns: [{ arn: "arn:aws:iam::aws:policy/ReadOnlyAccess" }],
      Policy: JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "s3:*", Resource: "*" }] }),
    }));
    const as = new STSClient({ credentials: { accessKeyId: keys.AccessKeyId, secretAccessKey: keys.SecretAccessKey, sessionToken: keys.SessionToken } });
    say({ assumed, life: keys.Expiration - Date.now(), identity: await as.send(new GetCallerIdentityCommand({})) });`,
  )) as { assumed: Record<string, Record<string, string>>; life: number; identity: Record<string, string> };
  assert.equal(answer.assumed["SourceIdentity"], "alice");
  assert.equal(typeof answer.assumed["PackedPolicySize"], "number");
  assert.equal(answer.assumed["AssumedRoleUser"]?.["Arn"], "arn:aws:sts::444455556666:assumed-role/reader/web-1");
  assert.equal(answer.identity["Arn"], answer.assumed["AssumedRoleUser"]?.["Arn"]);
  assert.equal(answer.identity["UserId"], answer.assumed["AssumedRoleUser"]?.["AssumedRoleId"]);
  assert.ok(answer.life > 880_000 && answer.life <= 900_000, String(answer.life));
});

test("the real SDK understands each refusal as AWS's", async (t) => {
  const mock = await mockFor(t, { world: worldOf({ roles: [] }) });
  const errors = await withSdk(
    mock,
    `const asked = { RoleArn: "arn:aws:iam::111122223333:role/web", RoleSessionName: "web-1" };
    const ask = (more) => sts.send(new AssumeRoleCommand({ ...asked, ...more })).then(() => "allowed", (e) => [e.name, e.$metadata.httpStatusCode, e.$fault]);
    say([await ask({}), await ask({ DurationSeconds: 7200 }), await ask({ Policy: "{" })]);`,
  );
  assert.deepEqual(errors, [
    ["AccessDenied", 403, "client"],
    ["ValidationError", 400, "client"],
    ["MalformedPolicyDocumentException", 400, "client"],
  ]);
});

test("the AWS CLI, if it is here, works with it as with EC2", async (t) => {
  const version = await run("aws", ["--version"]).catch(() => undefined);
  if (version === undefined) {
    const reason = "needs the AWS CLI (aws), which is not installed";
    if (process.env["REQUIRE_ALL"] === "1") assert.fail(reason);
    t.skip(reason);
    return;
  }
  const mock = await mockFor(t, { mode: "v2-only" });
  const aws = async (...args: string[]): Promise<Record<string, unknown>> => {
    const { stdout } = await run("aws", ["--endpoint-url", mock.stsUrl, "--output", "json", "sts", ...args], {
      env: environmentFor(mock),
    });
    return JSON.parse(stdout);
  };
  const identity = await aws("get-caller-identity");
  assert.equal(identity["Arn"], "arn:aws:sts::111122223333:assumed-role/mock-ec2-host/i-0123456789abcdef0");
  const role = ["--role-arn", "arn:aws:iam::111122223333:role/web", "--role-session-name", "cli"];
  const { AssumedRoleUser } = await aws("assume-role", ...role);
  assert.equal((AssumedRoleUser as Record<string, string>)["Arn"], "arn:aws:sts::111122223333:assumed-role/web/cli");
  await assert.rejects(aws("assume-role", ...role, "--duration-seconds", "7200"), /ValidationError.*role chaining/s);
});

const read = async (url: string): Promise<string> => (await fetch(url)).text();
const credentialsUrl = ({ metadataUrl }: MockEc2, role: string): string =>
  `${metadataUrl}/latest/meta-data/iam/security-credentials/${role}`;

test("the same seed hands out the same host keys after a restart, and another seed does not", async (t) => {
  const now = () => Date.UTC(2030, 0, 1);
  const mocks = await Promise.all(["a", "a", "b"].map((seed) => mockFor(t, { seed, now })));
  const [first, again, other] = await Promise.all(mocks.map((mock) => read(credentialsUrl(mock, "mock-ec2-host"))));
  assert.equal(first, again);
  assert.notEqual(first, other);
});

test("a seed that is not given is another one each time", async (t) => {
  const mocks = await Promise.all([mockFor(t), mockFor(t)]);
  const [one, two] = await Promise.all(mocks.map((mock) => read(credentialsUrl(mock, "mock-ec2-host"))));
  assert.notEqual(one, two);
});

test("a new world takes effect with the next request", async (t) => {
  const mock = await mockFor(t);
  assert.equal(mock.hostRoleArn, "arn:aws:iam::111122223333:role/mock-ec2-host");
  mock.setWorld(worldOf({ instance: instanceFrom({ role: "x/other" }) }));
  assert.equal(mock.hostRoleArn, "arn:aws:iam::111122223333:role/x/other");
  assert.equal(await read(credentialsUrl(mock, "")), "other");
});

test("host keys live as long as asked", async (t) => {
  const mock = await mockFor(t, { hostCredentialsLifetimeMs: 60_000, now: () => Date.UTC(2030, 0, 1) });
  assert.equal(JSON.parse(await read(credentialsUrl(mock, "mock-ec2-host"))).Expiration, "2030-01-01T00:01:00Z");
});

test("an event holds neither a query nor any secret", async (t) => {
  const events: MockEc2Event[] = [];
  const mock = await mockFor(t, { onRequest: (event) => void events.push(event) });
  const keys = JSON.parse(await read(credentialsUrl(mock, "mock-ec2-host")));
  await read(
    `${mock.stsUrl}/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Security-Token=${encodeURIComponent(keys.Token)}`,
  );
  const text = JSON.stringify(events);
  assert.equal(events[1]?.path, "/");
  assert.equal(events[1]?.errorCode, "MissingAuthenticationToken");
  for (const secret of [keys.SecretAccessKey, keys.Token, "X-Amz-Security-Token"])
    assert.ok(!text.includes(secret), text);
});

test("a taken address is named with its service, and the other service does not stay up", async (t) => {
  const mock = await mockFor(t);
  const taken = { host: "127.0.0.1", port: Number(new URL(mock.stsUrl).port) };
  await assert.rejects(
    startMockEc2({ metadataListen: taken }),
    (error) => error instanceof ListenError && error.service === "metadata",
  );
  const free = await mockFor(t);
  const metadataListen = { host: "127.0.0.1", port: Number(new URL(free.metadataUrl).port) };
  await free.close();
  await assert.rejects(startMockEc2({ metadataListen, stsListen: taken }), {
    name: "ListenError",
    service: "sts",
    code: "EADDRINUSE",
    address: taken,
  });
  await assert.rejects(fetch(`http://127.0.0.1:${metadataListen.port}/`));
});
