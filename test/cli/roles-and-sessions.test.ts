import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { RawClient, type RawResponse } from "../http/raw-client.ts";
import { type Host, type HostContainer, startHost } from "../support/host.ts";
import { askedOnce, type RecordingSts, recordingSts } from "../support/recording-sts.ts";

const ADDRESS = "127.50.0.2";
const ROLES = "/latest/meta-data/iam/security-credentials/";
const folder = mkdtempSync(join(tmpdir(), "taskrole-roles-"));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Place extends AsyncDisposable {
  readonly host: Host;
  readonly sts: RecordingSts;
  /** @param head with its line ends */
  readonly send: (head: string) => Promise<RawResponse>;
  readonly get: (path: string) => Promise<RawResponse>;
  /** What STS was asked once the container had its credentials. */
  readonly asked: () => Promise<Readonly<Record<string, string>>>;
}

let files = 0;

/** The program that ships, one container on it, and an STS that remembers what it was asked. */
async function placeOf(container: Omit<HostContainer, "address">, settings: object = {}): Promise<Place> {
  const sts = await recordingSts();
  files += 1;
  const config = join(folder, `${files}.yaml`);
  writeFileSync(config, JSON.stringify(settings)); // which is YAML too
  const flags = { config, "metadata-tokens": "optional", "sts-endpoint": sts.url };
  const host = await startHost({ containers: { web: { address: ADDRESS, ...container } }, flags });
  const send = (head: string) => new RawClient(host.port, ADDRESS).send(`${head}Connection: close\r\n\r\n`).response();
  const get = (path: string) => send(`GET ${path} HTTP/1.1\r\n`);
  return {
    host,
    sts,
    send,
    get,
    asked: () => askedOnce(sts, get),
    async [Symbol.asyncDispose]() {
      await host[Symbol.asyncDispose]();
      await sts[Symbol.asyncDispose]();
    },
  };
}

const ROLE = { "taskrole.role": "team/app" };
const IAM_DOCKER = "com.swipely.iam-docker.iam-profile";
const ARN = "arn:aws:iam::111122223333:role/team/app";
const DENY = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*"}]}';
const ALLOW = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}]}';
const MANAGED = "arn:aws:iam::aws:policy/ReadOnlyAccess";

