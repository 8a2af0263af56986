import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { ConfigError, type ConfigSources, loadConfig, loadWithPlaces } from "../../src/app/config.ts";
import { savedConfig } from "../../src/app/saved-config.ts";

const folder = mkdtempSync(join(tmpdir(), "taskrole-compat-"));
after(() => rmSync(folder, { recursive: true }));

let files = 0;
function file(text: string): string {
  files += 1;
  const path = join(folder, `${files}.yaml`);
  writeFileSync(path, text);
  return path;
}
const sources = (given: Partial<ConfigSources>): ConfigSources => ({
  ...{ file: given.file ?? "/dev/null", environment: {}, flags: {} },
  ...given,
});
const load = (given: Partial<ConfigSources>) => loadConfig(sources(given));
function mistakes(given: Partial<ConfigSources>): readonly string[] {
  try {
    load(given);
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes;
    throw error;
  }
  return assert.fail("it was taken");
}

describe("where another tool's settings stand among taskrole's own", () => {
  const each = { environment: { DEFAULT_ROLE: "tool" } };
  const rows: readonly (readonly [string, Partial<ConfigSources>, string])[] = [
    ["its variable beats the file", { ...each, file: file("compat: metadataproxy\ndefaultRole: file\n") }, "tool"],
    [
      "taskrole's variable beats its own",
      { environment: { DEFAULT_ROLE: "tool", TASKROLE_DEFAULT_ROLE: "own", TASKROLE_COMPAT: "metadataproxy" } },
      "own",
    ],
    [
      "its flag beats taskrole's variable",
      {
        environment: { TASKROLE_DEFAULT_ROLE: "own" },
        flags: { compat: "ec2metaproxy" },
        toolArguments: ["-r", "tool"],
      },
      "tool",
    ],
    [
      "taskrole's flag beats all",
      {
        environment: { TASKROLE_DEFAULT_ROLE: "own" },
        flags: { compat: "ec2metaproxy", defaultRole: "flag" },
        toolArguments: ["-r", "tool"],
      },
      "flag",
    ],
  ];
  for (const [what, given, role] of rows) it(what, () => assert.equal(load(given).defaultRole, role));

  it("the strongest word on who is taken over from decides, alone", () => {
    const given = { ...each, file: file("compat: metadataproxy\n"), flags: { compat: "iam-docker" } };
    assert.equal(load(given).defaultRole, undefined);
    assert.equal(load(given).listen.port, 8080);
  });

  it("without compat no variable of another tool counts", () => {
    const { defaultRole, listen, metadataTokens } = load({
      environment: { DEFAULT_ROLE: "x", PORT: "1", MOCK_API: "1", ROLE_REVERSE_LOOKUP: "True" },
    });
    assert.deepEqual([defaultRole, listen.port, metadataTokens], [undefined, 9254, "required"]);
  });

  for (const [tool, port] of [
    ["metadataproxy", 8000],
    ["ec2metaproxy", 18_000],
    ["iam-docker", 8080],
  ] as const)
    it(`${tool}: version 1 of the metadata service and port ${port}, unless anything of taskrole's says otherwise`, () => {
      const { listen, metadataTokens } = load({ flags: { compat: tool } });
      assert.deepEqual([listen, metadataTokens], [{ host: "::", port }, "optional"]);
      const own = file(`compat: ${tool}\nlisten: "127.0.0.1:1"\nmetadataTokens: required\n`);
      const other = load({ file: own });
      assert.deepEqual([other.listen.port, other.metadataTokens], [1, "required"]);
    });
});

describe("what is wrong with another tool's settings is said with its own name for the place", () => {
  const rows: readonly (readonly [string, Partial<ConfigSources>, RegExp])[] = [
    [
      "a default role that is none",
      { environment: { DEFAULT_ROLE: "not a role" } },
      /^environment variable DEFAULT_ROLE \(metadataproxy\): defaultRole is no role: .*white space.*"not a role"/,
    ],
    [
      "an account map that is not JSON",
      { environment: { AWS_ACCOUNT_MAP: "{'prod': '1'}" } },
      /^environment variable AWS_ACCOUNT_MAP \(metadataproxy\): accounts must map names to accounts; it is "\{'prod'/,
    ],
    [
      "an account that is none",
      { environment: { AWS_ACCOUNT_MAP: '{"prod":"1"}' } },
      /AWS_ACCOUNT_MAP \(metadataproxy\): accounts\.prod must be the twelve digits/,
    ],
    [
      "a default role of an account that nobody named",
      { environment: { DEFAULT_ROLE: "r@prod" } },
      /^environment variable DEFAULT_ROLE \(metadataproxy\): defaultRole names the account "prod"/,
    ],
    [
      "a host by name",
      { environment: { HOST: "localhost" } },
      /^environment variable HOST \(metadataproxy\): listen must be ADDRESS:PORT/,
    ],
    ["an Engine that wants TLS", { environment: { DOCKER_URL: "https://x" } }, /DOCKER_URL .*TLS is not spoken/],
  ];
  for (const [what, given, says] of rows)
    it(what, () => {
      const all = mistakes({ ...given, flags: { compat: "metadataproxy" } });
      assert.equal(all.length, 1);
      assert.match(all[0] ?? "", says);
    });

  it("all of it at once, and the tool's own mistakes with the rest", () => {
    const environment = { DEFAULT_ROLE: "a b", ROLE_REVERSE_LOOKUP: "1", TASKROLE_REGOIN: "x" };
    const all = mistakes({ environment, flags: { compat: "metadataproxy" }, toolArguments: ["--workers"] });
    assert.deepEqual(
      ["ROLE_REVERSE_LOOKUP", "--workers", "DEFAULT_ROLE", "TASKROLE_REGOIN"].filter((what, index) =>
        all[index]?.includes(what),
      ).length,
      4,
    );
  });

  it("a tool that there is not is the one thing said", () => {
    assert.deepEqual(mistakes({ flags: { compat: "metadata-proxy" }, toolArguments: ["--server", ":1"] }), [
      'flag --compat: compat must be one of metadataproxy, ec2metaproxy, iam-docker; it is "metadata-proxy"',
    ]);
  });
});

