import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it, type TestContext } from "node:test";
import { parse } from "yaml";
import { RawClient, type RawResponse } from "../http/raw-client.ts";
import { type Host, type HostContainer, startHost } from "../support/host.ts";
import { Running, run } from "../support/program.ts";
import { askedOnce, type RecordingSts, recordingSts } from "../support/recording-sts.ts";

const ADDRESS = "127.50.0.2";
const ROLES = "/latest/meta-data/iam/security-credentials/";
const ARN = "arn:aws:iam::444455556666:role/team/app";
const DENY = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*"}]}';
const folder = mkdtempSync(join(tmpdir(), "taskrole-compat-"));
after(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
function file(text: string): string {
  files += 1;
  const path = join(folder, `${files}.yaml`);
  writeFileSync(path, text);
  return path;
}

/** What a host has for the tool to be told of. */
interface Around {
  readonly socketPath: string;
  readonly metadataUrl: string;
}
type Variables = Readonly<Record<string, string>>;
/** How a tool is started: behind its program's name, and before it. */
interface StartLine {
  readonly tool: string;
  readonly args: readonly string[];
  readonly env: Variables;
}
type LineOf = (around: Around) => StartLine;

/** README.md of each tool, on a free port and with the Engine and the metadata service of the test's host. */
const metadataproxy =
  (more: Variables = {}): LineOf =>
  ({ socketPath, metadataUrl }) => ({
    tool: "metadataproxy",
    args: [],
    env: {
      ...{ HOST: "0.0.0.0", PORT: "0", WORKERS: "1", DEBUG: "False" },
      ...{ DOCKER_URL: `unix:/${socketPath}`, METADATA_URL: metadataUrl, DEFAULT_ROLE: "my-default-role" },
      ...more,
    },
  });
const ec2metaproxy =
  (...more: readonly string[]): LineOf =>
  ({ socketPath, metadataUrl }) => ({
    tool: "ec2metaproxy",
    args: [
      ...["--server", ":0", "--metadata-url", metadataUrl, ...more],
      ...["docker", "--docker-endpoint", `unix://${socketPath}`],
    ],
    env: {},
  });
const iamDocker =
  (...more: readonly string[]): LineOf =>
  ({ socketPath, metadataUrl }) => ({
    tool: "iam-docker",
    args: ["-listen-addr", ":0", "-meta-data-api", metadataUrl, ...more],
    env: { DOCKER_HOST: `unix://${socketPath}` },
  });

interface Place extends AsyncDisposable {
  readonly host: Host;
  readonly sts: RecordingSts;
  readonly get: (path: string) => Promise<RawResponse>;
  /** What STS was asked once the container had its credentials. */
  readonly asked: () => Promise<Variables>;
}

type Container = Omit<HostContainer, "address">;

/** @param start what is started, given what the host has: by that tool's own line, but for the program's name */
async function placeOf(
  container: Container,
  start: (around: Around) => Promise<{ readonly args: readonly string[]; readonly env: Variables }>,
): Promise<Place> {
  const sts = await recordingSts();
  const host = await startHost({
    containers: { web: { address: ADDRESS, ...container } },
    starter: {
      listen: "127.0.0.1:0",
      async start(given) {
        const { args, env } = await start({
          socketPath: flagIn(given, "docker-endpoint").slice("unix://".length),
          metadataUrl: flagIn(given, "metadata-url"),
        });
        const around = {
          TASKROLE_STS_ENDPOINT: sts.url,
          TASKROLE_INTERCEPTION: "none",
          TASKROLE_RUNTIME_DIRECTORY: flagIn(given, "runtime-directory"),
        };
        return new Running(["serve", ...args], { env: { ...around, ...env } });
      },
    },
  });
  const get = (path: string) =>
    new RawClient(host.port, ADDRESS).send(`GET ${path} HTTP/1.1\r\nConnection: close\r\n\r\n`).response();
  return {
    ...{ host, sts, get },
    asked: () => askedOnce(sts, get),
    async [Symbol.asyncDispose]() {
      await host[Symbol.asyncDispose]();
      await sts[Symbol.asyncDispose]();
    },
  };
}

const flagIn = (args: readonly string[], name: string): string => args[args.indexOf(`--${name}`) + 1] ?? assert.fail();

const swapped =
  (lineOf: LineOf, ...own: readonly string[]) =>
  async (around: Around) => {
    const { tool, args, env } = lineOf(around);
    return { args: ["--compat", tool, ...own, ...args], env };
  };

/** The day after: its variables and flags are gone, and what check-config made of them is the file. */
const saved = (lineOf: LineOf) => async (around: Around) => {
  const { tool, args, env } = lineOf(around);
  const { code, stdout, stderr } = await run(["check-config", "--compat", tool, ...args], { env });
  assert.equal(code, 0, stderr);
  return { args: ["--config", file(stdout)], env: {} };
};

const MAP = JSON.stringify({ prod: "444455556666" });
const rows: readonly (readonly [string, LineOf, Container, Variables])[] = [
  [
    "metadataproxy: DEFAULT_ROLE, in the host's account",
    metadataproxy(),
    {},
    { RoleArn: "arn:aws:iam::111122223333:role/my-default-role" },
  ],
  [
    "metadataproxy: IAM_ROLE=name, in the DEFAULT_ACCOUNT_ID",
    metadataproxy({ DEFAULT_ACCOUNT_ID: "444455556666" }),
    { env: ["IAM_ROLE=my-role"] },
    { RoleArn: "arn:aws:iam::444455556666:role/my-role" },
  ],
  [
    "metadataproxy: IAM_ROLE=name@account",
    metadataproxy(),
    { env: ["IAM_ROLE=my-role@012345678910"] },
    { RoleArn: "arn:aws:iam::012345678910:role/my-role" },
  ],
  [
    "metadataproxy: IAM_ROLE=name@alias, of the AWS_ACCOUNT_MAP, and IAM_EXTERNAL_ID",
    metadataproxy({ AWS_ACCOUNT_MAP: MAP }),
    { env: ["IAM_ROLE=team/app@prod", "IAM_EXTERNAL_ID=a/b"] },
    { RoleArn: ARN, ExternalId: "a/b" },
  ],
  [
    "metadataproxy: empty variables, DEFAULT_ROLE and no external id",
    metadataproxy(),
    { env: ["IAM_ROLE=", "IAM_EXTERNAL_ID="] },
    { RoleArn: "arn:aws:iam::111122223333:role/my-default-role" },
  ],
  ["metadataproxy: IAM_ROLE=ARN", metadataproxy(), { env: [`IAM_ROLE=${ARN}`] }, { RoleArn: ARN }],
  ["ec2metaproxy: the default role", ec2metaproxy("--default-iam-role", ARN), {}, { RoleArn: ARN }],
  [
    "ec2metaproxy: the default role and policy",
    ec2metaproxy("-r", ARN, "--default-iam-policy", DENY),
    {},
    { RoleArn: ARN, Policy: DENY },
  ],
  [
    "ec2metaproxy: IAM_ROLE and IAM_POLICY of the container",
    ec2metaproxy("--default-iam-role", "arn:aws:iam::111122223333:role/other"),
    { env: [`IAM_ROLE=${ARN}`, `IAM_POLICY=${DENY}`] },
    { RoleArn: ARN, Policy: DENY },
  ],
  ["iam-docker: IAM_ROLE", iamDocker("-disable-upstream"), { env: [`IAM_ROLE=${ARN}`] }, { RoleArn: ARN }],
  [
    "iam-docker: its label, which wins over IAM_ROLE",
    iamDocker(),
    { labels: { "com.swipely.iam-docker.iam-profile": ARN }, env: ["IAM_ROLE=other"] },
    { RoleArn: ARN },
  ],
];

describe("a tool's own start line, behind another program's name, asks STS for what that tool's containers want", () => {
  for (const [what, lineOf, container, expected] of rows) {
    it(what, async () => {
      await using place = await placeOf(container, swapped(lineOf));
      const { RoleSessionName, ...asked } = await place.asked();
      assert.deepEqual(asked, { DurationSeconds: "3600", ...expected });
      assert.match(RoleSessionName ?? "", /^web-[0-9a-f]{12}$/);
    });
  }

  for (const [what, lineOf, container, expected] of [rows[3], rows[6], rows[8], rows[9]].filter(
    (row) => row !== undefined,
  ))
    it(`${what}: by the file that check-config makes of it, too`, async () => {
      await using place = await placeOf(container, saved(lineOf));
      const { RoleSessionName: _, ...asked } = await place.asked();
      assert.deepEqual(asked, { DurationSeconds: "3600", ...expected });
    });

  it("metadataproxy: ROLE_SESSION_KEY=Env:NAME names the session", async () => {
    await using place = await placeOf(
      { env: ["WHO=build 7"] },
      swapped(metadataproxy({ ROLE_SESSION_KEY: "Env:WHO" })),
    );
    assert.match((await place.asked())["RoleSessionName"] ?? "", /^build-7-[0-9a-f]{12}$/);
  });

  it("metadataproxy: ROLE_MAPPING_FILE gives addresses their roles", async () => {
    const map = file('{"127.60.0.7": "team/vm", "127.60.0.8": {"name": "team/other", "external_id": "xyz"}}');
    await using place = await placeOf({}, swapped(metadataproxy({ ROLE_MAPPING_FILE: map })));
    for (const [address, role] of [
      ["127.60.0.7", "vm"],
      ["127.60.0.8", "other"],
    ] as const) {
      const client = new RawClient(place.host.port, address);
      assert.equal((await client.send(`GET ${ROLES} HTTP/1.1\r\n\r\n`).response()).body, role);
    }
  });

  it("metadataproxy: ROLE_SESSION_KEY=Labels:NAME names the session", async () => {
    const labels = { "com.example/who": "build 7" };
    await using place = await placeOf(
      { labels },
      swapped(metadataproxy({ ROLE_SESSION_KEY: "Labels:com.example/who" })),
    );
    assert.match((await place.asked())["RoleSessionName"] ?? "", /^build-7-[0-9a-f]{12}$/);
  });
});

describe("what containers see of the host through it", () => {
  const INSTANCE = "/latest/meta-data/instance-id";

  for (const [what, lineOf] of [
    ["metadataproxy", metadataproxy()],
    ["ec2metaproxy", ec2metaproxy()],
    ["iam-docker", iamDocker()],
  ] as const)
    it(`${what}: its metadata, by either version of the protocol, and never its role`, async () => {
      await using place = await placeOf({ env: ["IAM_ROLE=app"] }, swapped(lineOf));
      assert.match((await place.get(INSTANCE)).body, /^i-/);
      const client = new RawClient(place.host.port, ADDRESS);
      client.send("PUT /latest/api/token HTTP/1.1\r\nX-aws-ec2-metadata-token-ttl-seconds: 60\r\n\r\n");
      const token = (await client.response()).body;
      client.send(`GET ${ROLES} HTTP/1.1\r\nX-aws-ec2-metadata-token: ${token}\r\n\r\n`);
      assert.equal((await client.response()).body, "app");
      assert.equal((await place.get(`${ROLES}mock-ec2-host`)).status, 404);
      assert.equal((await place.get("/latest/./meta-data/iam/security-credentials/mock-ec2-host")).status, 404);
    });

  it("iam-docker -disable-upstream: nothing but its own role", async () => {
    await using place = await placeOf({ env: ["IAM_ROLE=app"] }, swapped(iamDocker("-disable-upstream")));
    for (const path of [INSTANCE, "/latest/user-data", "/latest/dynamic/instance-identity/document"])
      assert.equal((await place.get(path)).status, 404, path);
    assert.equal((await place.get("/latest/meta-data/")).body, "iam/");
    assert.equal((await place.get(`${ROLES}app`)).status, 200);
  });

  it("metadataproxy, MOCK_API=true: a made-up instance with the MOCKED_INSTANCE_ID", async () => {
    const mocked = metadataproxy({ MOCK_API: "true", MOCKED_INSTANCE_ID: "laptop" });
    await using place = await placeOf({ env: ["IAM_ROLE=app"] }, swapped(mocked));
    assert.equal((await place.get(INSTANCE)).body, "i-laptop");
    assert.equal((await place.get(`${ROLES}app`)).status, 200);
    assert.equal(place.sts.asked.length, 0, "STS is made up as well");
  });
});

describe("taskrole serve --compat", () => {
  it("warns at the start of what is not as it was, a line each", async () => {
    await using place = await placeOf({}, swapped(metadataproxy({ ROLE_EXPIRATION_THRESHOLD: "15" })));
    const warnings = place.host.taskrole.lines().filter(({ place: where }) => where !== undefined);
    assert.deepEqual(
      warnings.map(({ level, place: where }) => [level, where]),
      [
        ["warn", "environment variable ROLE_EXPIRATION_THRESHOLD (metadataproxy)"],
        ["warn", "environment variable WORKERS (metadataproxy)"],
      ],
    );
    assert.match(String(warnings[1]?.["reason"]), /has no effect: there is no gunicorn/);
  });

  it("keeps what the other tool was told through a reload", async () => {
    const config = file("");
    await using place = await placeOf({}, swapped(metadataproxy(), "--config", config));
    writeFileSync(config, "sessionSeconds: 900\ndefaultRole: other\n");
    place.host.taskrole.signal("SIGHUP");
    await place.host.taskrole.says(/"applied":\["sessionSeconds"\],"needsRestart":\[\],"msg":"reloaded"/);
    assert.equal((await place.get(ROLES)).body, "my-default-role");
  });

  it("goes on until the restart where a reload finds it gone: nothing of the other tool's is lost meanwhile", async () => {
    const config = file("compat: metadataproxy\n");
    await using place = await placeOf({}, async (around) => ({
      args: ["--config", config],
      env: metadataproxy()(around).env,
    }));
    writeFileSync(config, "");
    place.host.taskrole.signal("SIGHUP");
    await place.host.taskrole.says(/"applied":\[\],"needsRestart":\["compat"\],"msg":"reloaded; /);
    assert.equal((await place.get(ROLES)).body, "my-default-role");
  });

  it("begins with the restart where a reload finds it: no variable counts before", async () => {
    const config = file("metadataTokens: optional\n");
    const listen = ["--listen", "127.0.0.1:0"];
    await using place = await placeOf({}, async ({ socketPath, metadataUrl }) => ({
      args: ["--config", config, ...listen, "--docker-endpoint", `unix://${socketPath}`, "--metadata-url", metadataUrl],
      env: { DEFAULT_ROLE: "my-default-role" },
    }));
    writeFileSync(config, "metadataTokens: optional\ncompat: metadataproxy\n");
    place.host.taskrole.signal("SIGHUP");
    await place.host.taskrole.says(/"applied":\[\],"needsRestart":\["compat"\],"msg":"reloaded; /);
    assert.equal((await place.get(ROLES)).status, 404);
  });

  const wrong: readonly (readonly [string, readonly string[], Variables, RegExp])[] = [
    [
      "a slip in a flag",
      ["--compat", "ec2metaproxy", "--defualt-iam-role", ARN, "docker"],
      {},
      /^taskrole: flag --defualt-iam-role .*did you mean "--default-iam-role"\?$/,
    ],
    [
      "a slip in a flag, named by the variable",
      ["-lisen-addr", ":8080"],
      { TASKROLE_COMPAT: "iam-docker" },
      /^taskrole: flag -lisen-addr .*did you mean "-listen-addr"\?$/,
    ],
    [
      "a default role that is none",
      ["--compat", "metadataproxy"],
      { DEFAULT_ROLE: "not a role" },
      /^taskrole: environment variable DEFAULT_ROLE \(metadataproxy\): defaultRole is no role: .*$/,
    ],
    [
      "an account map that is not JSON",
      ["--compat", "metadataproxy"],
      { AWS_ACCOUNT_MAP: "{prod: 1}" },
      /^taskrole: environment variable AWS_ACCOUNT_MAP \(metadataproxy\): accounts must map names to accounts; .*$/,
    ],
    [
      "what cannot be had",
      ["--compat", "metadataproxy"],
      { ROLE_REVERSE_LOOKUP: "True" },
      /^taskrole: environment variable ROLE_REVERSE_LOOKUP .*roleMapFile.*hostNetwork: identify$/,
    ],
    ["a tool's flag without --compat", ["--server", ":1"], {}, /^error: unknown option '--server'$/],
    ["a tool's word without --compat", ["docker"], {}, /^error: too many arguments for 'serve'.*$/],
  ];
  /** Should it start after all, it touches nothing of this machine, and is gone with the test. */
  function started(t: TestContext, args: readonly string[], env: Variables = {}): Running {
    const harmless = {
      TASKROLE_INTERCEPTION: "none",
      TASKROLE_LISTEN: "127.0.0.1:0",
      TASKROLE_RUNTIME_DIRECTORY: folder,
      TASKROLE_DOCKER_ENDPOINT: "unix:///nonexistent",
      TASKROLE_METADATA_URL: "http://127.0.0.1:9",
    };
    const serve = new Running(["serve", ...args], { env: { ...harmless, ...env } });
    t.after(() => serve.kill());
    return serve;
  }

  for (const [what, args, env, says] of wrong)
    it(`ends with 2 at ${what}, and says it in one line`, { timeout: 20_000 }, async (t) => {
      const { code, stderr } = await started(t, args, env).ended();
      assert.equal(code, 2);
      assert.match(stderr.trimEnd(), says);
    });

  it("asks for --compat where only the file says it and the tool's flags are given", { timeout: 20_000 }, async (t) => {
    const config = file("compat: ec2metaproxy\n");
    const { code, stderr } = await started(t, ["--config", config, "--server", ":1", "docker"]).ended();
    assert.equal(code, 2);
    assert.match(stderr, /unknown option '--server'\n.*give --compat ec2metaproxy on the command line too/);
  });
});

describe("taskrole check-config --compat", () => {
  it("prints the file on stdout and the notes on stderr; without --compat, every setting of that file", async () => {
    const env = { DEFAULT_ROLE: "app", WORKERS: "2" };
    const { code, stdout, stderr } = await run(["check-config", "--compat", "metadataproxy"], { env });
    assert.equal(code, 0);
    assert.match(stdout, /^# environment variable DEFAULT_ROLE \(metadataproxy\)\ndefaultRole: app$/m);
    assert.equal(
      stderr,
      "taskrole: note: environment variable WORKERS (metadataproxy) has no effect: there is no gunicorn, which it is for\n",
    );
    const config = file(stdout);
    const again = await run(["check-config", "--config", config]);
    const { defaultRole, compat, listen } = parse(again.stdout);
    assert.deepEqual([defaultRole, compat, listen], ["app", "metadataproxy", "[::]:8000"]);
  });
});
