import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { readRoleMapFile } from "../../src/app/role-map-file.ts";
import type { Workload } from "../../src/core/workload.ts";

const folder = mkdtempSync(join(tmpdir(), "taskrole-map-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, "roles.yaml");

const read = (text: string) => {
  writeFileSync(file, text);
  return readRoleMapFile(file);
};

function workloadAt(text: string, address: string): Workload | undefined {
  const reading = read(text);
  assert.ok(reading.kind === "map", `${mistakesIn(text)}`);
  return reading.map.workloadAt(address);
}

const mistakesIn = (text: string): readonly string[] => {
  const reading = read(text);
  return reading.kind === "mistakes" ? reading.mistakes.map((one) => one.replace(file, "FILE")) : [];
};

describe("who has an address", () => {
  // biome-ignore format: a row a line
  const rows: readonly (readonly [string, string, string, string | undefined])[] = [
    ["one address",                        "- { address: 10.0.5.7, role: a }",                  "10.0.5.7",      "a"],
    ["and no other",                       "- { address: 10.0.5.7, role: a }",                  "10.0.5.8",      undefined],
    ["a range",                            "- { address: 10.0.6.0/24, role: a }",               "10.0.6.200",    "a"],
    ["beside a range",                     "- { address: 10.0.6.0/24, role: a }",               "10.0.7.1",      undefined],
    ["IPv6, however it is spelled",        "- { address: 'fd00:0:0::A', role: a }",             "fd00::a",       "a"],
    ["a range of IPv6",                    "- { address: 'fd00::/64', role: a }",               "fd00::9:9",     "a"],
    ["IPv4 is in no range of IPv6",        "- { address: '::/1', role: a }",                    "10.0.0.1",      undefined],
    ["the smaller range, though later",    "- { address: 10.0.0.0/8, role: a }\n- { address: 10.1.0.0/16, role: b }\n- { address: 10.1.2.3, role: c }", "10.1.9.9", "b"],
    ["the address, in two ranges",         "- { address: 10.0.0.0/8, role: a }\n- { address: 10.1.0.0/16, role: b }\n- { address: 10.1.2.3, role: c }", "10.1.2.3", "c"],
    ["a map of addresses to roles",        "10.0.5.7: a\n10.0.5.8: b",                          "10.0.5.8",      "b"],
    ["the same as JSON",                   '{"10.0.5.7": "team/a@444455556666"}',               "10.0.5.7",      "team/a@444455556666"],
    ["a map to the rest of the entry",     "10.0.5.7: { role: a, name: vm }",                   "10.0.5.7",      "a"],
    ["a short source identity with a place", "- { address: 10.0.5.7, role: a, sourceIdentity: 'v{host}' }", "10.0.5.7", "a"],
    ["nothing in the file",                "# later\n",                                         "10.0.5.7",      undefined],
  ];
  for (const [what, text, address, role] of rows)
    it(what, () => assert.equal(workloadAt(text, address)?.roleClaim?.text, role));

  it("an entry may leave the role to the default", () => {
    const found = workloadAt("- address: 10.0.5.7\n  name: vm", "10.0.5.7");
    assert.deepEqual([found?.name, found?.roleClaim], ["vm", undefined]);
  });
});

describe("what is written of an address", () => {
  it("becomes the same claims as a container's labels, each with its place", () => {
    const text = `- address: 10.0.6.0/24
- address: 10.0.5.7
  name: build-vm
  role: build
  externalId: xyz
  policy: { Version: "2012-10-17", Statement: [{ Effect: Deny, Action: "s3:*", Resource: "*" }] }
  policyArns: [arn:aws:iam::aws:policy/A, arn:aws:iam::aws:policy/B]
  sessionName: "{container.name}"
  sessionTags: { team: red }
  transitiveTags: [team]
  sourceIdentity: vm
  tokens: optional
  metadata: none
`;
    const said = (key: string, value: string) => ({ text: value, place: `${key} in ${file}:2` });
    const { id, startedAt, ...rest } = workloadAt(text, "10.0.5.7") ?? assert.fail();
    assert.match(`${id} ${startedAt}`, /^[0-9a-f]{64} [0-9a-f]{64}$/);
    assert.deepEqual(rest, {
      name: "build-vm",
      roleClaim: said("role", "build"),
      pathsClaim: said("metadata", "none"),
      tokensClaim: said("tokens", "optional"),
      sessionClaims: {
        externalId: said("externalId", "xyz"),
        policy: said(
          "policy",
          '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*"}]}',
        ),
        policyArns: said("policyArns", "arn:aws:iam::aws:policy/A arn:aws:iam::aws:policy/B"),
        sessionName: said("sessionName", "{container.name}"),
        sessionTags: { team: said("sessionTags", "red") },
        transitiveTags: said("transitiveTags", "team"),
        sourceIdentity: said("sourceIdentity", "vm"),
      },
    });
  });

  it("each address of a range is a workload of its own, named by its address", () => {
    const text = "- { address: 10.0.6.0/24, role: a }";
    const [one, other] = [workloadAt(text, "10.0.6.1"), workloadAt(text, "10.0.6.2")];
    assert.deepEqual([one?.name, other?.name], ["10.0.6.1", "10.0.6.2"]);
    assert.notEqual(one?.id, other?.id);
  });

  it("written otherwise it is another life of it, moved to another line it is not", () => {
    const first = workloadAt("- { address: 10.0.6.0/24, role: a }", "10.0.6.1");
    const moved = workloadAt("# a line more\n- { role: a, address: 10.0.6.0/24 }", "10.0.6.1");
    const other = workloadAt("- { address: 10.0.6.0/24, role: b }", "10.0.6.1");
    assert.deepEqual([moved?.id, moved?.startedAt], [first?.id, first?.startedAt]);
    assert.equal(other?.id, first?.id);
    assert.notEqual(other?.startedAt, first?.startedAt);
  });
});

describe("the role map of metadataproxy, under its compat", () => {
  const readAs = (text: string) => {
    writeFileSync(file, text);
    return readRoleMapFile(file, "metadataproxy");
  };
  const claimsAt = (entry: object | string) => {
    const reading = readAs(JSON.stringify({ "10.0.5.7": entry }));
    assert.ok(reading.kind === "map");
    const { name, roleClaim, sessionClaims } = reading.map.workloadAt("10.0.5.7") ?? assert.fail();
    const { externalId, sessionName } = sessionClaims ?? {};
    return { name, role: roleClaim?.text, externalId: externalId?.text, sessionName: sessionName?.text };
  };
  const nothing = { name: "10.0.5.7", externalId: undefined, sessionName: undefined };
  // biome-ignore format: a row a line
  const rows: readonly (readonly [object | string, object])[] = [
    ["app@prod",                                                                               { ...nothing, role: "app@prod" }],
    [{ name: "team/app" },                                                                     { ...nothing, role: "team/app" }],
    [{ name: "app", account_id: "444455556666", external_id: "xyz", session_name: "who" },     { name: "10.0.5.7", role: "app@444455556666", externalId: "xyz", sessionName: "who" }],
    [{ name: "app", account_id: 444455556666 },                                                { ...nothing, role: "app@444455556666" }],
    [{ name: "app", account_id: "prod", external_id: null, session_name: "" },                 { ...nothing, role: "app@prod" }],
    [{ role: "app", name: "vm" },                                                              { ...nothing, name: "vm", role: "app" }],
  ];
  for (const [entry, claims] of rows)
    it(`${JSON.stringify(entry)}: ${JSON.stringify(claims)}`, () => assert.deepEqual(claimsAt(entry), claims));

  for (const entry of [
    { name: "app@prod" },
    { name: "" },
    { name: null },
    { account_id: "444455556666" },
    { name: "app", region: "x" },
  ])
    it(`${JSON.stringify(entry)} is a mistake that says what to write`, () => {
      const reading = readAs(JSON.stringify({ "10.0.5.7": entry }));
      assert.match(JSON.stringify(reading), /:1: 10.0.5.7 must have a role: what metadataproxy calls name/);
    });

  it("what is wrong in it is told in taskrole's words", () => {
    const reading = readAs('{"10.0.5.7": {"name": "app", "external_id": "a b"}}');
    assert.match(JSON.stringify(reading), /roles\.yaml:1: externalId .*U\+0020/);
  });

  it("a list is taskrole's own: a name is the workload's", () => {
    const reading = readAs("- { address: 10.0.5.7, name: vm }");
    assert.ok(reading.kind === "map");
    assert.equal(reading.map.workloadAt("10.0.5.7")?.roleClaim, undefined);
  });
});

describe("each mistake is told with its line, all of them at once", () => {
  // biome-ignore format: a row a line
  const rows: readonly (readonly [string, string, readonly RegExp[]])[] = [
    ["no address",             "- role: a",                                     [/^FILE:1: address must be an address or a range.*; it is not there$/]],
    ["no address at all",      "- { address: web, role: a }",                   [/^FILE:1: address must be an address or a range.*; it is "web"$/]],
    ["a range from its middle","- { address: 10.0.5.7/24, role: a }",           [/^FILE:1: address must be a range by its first address, or one address/]],
    ["a range of IPv6, too",   "- { address: 'fd00::1/64', role: a }",          [/^FILE:1: address must be a range by its first address/]],
    ["everybody",              "- { address: 0.0.0.0/0, role: a }",             [/^FILE:1: address must not be every address there is; it is "0.0.0.0\/0"$/]],
    ["everybody in IPv6",      "- { address: '::/0', role: a }",                [/^FILE:1: address must not be every address/]],
    ["no role",                "\n- { address: 10.0.5.7, role: a b }",          [/^FILE:2: role is no role: .*; it is "a b"$/]],
    ["a role for a map",       "10.0.5.7: 12",                                  [/^FILE:1: role must be a role.*; it is 12$/]],
    ["nothing for a role",     "10.0.5.7:\n10.0.5.8: ~",                          [/^FILE:1: role must be a role.*; it is null$/, /^FILE:2: role must be a role.*; it is null$/]],
    ["a list for a role",      "10.0.5.7: [a]",                                 [/^FILE:1: role must be a role.*; it is \["a"\]$/]],
    ["an address more",        "10.0.5.7:\n  role: a\n  address: 10.0.5.8",      [/^FILE:3: address must not be there: 10.0.5.7 is the address$/]],
    ["no role in a map",       "10.0.5.7: { externalId: xyz }",                 [/^FILE:1: 10.0.5.7 must have a role, like "role: team\/build"; a list of entries may leave it to the default role$/]],
    ["metadataproxy's words",  '{"10.0.5.6": "a",\n"10.0.5.7": {"name": "a"},\n"10.0.5.8": {"account_id": "444455556666"}}', [/^FILE:2: 10.0.5.7 must have a role: what metadataproxy calls name and account_id is here role: NAME@ACCOUNT/, /^FILE:3: 10.0.5.8 must/]],
    ["an unknown key",         "- { address: 10.0.5.7, rôle: a }",              [/^FILE:1: .*rôle/]],
    ["a near miss",            "- { address: 10.0.5.7, externalID: a }",        [/^FILE:1: .*externalID.*did you mean.*externalId/i]],
    ["a template",             "- { address: 10.0.5.7, sessionName: '{x}' }",   [/^FILE:1: sessionName is no template: there is no \{x\}/]],
    ["a source identity",      "- { address: 10.0.5.7, sourceIdentity: a b }",  [/^FILE:1: sourceIdentity cannot be so: .*U\+0020.*; it is "a b"$/]],
    ["one that is too short",  "- { address: 10.0.5.7, sourceIdentity: a }",    [/^FILE:1: sourceIdentity cannot be so: it has 1 char.*; it is "a"$/]],
    ["a tag",                  "- { address: 10.0.5.7, sessionTags: { a: 'x;{host}' } }", [/^FILE:1: sessionTags.a cannot be so: it has the character ";"/]],
    ["paths",                  "- { address: 10.0.5.7, metadata: meta-data/../x }", [/^FILE:1: metadata is no list of paths: .*; it is "meta-data\/..\/x"$/]],
    ["an external id",         "- { address: 10.0.5.7, externalId: 'a b' }",    [/^FILE:1: externalId .*U\+0020.*; it is "a b"$/]],
    ["a policy's ARN",         "- { address: 10.0.5.7, policyArns: [a] }",      [/^FILE:1: policyArns.0 .*; it is "a"$/]],
    ["policies too long",      `- { address: 10.0.5.7, policyArns: [arn:aws:iam::aws:policy/${"p".repeat(500)}, arn:aws:iam::aws:policy/${"q".repeat(500)}, arn:aws:iam::aws:policy/${"r".repeat(500)}, arn:aws:iam::aws:policy/${"s".repeat(500)}] }`, [/^FILE:1: policyArns is too long: .* has 2\d{3} characters, and STS takes 2048/]],
    ["the same address twice", "- address: 10.0.5.7\n- address: 10.0.5.8\n- address: 10.0.5.7", [/^FILE:3: 10.0.5.7 is mapped already, at FILE:1$/]],
    ["the same in two ways",   "- address: fd00::1\n- address: fd00:0::1",      [/^FILE:2: fd00:0::1 is mapped already/]],
    ["two mistakes",           "- role: a\n- { address: 10.0.5.7, tokens: no }", [/^FILE:1: address/, /^FILE:2: tokens must be required or optional; it is "no"$/]],
    ["no YAML",                "- address: [",                                  [/^FILE:1: is not YAML/]],
    ["an alias of nothing",    "10.0.5.6: a\n10.0.5.7: *x",                       [/^FILE:2: is not YAML: there is no &x before \*x \(put a value that begins with \* or & in quotes\)$/]],
    ["a circle",               "10.0.5.6: a\n10.0.5.7: &a { role: *a }",          [/^FILE:2: is not YAML: its aliases stand for themselves, or for more/]],
    ["more than can be",       `- &a0 [x]\n${Array.from({ length: 9 }, (_, i) => `- &a${i + 1} [${`*a${i},`.repeat(9)}]\n`).join("")}`, Array.from({ length: 7 }, (_, i) => new RegExp(`^FILE:${i + 4}: is not YAML: its aliases`))],
    ["two keys alike",         "10.0.5.7: a\n10.0.5.8: a\n10.0.5.7: a",            [/^FILE:3: is not YAML: the key "10.0.5.7" is there twice$/]],
    ["a word",                 "roles",                                         [/^FILE: must be a list of entries, or a map of addresses to roles$/]],
    ["an entry that is none",  "- 10.0.5.7",                                    [/^FILE:1: must be an entry: an address, and a role; it is "10.0.5.7"$/]],
  ];
  for (const [what, text, expected] of rows)
    it(what, () => {
      const mistakes = mistakesIn(text).map((one) => one.replaceAll(file, "FILE"));
      assert.equal(mistakes.length, expected.length, mistakes.join("\n"));
      for (const [i, pattern] of expected.entries()) assert.match(mistakes[i] ?? "", pattern);
    });

  it("each is named with its own line", () => {
    const lines = (text: string) => mistakesIn(text).map((one) => one.split(" ")[0]);
    const entry = "- address: 10.0.5.7\n  role: a\n";
    assert.deepEqual(lines(`${entry}  sessionTags:\n    team: 7\n`), ["FILE:4:"]);
    assert.deepEqual(lines(`${entry}  rloe: b\n`), ["FILE:3:"]);
    assert.deepEqual(lines(`${entry}-\n  role: b\n`), ["FILE:4:"]);
    assert.deepEqual(lines("10.0.5.7:\n  role: a\n  externalId: 'b c'\n"), ["FILE:3:"]);
    assert.deepEqual(lines("10.0.5.7: a\n10.0.5.8: 7\n"), ["FILE:2:"]);
  });

  it("an alias of something is that", () => {
    const text = "10.0.5.7: &same { role: a, sessionTags: { kind: vm } }\n10.0.5.8: *same\n";
    assert.deepEqual(workloadAt(text, "10.0.5.8")?.roleClaim?.text, "a");
  });

  it("a map of many addresses is read in a time that grows as it does", () => {
    const cpuMs = (count: number): number => {
      const text = Array.from({ length: count }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}: a\n`).join("");
      const before = process.cpuUsage();
      assert.equal(read(text).kind, "map");
      return process.cpuUsage(before).user / 1_000;
    };
    cpuMs(1_000);
    const few = cpuMs(2_000);
    assert.ok(cpuMs(16_000) < 30 * few); // eight times as many; each looked for among all others, it would be 64
  });

  it("a file that is not there", () => {
    assert.deepEqual(readRoleMapFile("/nonexistent/roles.yaml"), {
      kind: "mistakes",
      mistakes: ["/nonexistent/roles.yaml: the role map cannot be read (ENOENT): see the setting roleMapFile"],
    });
  });
});
