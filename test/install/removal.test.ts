import assert from "node:assert/strict";
import { test } from "node:test";
import { wordsOf } from "../../src/install/action.ts";
import type { Journal } from "../../src/install/journal.ts";
import { PLACES, SERVICE, UNITS } from "../../src/install/places.ts";
import { removalPlan } from "../../src/install/removal.ts";
import { journalOf, unitPath } from "./surveys.ts";

const FILES = { [PLACES.program]: "p", ...Object.fromEntries(UNITS.map((unit) => [unitPath(unit), "u"])) };
const planOf = (
  journal: Journal | undefined,
  files: Readonly<Record<string, string | undefined>>,
  removeIpRules = false,
) => removalPlan({ journal, files, hasUser: () => true }, { removeIpRules });

test("backwards, the socket before the service, the packet rules once nobody mends them, the ip rules last", () => {
  const { actions, kept } = planOf(journalOf(FILES), FILES, true);
  assert.deepEqual(actions.map(wordsOf), [
    "stop taskrole.socket, taskrole.service, taskrole-hold.service, and not start them with the host any more",
    "remove the packet rules (nft list ruleset shows no taskrole any more)",
    "remove /run/taskrole, with the key of the metadata tokens",
    "remove /etc/systemd/system/taskrole.service",
    "remove /etc/systemd/system/taskrole.socket",
    "remove /etc/systemd/system/taskrole-hold.service",
    "remove /usr/local/bin/taskrole",
    "remove the user taskrole",
    "remove the ip rules: containers then reach the real metadata service",
  ]);
  assert.deepEqual(kept, []);
});

test("the ip rules stay unless it is asked for, and without an installation there is nothing else", () => {
  assert.ok(!planOf(journalOf(FILES), FILES).actions.some(({ kind }) => kind === "remove-ip-rules"));
  assert.deepEqual(planOf(undefined, {}), { actions: [], kept: [] });
  assert.deepEqual(
    planOf(undefined, {}, true).actions.map(({ kind }) => kind),
    ["remove-ip-rules"],
  );
});

test("what was changed stays and is named; what is gone already is no trouble", () => {
  const files = { ...FILES, [unitPath(SERVICE)]: "edited", [PLACES.program]: undefined };
  const { actions, kept } = planOf(journalOf(FILES), files);
  assert.deepEqual(kept, [
    "/etc/systemd/system/taskrole.service was changed since it was installed, and stays",
    "a unit that stays is not started with the host any more; `systemctl enable` would do that",
  ]);
  assert.ok(!actions.map(wordsOf).includes("remove /etc/systemd/system/taskrole.service"));
  assert.ok(actions.map(wordsOf).includes("remove /usr/local/bin/taskrole"));
});

test("of a writing that was interrupted either version is ours", () => {
  const journal: Journal = {
    version: 1,
    isComplete: false,
    entries: [{ kind: "file", path: "/x", sha256: "new", was: "old" }],
  };
  for (const found of ["new", "old"]) assert.deepEqual(planOf(journal, { "/x": found }).kept, []);
  assert.equal(planOf(journal, { "/x": "other" }).kept.length, 1);
});