describe("what a container and the operator say of a session is what STS is asked, and nothing else", () => {
  const rows: readonly (readonly [string, Omit<HostContainer, "address">, object, Readonly<Record<string, string>>])[] =
    [
      ["a role alone", { labels: ROLE }, {}, {}],
      ["a role by variable", { env: ["IAM_ROLE=team/app"] }, {}, {}],
      [
        "a role by iam-docker's label, where the host comes from iam-docker",
        {
          labels: { [IAM_DOCKER]: ARN, "com.swipely.iam-docker.iam-externalid": "a/b" },
          env: ["IAM_ROLE=other", "IAM_ROLE_EXTERNALID=c"],
        },
        { compat: "iam-docker" },
        { ExternalId: "a/b" },
      ],
      [
        "taskrole's own label beside it",
        { labels: { ...ROLE, [IAM_DOCKER]: "arn:aws:iam::111122223333:role/other" } },
        { compat: "iam-docker" },
        {},
      ],
      [
        "iam-docker's label where nobody said so",
        { labels: { [IAM_DOCKER]: "other" }, env: ["IAM_ROLE=team/app"] },
        {},
        {},
      ],
      ["a default", {}, { defaultRole: "team/app" }, {}],
      ["an external id", { labels: { ...ROLE, "taskrole.external-id": "a/b" } }, {}, { ExternalId: "a/b" }],
      ["the same by variable", { labels: ROLE, env: ["IAM_EXTERNAL_ID=a/b"] }, {}, { ExternalId: "a/b" }],
      ["an inline policy", { labels: { ...ROLE, "taskrole.policy": DENY } }, {}, { Policy: DENY }],
      ["the same by variable", { labels: ROLE, env: [`IAM_POLICY=${DENY}`] }, {}, { Policy: DENY }],
      ["the default's policy", {}, { defaultRole: "team/app", defaultPolicy: DENY }, { Policy: DENY }],
      [
        "policy ARNs",
        { labels: { ...ROLE, "taskrole.policy-arns": `${MANAGED},arn:aws:iam::111122223333:policy/p` } },
        {},
        { "PolicyArns.member.1.arn": MANAGED, "PolicyArns.member.2.arn": "arn:aws:iam::111122223333:policy/p" },
      ],
      [
        "a source identity",
        { labels: { ...ROLE, "taskrole.source-identity": "{host}" } },
        {},
        { SourceIdentity: hostname() },
      ],
      [
        "tags, and one that stays",
        {
          labels: {
            ...ROLE,
            branch: "main",
            "taskrole.session-tags.branch": "{label:branch}",
            "taskrole.transitive-tags": "branch",
          },
        },
        { sessionTags: { app: "{container.name}" } },
        {
          "Tags.member.1.Key": "app",
          "Tags.member.1.Value": "web",
          "Tags.member.2.Key": "branch",
          "Tags.member.2.Value": "main",
          "TransitiveTagKeys.member.1": "branch",
        },
      ],
      [
        "tags of a container's variables, the last of each, and none for those that it lacks",
        { labels: ROLE, env: ["STAGE=test", "SECRET=s3cret", "STAGE=live"] },
        { sessionTags: { stage: "{env:STAGE}", team: "{env:TEAM}" } },
        { "Tags.member.1.Key": "stage", "Tags.member.1.Value": "live" },
      ],
      [
        "a rule's ceiling, tags and seconds",
        { labels: { ...ROLE, team: "red", "taskrole.policy": DENY } },
        {
          roleRules: [
            { match: { label: { team: "blue" } }, allow: ["*"] },
            {
              match: { label: { team: "red" }, network: "apps", image: "busybox" },
              allow: ["arn:aws:iam::*:role/team/*"],
              policy: JSON.parse(ALLOW),
              policyArns: [MANAGED],
              sessionSeconds: 900,
              sessionTags: { team: "{label:team}" },
              transitiveTags: ["team"],
            },
          ],
        },
        {
          DurationSeconds: "900",
          Policy: JSON.stringify({
            Version: "2012-10-17",
            Statement: [...JSON.parse(ALLOW).Statement, ...JSON.parse(DENY).Statement],
          }),
          "PolicyArns.member.1.arn": MANAGED,
          "Tags.member.1.Key": "team",
          "Tags.member.1.Value": "red",
          "TransitiveTagKeys.member.1": "team",
        },
      ],
    ];
  for (const [what, container, settings, expected] of rows)
    it(what, async () => {
      await using place = await placeOf(container, settings);
      const { RoleSessionName, ...asked } = await place.asked();
      assert.deepEqual(asked, { RoleArn: ARN, DurationSeconds: "3600", ...expected });
      assert.match(RoleSessionName ?? "", /^web-[0-9a-f]{12}$/);
    });

  for (const [what, env, name] of [
    ["its value", ["STAGE=a b"], /^a-b-[0-9a-f]{12}$/],
    ["of a container that lacks it", ["OTHER=a b"], /^container-[0-9a-f]{12}$/],
  ] as const)
    it(`a session name by a variable: ${what}`, async () => {
      await using place = await placeOf({ labels: ROLE, env }, { sessionName: "{env:STAGE}" });
      assert.match((await place.asked())["RoleSessionName"] ?? "", name);
    });

  for (const [what, labels, settings, name] of [
    ["the setting's", ROLE, { sessionName: "{image}@{container.name}" }, /^busybox@web-[0-9a-f]{12}$/],
    ["the container's own", { ...ROLE, "taskrole.session-name": "build {container.id}" }, {}, /^build-[0-9a-f]{12}$/],
  ] as const)
    it(`a session name by template: ${what}`, async () => {
      await using place = await placeOf({ labels }, settings);
      assert.match((await place.asked())["RoleSessionName"] ?? "", name);
    });
});

describe("an address that only Rancher's label tells", () => {
  const RANCHER = "127.51.0.2"; // in no network of the engine
  const statusOf = async ({ host }: Place): Promise<number> =>
    (await new RawClient(host.port, RANCHER).send(`GET ${ROLES}app HTTP/1.1\r\n\r\n`).response()).status;
  const labels = { ...ROLE, "io.rancher.container.ip": `${RANCHER}/16` };

  it("is its container's where the host comes from metadataproxy", async () => {
    await using place = await placeOf({ labels }, { compat: "metadataproxy" });
    assert.equal(await statusOf(place), 200);
    assert.match(place.sts.asked[0]?.["RoleSessionName"] ?? "", /^web-[0-9a-f]{12}$/);
  });

  it("is nobody's where nobody said so", async () => {
    await using place = await placeOf({ labels });
    assert.equal(await statusOf(place), 403);
    await place.host.taskrole.says(/no container has the address 127\.51\.0\.2/);
  });

  it("is nobody's when two containers bear it, and the operator is told of both", async () => {
    await using place = await placeOf({ labels }, { compat: "metadataproxy" });
    const [network = ""] = place.host.engine.networks.keys();
    const { Id } = place.host.engine.run({ network, name: "thief", ip: "127.50.0.9/16", labels });
    place.host.engine.sendContainer("start", Id);
    // One that asks in the moment when its address becomes disputed has its connection reset.
    const resetOrStatus = () =>
      statusOf(place).catch((error: Error) => assert.match(error.message, /^ECONNRESET after/));
    while ((await resetOrStatus()) !== 403) await delay(20);
    await place.host.taskrole.says(
      new RegExp(`several workloads claim the address 127\\.51\\.0\\.2: [0-9a-f]{64}, ${Id}`),
    );
  });
});