const DENY = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*"}]}';

describe("saved as a file, without the other tool's variables and flags, it is the same configuration", () => {
  const rows: readonly (readonly [string, Partial<ConfigSources>])[] = [
    ["metadataproxy", {}],
    [
      "metadataproxy",
      {
        environment: {
          ...{ DEFAULT_ROLE: "r@prod", DEFAULT_ACCOUNT_ID: "011122223333", AWS_ACCOUNT_MAP: '{"prod":"044455556666"}' },
          ...{ DOCKER_URL: "unix://var/run/docker.sock", METADATA_URL: "http://127.0.0.1:1/", MOCK_API: "yes" },
          ...{ MOCKED_INSTANCE_ID: "1e5", AWS_REGION: "eu-west-1", HOST: "127.0.0.1", PORT: "80", DEBUG: "1" },
          ...{ ROLE_SESSION_KEY: "Labels:who", WORKERS: "2" },
        },
      },
    ],
    ["metadataproxy", { environment: { TASKROLE_METADATA_TOKENS: "required", TASKROLE_LISTEN: "[::]:9254" } }],
    ["metadataproxy", { file: file("metadataTokens: required\nrefusedUsers: ['1000-2000']\n") }],
    ["ec2metaproxy", {}],
    [
      "ec2metaproxy",
      {
        toolArguments: [
          ...["--default-iam-role", "arn:aws:iam::111122223333:role/a/b", "--default-iam-policy", DENY],
          ...["--server", ":1800", "--verbose", "docker", "--image", "x"],
        ],
        flags: { dockerEndpoint: "unix:///x", metadataUrl: "http://127.0.0.1:1" },
      },
    ],
    ["ec2metaproxy", { flags: { metadataTokens: "required", listen: "[::]:9254" }, toolArguments: ["docker"] }],
    [
      "ec2metaproxy",
      {
        environment: {
          TASKROLE_SESSION_TAGS: '{"team":"{label:team}","on":"off"}',
          TASKROLE_ROLE_RULES: '[{"match":{"label":{"team":"red"}},"allow":["arn:aws:iam::*:role/red/*"]}]',
          TASKROLE_SESSION_SECONDS: "900",
        },
      },
    ],
    ["iam-docker", {}],
    [
      "iam-docker",
      { environment: { DOCKER_HOST: "tcp://[::1]:2375" }, toolArguments: ["-disable-upstream", "-verbose"] },
    ],
    [
      "iam-docker",
      { toolArguments: ["-listen-addr", ":80", "-meta-data-api", "http://127.0.0.1:80", "-read-timeout", "1m"] },
    ],
    ["iam-docker", { file: file("metadataPaths:\n  allow: [user-data]\n"), toolArguments: ["-disable-upstream"] }],
  ];
  for (const [tool, given] of rows)
    it(`${tool}: ${JSON.stringify(given)}`, () => {
      const loaded = loadWithPlaces(sources({ ...given, flags: { ...given.flags, compat: tool } }));
      const text = savedConfig(loaded);
      const again = load({ file: file(text) });
      const compat = tool === "ec2metaproxy" ? undefined : tool; // nothing of its containers needs it
      assert.deepEqual(again, { ...loaded.config, compat });
    });

  it("has what differs from the defaults alone, each line with where it came from", () => {
    const { environment } = {
      environment: { DEFAULT_ROLE: "app", PORT: "45001", METADATA_URL: "http://169.254.169.254" },
    };
    const flags = { compat: "metadataproxy", logFormat: "json" };
    assert.equal(
      savedConfig(loadWithPlaces(sources({ environment, flags }))),
      `# What metadataproxy was told, as taskrole's own settings

# environment variable PORT (metadataproxy)
listen: "[::]:45001"
# environment variable DEFAULT_ROLE (metadataproxy)
defaultRole: app
# compat metadataproxy
metadataTokens: optional
# flag --compat
compat: metadataproxy
`,
    );
  });
});
