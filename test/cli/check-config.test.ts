import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { parse } from "yaml";
import { loadConfig } from "../../src/app/config.ts";
import { FakeEngine } from "../docker/fake-engine.ts";
import { run } from "../support/program.ts";

const folder = mkdtempSync(join(tmpdir(), "taskrole-check-"));
after(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
function file(text: string | object): string {
  files += 1;
  const path = join(folder, `${files}.yaml`);
  writeFileSync(path, typeof text === "string" ? text : JSON.stringify(text));
  return path;
}

const check = (config: string | object, ...flags: readonly string[]) =>
  run(["check-config", "--config", typeof config === "string" ? config : file(config), ...flags]);

describe("taskrole check-config", () => {
  it("prints every setting with where it came from: the file's line, the variable, the flag, the default", async () => {
    const config = file(
      "defaultRole: ok/base\nlogLevel: debug\nroleRules:\n  - match: {}\n    allow: [arn:aws:iam::*:role/ok/*]\n",
    );
    const { code, stdout, stderr } = await run(["check-config", "--config", config, "--region", "eu-west-1"], {
      env: { TASKROLE_LOG_LEVEL: "warn", TASKROLE_ACCOUNTS: '{"prod":"444455556666"}' },
    });
    assert.deepEqual([code, stderr], [0, ""]);
    const lines = stdout.split("\n");
    for (const line of [
      `defaultRole: ok/base  # ${config}:1`,
      "logLevel: warn  # environment variable TASKROLE_LOG_LEVEL",
      "region: eu-west-1  # flag --region",
      `roleRules:  # ${config}:3`,
      "accounts:  # environment variable TASKROLE_ACCOUNTS",
      '  prod: "444455556666"',
      'listen: "[::]:9254"  # default',
      "# stsEndpoint: not set",
    ])
      assert.ok(lines.includes(line), `${line}\nin\n${stdout}`);
  });

  for (const [what, written] of [
    ["nothing at all", {}],
    [
      "much",
      {
        listen: "127.0.0.1:9300",
        guardedUplinks: ["eth0"],
        accounts: { prod: "444455556666" },
        defaultRole: "a@prod",
        sessionSeconds: 900,
        mock: true,
        metadataPaths: { allow: ["user-data"] },
        refusedUsers: ["1000-2000", "77"],
        sessionName: "{label:a # b}: {container.id}",
        sessionTags: { "a b": ": no comment" },
        defaultPolicy: '{"Version":"2012-10-17",\n "Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}',
        roleRules: [
          {
            match: { label: { team: "a: b" } },
            allow: ["*"],
            policy: { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }] },
          },
        ],
      },
    ],
  ] as const)
    it(`what it prints reads back as the same: ${what}`, async () => {
      const config = file(written);
      const { stdout } = await check(config);
      const load = (path: string) => loadConfig({ file: path, environment: {}, flags: {} });
      assert.deepEqual(load(file(stdout)), load(config));
    });

  it("says what is wrong, and prints nothing", async () => {
    const { code, stdout, stderr } = await check("/dev/null", "--session-seconds", "60");
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(
      stderr,
      /^taskrole: flag --session-seconds: sessionSeconds must be a whole number from 900 to 3600; it is 60$/m,
    );
  });
});

const RULES = {
  defaultAccountId: "111122223333",
  sessionTags: { app: "{container.name}" },
  roleRules: [
    {
      match: { name: "ci-*" },
      allow: ["arn:aws:iam::*:role/ci/*"],
      deny: ["*/release"],
      policyArns: ["arn:aws:iam::aws:policy/ReadOnlyAccess"],
    },
    {
      match: { label: { team: "red" }, network: "apps" },
      allow: ["arn:aws:iam::*:role/red/*"],
      defaultRole: "red/base",
      sessionSeconds: 900,
    },
  ],
};

