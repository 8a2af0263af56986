import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ALL_ADDRESSES, METADATA_ADDRESSES } from "../../src/kernel/intercepted-address.ts";
import { interceptionTable } from "../../src/kernel/interception-table.ts";
import { type NftTable, removalText, rulesetTexts } from "../../src/kernel/nft-table.ts";
import { runCommand } from "../../src/kit/run-command.ts";
import { hasMeans, whyNoLab } from "./network-lab.ts";

const golden = (name: string): string => readFileSync(`test/golden/kernel/${name}`, "utf8");
const TABLE = interceptionTable({ port: 9254, addresses: ALL_ADDRESSES });
const comments = TABLE.chains.flatMap(({ rules }) => rules.map(({ comment }) => comment));

test("the ruleset is this one", () => {
  assert.equal(rulesetTexts([TABLE]).join(""), golden("ruleset.nft"));
});

test("the removal is this one", () => {
  assert.equal(removalText(TABLE), golden("removal.nft"));
});

const DOCKER = { name: "docker", inode: 7, level: 1, path: "docker" };
const OWN_ID = "9f3c".repeat(16);
const OWN = { name: `docker/${OWN_ID}`, inode: 8, level: 2, path: `docker/${OWN_ID}` };
const IN_CONTAINER = interceptionTable({
  port: 9254,
  addresses: METADATA_ADDRESSES,
  ofThisHost: { cgroups: [DOCKER], own: OWN, users: [{ from: 1000, to: 59_999 }] },
});

test("of a daemon that runs in a container on the host's network, the ruleset is this one", () => {
  assert.equal(rulesetTexts([IN_CONTAINER]).join(""), golden("ruleset-in-container.nft"));
});

test("there too every rule has a comment of its own, one that nft takes", () => {
  const all = IN_CONTAINER.chains.flatMap(({ rules }) => rules.map(({ comment }) => comment));
  assert.equal(new Set(all).size, all.length);
  assert.deepEqual(
    all.filter((comment) => !/^[ !#-~]{1,127}$/.test(comment)),
    [],
  );
});

test("the port is rendered wherever it is used, and no other", () => {
  const other = rulesetTexts([interceptionTable({ port: 1234, addresses: ALL_ADDRESSES })]).join("");
  assert.equal(other.replaceAll("1234", "9254"), golden("ruleset.nft"));
  assert.ok(!other.includes("9254"));
});

test("every rule has a comment of its own, by which it is known", () => {
  assert.equal(new Set(comments).size, comments.length);
  assert.equal(comments.length, golden("ruleset.nft").match(/^ {4}(?!type ).+$/gm)?.length);
});

test("every comment is one that nft takes: printable ASCII without quotes, at most 128 bytes with its end", () => {
  assert.deepEqual(
    comments.filter((comment) => !/^[ !#-~]{1,127}$/.test(comment)),
    [],
  );
});

test("more tables are replaced after ours, each in a text of its own", () => {
  const bindings: NftTable = { family: "bridge", name: "taskrole", chains: [{ name: "empty", rules: [] }] };
  assert.deepEqual(rulesetTexts([TABLE, bindings]), [
    golden("ruleset.nft"),
    "add table bridge taskrole\ndelete table bridge taskrole\ntable bridge taskrole {\n  chain empty {\n  }\n}\n",
  ]);
});

test("the installed nft accepts the ruleset and its removal, be the table there or not", async (t) => {
  if (!hasMeans(t, await whyNoLab())) return;
  const stdin = ["ruleset.nft", "ruleset.nft", "removal.nft", "removal.nft"].map(golden).join("");
  const outcome = await runCommand(["unshare", "-n", "nft", "-c", "-f", "-"], { stdin });
  assert.deepEqual(outcome, { kind: "exited", code: 0, stdout: "", stderr: "" });
});