describe("what is refused costs no call to STS, touches that container only, and tells the operator where and why", () => {
  const rules = (more: object = {}) => ({
    roleRules: [{ match: { name: "web" }, allow: ["arn:aws:iam::*:role/ok/*"], ...more }],
  });
  const rows: readonly (readonly [string, Omit<HostContainer, "address">, object, RegExp])[] = [
    [
      "a role that its rule does not allow",
      { labels: ROLE },
      rules(),
      /"rule 1 of roleRules does not let web have arn:.*: it allows/,
    ],
    [
      "a role that its rule denies",
      { labels: { "taskrole.role": "ok/admin" } },
      rules({ deny: ["*/admin"] }),
      /it denies \*\/admin/,
    ],
    [
      "a container that no rule is for",
      { labels: ROLE },
      { roleRules: [{ match: { name: "x" }, allow: ["*"] }] },
      /none of the roleRules is for web/,
    ],
    [
      "an external id with a bad character",
      { labels: { ...ROLE, "taskrole.external-id": "a b" } },
      {},
      /label taskrole.external-id.*U\+0020/,
    ],
    [
      "a variable in a container's own template",
      { labels: { ...ROLE, "taskrole.session-tags.a": "{env:SECRET}" }, env: ["SECRET=s3cret"] },
      { sessionTags: { b: "{env:SECRET}" } },
      /label taskrole.session-tags.a.*\{env:SECRET\} is for the operator's templates alone/,
    ],
    [
      "a policy that adds to the rule's",
      { labels: { "taskrole.role": "ok/a", "taskrole.policy": ALLOW } },
      rules({ policyArns: [MANAGED] }),
      /may only hold Deny/,
    ],
  ];
  for (const [what, container, settings, line] of rows)
    it(what, async () => {
      await using place = await placeOf(container, settings);
      const other = place.host.engine.run({
        network: [...place.host.engine.networks.keys()][0] ?? "",
        name: "web",
        ip: "127.50.0.3/16",
        labels: { "taskrole.role": "ok/other" },
      });
      assert.ok(other);
      assert.equal((await place.get(ROLES)).status, 404);
      assert.equal((await place.get(`${ROLES}app`)).status, 404);
      await place.host.taskrole.says(line);
      assert.equal(
        place.sts.asked.filter(({ RoleArn }) => RoleArn !== "arn:aws:iam::111122223333:role/ok/other").length,
        0,
      );
    });
});

describe("a reload", () => {
  it("judges the next request by the new rules: what is no longer allowed is gone at once, and comes back when it is", async () => {
    await using place = await placeOf(
      { labels: ROLE },
      { roleRules: [{ match: {}, allow: ["arn:aws:iam::*:role/team/*"] }] },
    );
    await place.asked();
    const config = join(folder, `${files}.yaml`);
    const reload = (settings: object): void => {
      writeFileSync(config, JSON.stringify(settings));
      place.host.taskrole.signal("SIGHUP");
    };
    const ttl = "X-aws-ec2-metadata-token-ttl-seconds: 60\r\n";
    const token = async () => (await place.send(`PUT /latest/api/token HTTP/1.1\r\n${ttl}`)).body;
    const withToken = async (of: string) =>
      (await place.send(`GET /latest/meta-data/instance-id HTTP/1.1\r\nX-aws-ec2-metadata-token: ${of}\r\n`)).status;
    const before = await token();
    assert.equal(await withToken(before), 200);
    reload({ roleRules: [{ match: {}, allow: ["arn:aws:iam::*:role/other/*"] }] });
    await place.host.taskrole.says(/"applied":\["roleRules"\].*reloaded/);
    assert.deepEqual([await withToken(before), await withToken(await token())], [401, 200]);
    assert.equal((await place.get(ROLES)).status, 404);
    assert.equal((await place.get(`${ROLES}app`)).status, 404);
    reload({});
    while ((await place.get(ROLES)).status !== 200) await delay(20);
    assert.equal((await place.get(`${ROLES}app`)).status, 200);
    assert.equal(place.sts.asked.length, 1, "the session was kept meanwhile");
  });
});