/** As `docker inspect` prints it, less what nobody reads. */
const inspected = (
  name: string,
  more: { labels?: object; env?: readonly string[]; networks?: readonly string[]; mode?: string } = {},
) => ({
  Id: Buffer.from(name).toString("hex").padEnd(64, "0").slice(0, 64),
  Name: `/${name}`,
  State: { Running: true, Pid: 4711, StartedAt: "2026-01-01T00:00:00Z", Status: "running" },
  Image: `sha256:${"ab".repeat(32)}`,
  Config: { Image: "busybox:1", Labels: more.labels ?? {}, Env: more.env ?? null },
  HostConfig: { NetworkMode: more.mode ?? "bridge", UsernsMode: "" },
  NetworkSettings: {
    Networks: Object.fromEntries(
      (more.networks ?? ["bridge"]).map((one) => [
        one,
        { NetworkID: "n", IPAddress: "172.17.0.2", GlobalIPv6Address: "", MacAddress: "" },
      ]),
    ),
  },
});
const WEB = inspected("web", { labels: { team: "red" }, networks: ["apps"] });

describe("taskrole check-config --workload FILE", () => {
  it("prints what a container would be granted, by which rule, and ends with 0", async () => {
    const { code, stdout } = await check(RULES, "--workload", file([WEB]));
    assert.equal(code, 0);
    assert.deepEqual(parse(stdout), [
      {
        container: "web",
        granted: true,
        role: "arn:aws:iam::111122223333:role/red/base",
        roleFrom: "defaultRole of rule 2",
        rule: 2,
        sessionName: `web-${WEB.Id.slice(0, 12)}`,
        sessionSeconds: 900,
        sessionTags: { app: "web" },
        tokens: "required",
      },
    ]);
  });

  it("tells what the container says of tokens and of what it wants to see", async () => {
    const labels = { team: "red", "taskrole.tokens": "optional", "taskrole.metadata": "meta-data/placement/, dynamic" };
    const { code, stdout } = await check(RULES, "--workload", file([inspected("web", { labels, networks: ["apps"] })]));
    assert.equal(code, 0);
    assert.match(stdout, /\n {2}tokens: optional\n {2}paths:\n {4}- meta-data\/placement\n {4}- dynamic\n$/);
  });

  it("ends with 1 where a container's word on them cannot be read, and takes it for the most careful", async () => {
    const labels = { team: "red", "taskrole.tokens": "maybe", "taskrole.metadata": "placement" };
    const { code, stdout } = await check(RULES, "--workload", file([inspected("web", { labels, networks: ["apps"] })]));
    assert.equal(code, 1);
    assert.match(stdout, /granted: true\n.*\n {2}tokens: required\n {2}paths: \[\]\n {2}mistakes:\n/s);
    assert.match(stdout, /- .*\(label taskrole\.tokens\) cannot be read: "maybe"; write "required" or "optional"/);
    assert.match(stdout, /- .*\(label taskrole\.metadata\) cannot be read: "placement": a path begins with/);
  });

  it("reads no more of a container's words than the daemon does, and says of which there are too many", async () => {
    const big = { team: "red", big: "x".repeat(20_000), "taskrole.session-tags.x": "{label:big}".repeat(15_000) };
    const refused = await check(RULES, "--workload", file([inspected("web", { labels: big, networks: ["apps"] })]));
    assert.equal(refused.code, 1);
    assert.match(refused.stdout, /label taskrole\.session-tags\.x\): it has 165000 characters, and at most 16384/);
    const labels = { team: "red", "taskrole.metadata": "dynamic/a,".repeat(100_000) };
    const { code, stdout } = await check(RULES, "--workload", file([inspected("web", { labels, networks: ["apps"] })]));
    assert.equal(code, 1);
    assert.match(stdout, /dynamic\/a,…": it has 1000000 characters, and at most 4096 are read/);
    assert.ok(stdout.length < 2_000);
  });

  it("also of the document alone, without its list", async () => {
    assert.equal((await check(RULES, "--workload", file(WEB))).code, 0);
  });

  const rows: readonly (readonly [string, object | readonly object[], object, RegExp])[] = [
    ["no rule", inspected("web"), RULES, /refusal: no-rule\n.*reason: none of the roleRules is for web/],
    [
      "a role that the rule denies",
      inspected("ci-1", { env: ["IAM_ROLE=ci/release"] }),
      RULES,
      /refusal: role-refused\n\s+rule: 1\n.*it denies \*\/release/,
    ],
    [
      "a role that is none",
      inspected("ci-1", { labels: { "taskrole.role": "a b" } }),
      RULES,
      /refusal: bad-role\n.*label taskrole.role/,
    ],
    [
      "a role in the host's account, away from the host",
      inspected("web", { labels: { "taskrole.role": "a" } }),
      {},
      /refusal: account-unknown\n.*label taskrole.role.*\n.*--default-account-id/,
    ],
    [
      "the host's own network",
      inspected("web", { networks: ["host"], mode: "host" }),
      RULES,
      /refusal: host-network-refused\n/,
    ],
  ];
  for (const [what, document, config, expected] of rows)
    it(`${what}: says why, and ends with 1`, async () => {
      const { code, stdout } = await check(config, "--workload", file(document));
      assert.equal(code, 1);
      assert.match(stdout, /granted: false/);
      assert.match(stdout, expected);
    });

  it("of several, one refused is enough to end with 1", async () => {
    const { code, stdout } = await check(RULES, "--workload", file([WEB, inspected("other")]));
    assert.equal(code, 1);
    assert.deepEqual(
      (parse(stdout) as { granted: boolean }[]).map(({ granted }) => granted),
      [true, false],
    );
  });

  it("a container in another's network has that one's role", async () => {
    const guest = inspected("guest", { labels: { team: "red" }, networks: [], mode: `container:${WEB.Id}` });
    const { stdout } = await check(RULES, "--workload", file([guest, WEB]));
    assert.deepEqual(
      (parse(stdout) as { container: string }[]).map(({ container }) => container),
      ["web", "web"],
    );
    const alone = await check(RULES, "--workload", file([guest]));
    assert.equal(alone.code, 2);
    assert.match(alone.stderr, /guest is in the network of the container [0-9a-f]{64}, so it has that one's role/);
  });

  for (const [what, text, expected] of [
    ["no JSON", "Error: No such object", /is not what `docker inspect` prints/],
    ["an empty list", "[]", /is not what `docker inspect` prints of a container: it is empty/],
    [
      "an image's document",
      '[{"Id":"sha256:1","RepoTags":[]}]',
      /is not what `docker inspect` prints of a container: \S+ is not as it should be/,
    ],
  ] as const)
    it(`a file that is ${what}: ends with 2`, async () => {
      const path = file(text);
      const { code, stderr } = await check(RULES, "--workload", path);
      assert.equal(code, 2);
      assert.ok(stderr.includes(`taskrole: ${path}: `));
      assert.match(stderr, expected);
    });
});

describe("what check-config reads of a container is what the daemon reads", () => {
  it("the labels of the tool that compat names, and the variables that templates name", async () => {
    const container = inspected("app", {
      labels: { "com.swipely.iam-docker.iam-profile": "arn:aws:iam::111122223333:role/app" },
      env: ["WHO=build"],
    });
    const settings = { compat: "iam-docker", sessionName: "{env:WHO}" };
    const { code, stdout } = await check(settings, "--workload", file(container));
    assert.equal(code, 0, stdout);
    const [{ role, sessionName } = { role: "", sessionName: "" }] = parse(stdout) as {
      role: string;
      sessionName: string;
    }[];
    assert.equal(role, "arn:aws:iam::111122223333:role/app");
    assert.match(sessionName, /^build-/);
    const table = file([
      {
        workload: {
          labels: { "com.swipely.iam-docker.iam-profile": "arn:aws:iam::111122223333:role/app" },
          env: { WHO: "build" },
        },
        expect: { role, sessionName: "build-000000000000" },
      },
    ]);
    assert.equal((await check(settings, "--cases", table)).code, 0);
  });
});

describe("taskrole check-config --workload NAME", () => {
  const engine = new FakeEngine();
  before(() => engine.listen());
  after(() => engine.destroy());

  it("asks the Engine for the container, and for the one whose network it is in", async () => {
    const network = engine.addNetwork({ name: "apps", subnets: ["172.18.0.0/16"] });
    engine.run({ network, name: "shop", ip: "172.18.0.2/16", labels: { team: "red", "taskrole.role": "red/shop" } });
    const { code, stdout } = await check(RULES, "--docker-endpoint", engine.endpoint, "--workload", "shop");
    assert.equal(code, 0);
    assert.match(stdout, /container: shop\n\s+granted: true\n\s+role: arn:aws:iam::111122223333:role\/red\/shop\n/);
    const shop = [...engine.containers.values()].find(({ Name }) => Name === "/shop") ?? assert.fail();
    engine.run({ network, name: "guest", guestOf: shop.Id });
    const guest = await check(RULES, "--docker-endpoint", engine.endpoint, "--workload", "guest");
    assert.equal(guest.stdout, stdout);
  });

  it("is not misled by a folder of that name", async () => {
    const { code, stderr } = await check(RULES, "--docker-endpoint", engine.endpoint, "--workload", folder);
    assert.equal(code, 2);
    assert.match(stderr, /no such file, and no such container\n$/);
  });

  it("says that there is neither such a file nor such a container, and where Docker is not", async () => {
    const unknown = await check(RULES, "--docker-endpoint", engine.endpoint, "--workload", "shpo");
    assert.deepEqual(
      [unknown.code, unknown.stderr],
      [2, "taskrole: shpo: there is no such file, and no such container\n"],
    );
    const away = await check(RULES, "--docker-endpoint", "unix:///nowhere.sock", "--workload", "shop");
    assert.equal(away.code, 2);
    assert.match(away.stderr, /taskrole: shop: .*\/nowhere\.sock.*start Docker/);
  });
});

describe("taskrole check-config --workload ADDRESS", () => {
  it("looks into the role map", async () => {
    const roleMapFile = file("10.0.5.7: { name: ci-vm, role: ci/vm }");
    const { code, stdout } = await check({ ...RULES, roleMapFile }, "--workload", "10.0.5.7");
    assert.equal(code, 0);
    assert.match(stdout, /container: ci-vm\n\s+granted: true\n.*role\/ci\/vm\n\s+roleFrom: role in .*:1\n/);
    const other = await check({ ...RULES, roleMapFile }, "--workload", "10.0.5.8");
    assert.deepEqual([other.code, other.stderr], [2, `taskrole: ${roleMapFile}: says nothing of 10.0.5.8\n`]);
    assert.match((await check(RULES, "--workload", "10.0.5.7")).stderr, /roleMapFile, which is not set/);
  });
});

describe("taskrole check-config --cases FILE", () => {
  const TABLE = (inspect: string) => `
- case: red's web has its team's base
  workload: { name: web, labels: { team: red }, networks: [apps] }
  expect: { role: "arn:aws:iam::111122223333:role/red/base", rule: 2, sessionSeconds: 900, sessionTags: { app: web }, tokens: required }
- workload: { name: ci-7, env: { IAM_ROLE: ci/release } }
  expect: { refusal: role-refused, rule: 1 }
- inspect: ${inspect}
  expect: { granted: true }
- workload: { networks: [apps], labels: { team: red, taskrole.tokens: optional, taskrole.metadata: none } }
  expect: { tokens: optional, paths: [] }
`;

  it("every case holds: ends with 0", async () => {
    const inspect = file([WEB]);
    const { code, stdout } = await check(RULES, "--cases", file(TABLE(inspect.replace(`${folder}/`, "./"))));
    assert.deepEqual(
      [code, stdout.split("\n")],
      [
        0,
        [
          "holds: red's web has its team's base",
          "holds: ci-7",
          `holds: ${inspect.replace(`${folder}/`, "./")}`,
          "holds: container",
          "4 hold, 0 do not",
          "",
        ],
      ],
    );
  });

  it("one does not: it is named with its line and with what is other, and the end is 1", async () => {
    const changed = {
      ...RULES,
      roleRules: RULES.roleRules.map((rule) => ({ ...rule, deny: [], sessionSeconds: 1800 })),
    };
    const table = file(TABLE(file([WEB])));
    const { code, stdout } = await check(changed, "--cases", table);
    assert.equal(code, 1);
    const lines = stdout.split("\n");
    assert.equal(lines[0], `FAILS: red's web has its team's base (${table}:2): sessionSeconds is 1800, not 900`);
    assert.equal(lines[1], `FAILS: ci-7 (${table}:5): refusal is not there, not "role-refused"`);
    assert.equal(lines[4], "2 hold, 2 do not");
  });

  for (const [what, text, expected] of [
    ["no case", "[]", /must be a list of cases, each with workload and expect/],
    ["nothing", "", /must be a list of cases/],
    ["no list", "workload: web", /must be a list of cases/],
    ["a case that expects nothing", "- { workload: { name: a }, expect: {} }", /:1: expect must expect something/],
    ["a case of nobody", "- expect: { rule: 1 }", /:1: must have one of workload, inspect and address/],
    [
      "an unknown word",
      "- { workload: { nmae: a }, expect: { roel: x } }",
      /nmae.*did you mean.*name[\s\S]*roel.*did you mean.*role/,
    ],
    [
      "a number for a text",
      "- { workload: { labels: { build: 7 } }, expect: { rule: 1 } }",
      /:1: workload.labels.build must be a text, in quotes/,
    ],
    [
      "a list for a map",
      "- { workload: { env: [IAM_ROLE=a] }, expect: { rule: 1 } }",
      /:1: workload.env must map names to texts\n$/,
    ],
    [
      "a name for an address",
      "- { address: web, expect: { rule: 1 } }",
      /:1: address must be an address of the role map\n$/,
    ],
    ["broken YAML", "- [", /:1: is not YAML/],
    [
      "a pattern without quotes",
      "- workload: { name: *-prod }\n  expect: { rule: 1 }",
      /^taskrole: .*:1: is not YAML: there is no &-prod before \*-prod \(put a value .* in quotes\)\n$/,
    ],
  ] as const)
    it(`a table with ${what}: ends with 2`, async () => {
      const { code, stdout, stderr } = await check(RULES, "--cases", file(text));
      assert.deepEqual([code, stdout], [2, ""]);
      assert.match(stderr, expected);
    });

  it("of whom nothing can be decided is named with its line, and the others are decided", async () => {
    const table = file(`- { inspect: nope.json, expect: { granted: true } }
- { address: 10.0.5.7, expect: { granted: true } }
- { workload: { name: ci-7, networks: [host], labels: { taskrole.role: ci/a } }, expect: { refusal: host-network-refused } }
`);
    const { code, stdout, stderr } = await check(RULES, "--cases", table);
    assert.deepEqual([code, stderr], [1, ""]);
    const lines = stdout.split("\n");
    assert.match(
      lines[0] ?? "",
      new RegExp(`^FAILS: nope\\.json \\(${table}:1\\): .*/nope\\.json: is not what .*ENOENT`),
    );
    assert.match(lines[1] ?? "", /^FAILS: 10\.0\.5\.7 \(.*:2\): .*roleMapFile, which is not set$/);
    assert.deepEqual(lines.slice(2), ["holds: ci-7", "1 hold, 2 do not", ""]);
  });

  it("a table that is not there", async () => {
    const { code, stderr } = await check(RULES, "--cases", "/nonexistent.yaml");
    assert.deepEqual([code, stderr], [2, "taskrole: /nonexistent.yaml: there is no such file, or it cannot be read\n"]);
  });
});
