import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { ConfigError, type ConfigSources, loadConfig } from "../../src/app/config.ts";
import { environmentOf, flagOf, OPTION_NAMES } from "../../src/app/options.ts";

const folder = mkdtempSync(join(tmpdir(), "taskrole-config-"));
after(() => rmSync(folder, { recursive: true }));

const file = (text: string, name = "config.yaml"): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
const load = (given: Partial<ConfigSources>) =>
  loadConfig({ file: file("", "empty.yaml"), environment: {}, flags: {}, ...given });

function mistakes(given: Partial<ConfigSources>): readonly string[] {
  try {
    load(given);
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes.map((mistake) => mistake.replaceAll(folder, "DIR"));
    throw error;
  }
  return assert.fail("it was taken");
}

describe("loadConfig", () => {
  it("has the documented defaults", () => {
    const { listen, dockerEndpoint, metadataUrl, metadataTokens, interception, sessionSeconds, defaultRole } = load({});
    assert.deepEqual(listen, { host: "::", port: 9254 });
    assert.deepEqual(
      [dockerEndpoint, metadataUrl, metadataTokens, interception, sessionSeconds, defaultRole],
      ["unix:///var/run/docker.sock", "http://169.254.169.254", "required", "nftables", 3600, undefined],
    );
  });

  it("lets the environment beat the file, and a flag beat both", () => {
    const sources = { file: file("region: eu-west-1\nlogLevel: warn\nmock: true\n") };
    const environment = { TASKROLE_REGION: "eu-west-2", TASKROLE_LOG_LEVEL: "error", HOME: "/root" };
    const { region, logLevel, mock } = load({ ...sources, environment, flags: { region: "eu-west-3" } });
    assert.deepEqual([region, logLevel, mock], ["eu-west-3", "error", true]);
  });

  it("reads users as ranges, and knows where engines put containers", () => {
    const { refusedUsers, containerCgroups, hostNetwork } = load({
      environment: { TASKROLE_REFUSED_USERS: '["1000-59999", "990"]' },
    });
    assert.deepEqual(refusedUsers, [
      { from: 1000, to: 59_999 },
      { from: 990, to: 990 },
    ]);
    assert.deepEqual(containerCgroups, ["docker", "docker.slice", "libpod_parent", "machine.slice"]);
    assert.equal(hostNetwork, "refuse");
  });

  for (const users of ["0", "0-10", "5-4", "root", "-1", "1-", "4294967295", "1 - 2", ""]) {
    it(`takes no users ${JSON.stringify(users)}`, () => {
      const [said] = mistakes({ environment: { TASKROLE_REFUSED_USERS: JSON.stringify([users]) } });
      assert.match(
        said ?? "",
        /^environment variable TASKROLE_REFUSED_USERS: refusedUsers.0 must be the numbers of users/,
      );
    });
  }

  for (const cgroup of ["/docker", "docker/", "a//b", "..", "a/../b", ".", 'x"', "a b", "x".repeat(51), ""]) {
    it(`takes no cgroup ${JSON.stringify(cgroup)}`, () => {
      const [said] = mistakes({ environment: { TASKROLE_CONTAINER_CGROUPS: JSON.stringify([cgroup]) } });
      assert.match(said ?? "", /containerCgroups.0 must be a cgroup, from the root of cgroup 2/);
    });
  }

  it("reads numbers, switches and maps from text", () => {
    const environment = {
      TASKROLE_SESSION_SECONDS: "900",
      TASKROLE_MOCK: "true",
      TASKROLE_ACCOUNTS: '{"prod":"044455556666"}',
      TASKROLE_DEFAULT_ACCOUNT_ID: "011122223333",
    };
    const { sessionSeconds, mock, accounts, defaultAccountId } = load({ environment });
    assert.deepEqual(
      [sessionSeconds, mock, accounts, defaultAccountId],
      [900, true, { prod: "044455556666" }, "011122223333"],
    );
  });

  it("says every mistake at once, each with its place", () => {
    const text = "listen: here\ndefualtRole: x\naccounts:\n  prod: 444455556666\n";
    assert.deepEqual(
      mistakes({
        file: file(text),
        environment: { TASKROLE_MOCK: "yes", TASKROLE_REGOIN: "x" },
        flags: { metadataTokens: "no" },
      }),
      [
        'DIR/config.yaml:1: listen must be ADDRESS:PORT, e.g. "[::]:9254" or "127.0.0.1:9254"; it is "here"',
        'DIR/config.yaml:2: there is no setting "defualtRole"; did you mean "defaultRole"?',
        "DIR/config.yaml:4: accounts.prod must be the twelve digits of an AWS account, in quotes so that YAML does not read a number; it is 444455556666",
        'environment variable TASKROLE_MOCK: mock must be true or false; it is "yes"',
        'environment variable TASKROLE_REGOIN: there is no setting "TASKROLE_REGOIN"; did you mean "TASKROLE_REGION"?',
        'flag --metadata-tokens: metadataTokens must be one of required, optional; it is "no"',
      ],
    );
  });

  const placed = [
    { what: "an element", text: "roleRules:\n- match: {}\n  allow:\n  - '*'\n  - red\n", line: 5 },
    { what: "a value", text: "roleRules:\n- match: {}\n- match:\n    name: ci\n    image: 7\n", line: 5 },
    { what: "a key that is not known", text: "roleRules:\n- match: {}\n  allow: []\n  alow: []\n", line: 4 },
    { what: "what misses something", text: "roleRules:\n- match: {}\n\n- allow: []\n", line: 4 },
    { what: "an element that is nothing", text: "roleRules:\n- match: {}\n-\n", line: 3 },
    { what: "what is written elsewhere", text: "region: eu-west-1\naccounts:\n  a: &x 1\n", line: 3 },
    { what: "a part on one line with others", text: '{"region": "eu-west-1",\n "roleRules": [{"match": 1}]}', line: 2 },
  ];
  for (const { what, text, line } of placed) {
    it(`names the line of ${what}`, () => {
      const [said, ...more] = mistakes({ file: file(text) });
      assert.deepEqual(more, []);
      assert.equal(said?.split(" ")[0], `DIR/config.yaml:${line}:`, said);
    });
  }

  const wrong = [
    { text: "listen: a\n\tregion: b\n", says: /config\.yaml:2: is not YAML: .*tab/i, because: "a tab" },
    { text: "listen: [\n", says: /is not YAML/, because: "an open bracket" },
    { text: "- listen\n", says: /must be settings/, because: "a list" },
    {
      text: "region: eu-west-1\nregion: eu-west-2\n",
      says: /config\.yaml:2: is not YAML: the key "region" is there twice$/,
      because: "a key twice",
    },
    {
      text: "accounts:\n  a: '1'\n  'a': '1'\n",
      says: /config\.yaml:3: .*the key "a" is there twice/,
      because: "twice, within",
    },
    { text: "region: !eu west-1\n", says: /config\.yaml:1: is not YAML: Unresolved tag: !eu/, because: "a tag" },
    ...["deny:\n  - */admin", "name:\n    *-prod", "allow:\n  - *", "allow:\n  - *x"].map((slip) => ({
      text: `roleRules:\n- match: {}\n  ${slip}\n`,
      says: /^DIR\/config\.yaml:4: is not YAML: .*put a value that begins with \* or & in quotes\)$/,
      because: `a pattern without quotes: ${JSON.stringify(slip)}`,
    })),
    {
      text: "region: eu-west-1\naccounts: &a\n  x: *a\n",
      says: /config\.yaml:2: is not YAML: its aliases stand for themselves/,
      because: "a circle",
    },
    { text: "listen: '[::]:99999'\n", says: /ADDRESS:PORT/, because: "no such port" },
    { text: "listen: localhost:9254\n", says: /ADDRESS:PORT/, because: "a name, which could mean anything" },
    { text: "defaultRole: ''\n", says: /is no role: it is empty/, because: "an empty role" },
    { text: "defaultRole: a b\n", says: /white space/, because: "no role" },
    {
      text: "defaultRole: r@dev\n",
      says: /config\.yaml:1: defaultRole names the account "dev"/,
      because: "an unknown account",
    },
    {
      text: "roleRules:\n- match: {}\n- match: {}\n  allow: []\n  defaultRole: r@dev\n",
      says: /^DIR\/config\.yaml:5: rule 2 of roleRules: defaultRole names the account "dev", which the setting accounts/,
      because: "an unknown account in a rule",
    },
    {
      text: `roleMapFile: ${file("- address: 10.0.5.7\n- { address: 10.0.5.8, role: r@dev }\n", "accounts.yaml")}\n`,
      says: /^DIR\/accounts\.yaml:2: role names the account "dev", which the setting accounts does not have$/,
      because: "an unknown account in the role map",
    },
    {
      text: `roleMapFile: ${file("- { address: 10.0.5.8, transitiveTags: [Kind, Team, all, x], sessionTags: { kind: vm } }\n", "loose.yaml")}
sessionTags: { ALL: a }
roleRules: [{ match: {}, sessionTags: { team: red } }]
`,
      says: /^DIR\/loose\.yaml:1: transitiveTags names "x", which nobody sets$/,
      because: "a transitive tag that nobody sets",
    },
    {
      text: JSON.stringify({
        sessionTags: Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`a${i}`, "x"])),
        roleRules: [10, 11].map((count) => ({
          match: {},
          sessionTags: Object.fromEntries(Array.from({ length: count + 1 }, (_, i) => [i > 0 ? `b${i}` : "A0", "x"])),
        })),
      }),
      says: /^DIR\/config\.yaml:1: rule 2 of roleRules: sessionTags makes 51 with the setting sessionTags, and STS takes 50$/,
      because: "more tags together than STS takes",
    },
    { text: "sessionSeconds: 7200\n", says: /3600.*after an hour/, because: "longer than a chained session may be" },
    { text: "sessionSeconds: 899\n", says: /900/, because: "shorter than STS allows" },
    { text: "metadataUrl: http://169.254.169.254/latest\n", says: /without a path/, because: "a path" },
    { text: "interception: iptable\n", says: /one of nftables, iptables, none/, because: "not a way we have" },
    { text: "region: Frankfurt\n", says: /like eu-west-1/, because: "no region" },
    { text: "dockerEndpoint: /var/run/docker.sock\n", says: /unix:\/\/\//, because: "a path alone" },
    { text: "runtimeDirectory: run\n", says: /absolute/, because: "a relative path" },
    {
      text: "metadataPaths:\n  allow: [user-data, meta-data/iam/info]\n",
      says: /config\.yaml:2: metadataPaths\.allow\.1 cannot be opened by any setting: it is the host's role.*"meta-data\/iam\/info"/,
      because: "a never-entry",
    },
    {
      text: "metadataPaths:\n  deny: [latest/meta-data/spot]\n",
      says: /metadataPaths\.deny\.0 is no path of the metadata: .*without a version/,
      because: "a version",
    },
    { text: "metadataPaths: [user-data]\n", says: /metadataPaths must have "allow" or "deny"/, because: "a list" },
    { text: "metadataPaths:\n  alow: []\n", says: /metadataPaths must have "allow" or "deny"/, because: "a slip" },
    { text: "guardedUplinks: eth0\n", says: /guardedUplinks must be a list of network interfaces/, because: "no list" },
    {
      text: "guardedUplinks: [eth0; x]\n",
      says: /guardedUplinks\.0 must be a network interface like eth0/,
      because: "no name",
    },
    { text: "containerCredentials: on\n", says: /open, token, off/, because: "not a way we have" },
    { text: "1: x\n", says: /no setting "1"/, because: "a key that is no text" },
  ];
  for (const { text, says, because } of wrong) {
    it(`refuses ${JSON.stringify(text)}: ${because}`, () => {
      const all = mistakes({ file: file(text) });
      assert.ok(
        all.some((mistake) => says.test(mistake)),
        all.join("\n"),
      );
    });
  }

  it("needs the file that was named, and can do without the one that was not", () => {
    assert.deepEqual(mistakes({ file: join(folder, "none.yaml") }), [
      "DIR/none.yaml: there is no such configuration file",
    ]);
    assert.deepEqual(mistakes({ file: undefined, environment: { TASKROLE_CONFIG: join(folder, "none.yaml") } }), [
      "DIR/none.yaml: there is no such configuration file",
    ]);
    assert.equal(load({ file: undefined }).listen.port, 9254);
  });

  it("says an empty environment variable is a mistake, not a default", () => {
    assert.match(
      mistakes({ environment: { TASKROLE_DEFAULT_ROLE: "" } })[0] ?? "",
      /TASKROLE_DEFAULT_ROLE: defaultRole is no role: it is empty/,
    );
  });

  it("spells each option three ways", () => {
    assert.equal(flagOf("metadataUrl"), "metadata-url");
    assert.equal(environmentOf("metadataUrl"), "TASKROLE_METADATA_URL");
    assert.equal(new Set(OPTION_NAMES.map(environmentOf)).size, OPTION_NAMES.length);
  });
});