describe("an image with labels to no end", () => {
  const many = (of: string) => Object.fromEntries(Array.from({ length: 30_000 }, (_, i) => [`${of}${i}`, "v"]));
  const BIG = { big: "x".repeat(20_000) };
  const rows: readonly (readonly [string, Readonly<Record<string, string>>, RegExp])[] = [
    [
      "a tag that names a long one 15,000 times",
      { ...BIG, "taskrole.session-tags.x": "{label:big}".repeat(15_000) },
      /label taskrole\.session-tags\.x\): it has 165000 characters/,
    ],
    ["30,000 tags", many("taskrole.session-tags.k"), /there are 30000, and STS takes 50/],
    ["30,000 that there are not", many("taskrole.k"), /label taskrole\.k0\): taskrole knows no such label/],
    ["a megabyte's name", { [`taskrole.${"x".repeat(1 << 20)}`]: "v" }, /label taskrole\.x{191}…\): taskrole knows no/],
    ["a policy of megabytes", { "taskrole.policy": "[".repeat(3 << 20) }, /3145728 characters, and at most 16384 are/],
  ];
  for (const [what, labels, line] of rows)
    it(`${what}: its container starts and is refused, and another has its credentials all the time`, async () => {
      await using place = await placeOf({ labels: ROLE });
      await place.asked();
      const { engine, port, taskrole } = place.host;
      const started = performance.now();
      const [network = ""] = engine.networks.keys();
      const hostile = "127.50.0.9";
      const { Id } = engine.run({ network, name: "hostile", ip: `${hostile}/16`, labels: { ...ROLE, ...labels } });
      engine.sendContainer("create", Id);
      engine.sendContainer("start", Id);
      const theirs = async () => {
        const client = new RawClient(port, hostile);
        return (await client.send(`GET ${ROLES}app HTTP/1.1\r\n\r\n`).response()).status;
      };
      let slowestMs = 0;
      for (let i = 0; i < 20; i += 1) {
        const begun = performance.now();
        const [own, other] = await Promise.all([place.get(`${ROLES}app`), theirs()]);
        slowestMs = Math.max(slowestMs, performance.now() - begun);
        assert.deepEqual([own.status, other], [200, 404]);
      }
      await taskrole.says(line);
      assert.ok(slowestMs < MOST_WAIT_MS, `${slowestMs} ms`);
      assert.ok(performance.now() - started < 20 * MOST_WAIT_MS);
    });
});

/** Of a machine with much to do; who waited for the labels to be read waited for ten times as long, or for ever. */
const MOST_WAIT_MS = 2_000;

describe("a token that ended with its role", () => {
  it("is worth nothing when its container is seen on other networks, and the one after it is good there", async () => {
    const allow = ["arn:aws:iam::*:role/team/*"];
    await using place = await placeOf({ labels: ROLE }, { roleRules: [{ match: {}, allow }] });
    const { engine, containers, taskrole } = place.host;
    await place.asked();
    const ttl = "X-aws-ec2-metadata-token-ttl-seconds: 60\r\n";
    const token = async () => (await place.send(`PUT /latest/api/token HTTP/1.1\r\n${ttl}`)).body;
    const withToken = async (of: string) =>
      (await place.send(`GET /latest/meta-data/instance-id HTTP/1.1\r\nX-aws-ec2-metadata-token: ${of}\r\n`)).status;
    const ended = await token();
    writeFileSync(
      join(folder, `${files}.yaml`),
      JSON.stringify({ roleRules: [{ match: { network: "extra" }, allow }] }),
    );
    taskrole.signal("SIGHUP");
    await taskrole.says(/"applied":\["roleRules"\].*reloaded/);
    const good = await token();
    assert.deepEqual([await withToken(ended), await withToken(good)], [401, 200]);
    const extra = engine.addNetwork({ name: "extra", subnets: ["127.60.0.0/16"] });
    const { Id = "" } = containers["web"] ?? {};
    engine.connect(extra, Id, { IPv4Address: "127.60.0.2/16" });
    engine.sendNetwork("connect", extra, Id);
    while ((await place.get(ROLES)).status !== 200) await delay(20); // by the rule for its new network
    assert.deepEqual([await withToken(ended), await withToken(good)], [401, 200]);
  });
});

describe("metadata tokens", () => {
  for (const [said, setting, status] of [
    ["optional", "required", 200],
    ["required", "optional", 401],
    ["Required", "optional", 401],
  ] as const)
    it(`${said} by the container where they are ${setting} by the operator: ${status} without one`, async () => {
      const labels = { ...ROLE, "taskrole.tokens": said };
      await using host = await startHost({
        containers: { web: { address: ADDRESS, labels } },
        flags: { "metadata-tokens": setting },
      });
      const client = new RawClient(host.port, ADDRESS);
      assert.equal((await client.send(`GET ${ROLES} HTTP/1.1\r\n\r\n`).response()).status, status);
    });
});
