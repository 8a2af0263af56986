import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { after, type TestContext, test } from "node:test";
import { deployedUnits } from "../../scripts/systemd-units.ts";
import { HOLD, SERVICE, SOCKET, UNITS } from "../../src/install/places.ts";
import { tellsOfScopes, unitTexts } from "../../src/install/units.ts";
import { SCOPE_DROP_IN } from "../../src/kernel/scope-drop-in.ts";
import { tryRun } from "../e2e/support/programs.ts";
import { wishes } from "./surveys.ts";

const folder = mkdtempSync(join(tmpdir(), "taskrole-units-"));
after(() => rmSync(folder, { recursive: true }));

/** With a program that is there on this machine. */
const units = unitTexts({
  program: "/bin/true",
  listen: { host: "::", port: 9254 },
  dockerGroup: "root",
  tellsOfScopes: true,
});
for (const name of UNITS) writeFileSync(join(folder, name), units[name] ?? "");

function lacksAnalyze(t: TestContext): boolean {
  try {
    execFileSync("systemd-analyze", ["--version"], { stdio: "ignore" });
    return false;
  } catch {
    t.skip("needs systemd-analyze (Debian: systemd), to have systemd itself read the units");
    return true;
  }
}

test("deploy/systemd/ is what taskrole install writes where the settings say nothing else (npm run docs)", () => {
  // The guard is for a host whose taskrole is a container: it needs no program of taskrole's.
  const files = readdirSync("deploy/systemd", { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  const paths = files.map(({ parentPath, name }) => relative("deploy/systemd", join(parentPath, name)));
  assert.deepEqual(paths.sort(), ["taskrole-guard.service", SCOPE_DROP_IN, ...UNITS].sort());
  for (const [name, text] of Object.entries(deployedUnits()))
    assert.equal(readFileSync(join("deploy/systemd", name), "utf8"), text);
});

test("systemd finds nothing to complain of in the units", async (t) => {
  if (lacksAnalyze(t)) return;
  const paths = UNITS.map((name) => join(folder, name));
  const { code, stdout, stderr } = await tryRun(["systemd-analyze", "verify", "--man=no", ...paths]);
  const ours = (stderr + stdout).split("\n").filter((line) => line.includes("taskrole"));
  assert.deepEqual(ours, []);
  assert.equal(code, 0, stderr);
});

test("by systemd's own measure the daemon is exposed by 2.0 of 10 at the most", async (t) => {
  if (lacksAnalyze(t)) return;
  const argv = ["systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", join(folder, SERVICE)];
  const { code, stdout } = await tryRun(argv);
  const overall = /Overall exposure level for taskrole\.service: .*/.exec(stdout)?.[0] ?? assert.fail(stdout);
  assert.equal(code, 0, overall);
});

test("the socket listens where the setting listen says, and Docker's group is the one that has its socket", () => {
  const { [SOCKET]: socket = "", [SERVICE]: service = "" } = unitTexts({
    program: "/opt/taskrole",
    listen: { host: "10.0.0.1", port: 7001 },
    dockerGroup: undefined,
    tellsOfScopes: false,
  });
  const one = unitTexts({
    program: "/opt/taskrole",
    listen: { host: "fd00::1", port: 7001 },
    dockerGroup: undefined,
    tellsOfScopes: false,
  });
  assert.match(one[SOCKET] ?? "", /^ListenStream=\[fd00::1\]:7001$/m);
  assert.match(socket, /^ListenStream=10\.0\.0\.1:7001$/m);
  assert.match(service, /^ExecStart=\/opt\/taskrole serve$/m);
  assert.doesNotMatch(service, /SupplementaryGroups/);
  assert.match(units[SOCKET] ?? "", /^ListenStream=9254$/m);
  assert.match(units[SERVICE] ?? "", /^SupplementaryGroups=root$/m);
});

test("they come before whatever starts containers", () => {
  for (const unit of UNITS) assert.match(units[unit] ?? "", /^Before=.*\bdocker\.service podman-restart\.service\b/m);
});

test("the hold comes once the slices are there that its packet rules name, and what would flush them is done", () => {
  assert.match(units[HOLD] ?? "", /^After=.*\bslices\.target nftables\.service$/m);
});

test("systemd tells of containers' scopes where it knows how, and only where the rules are to keep them", () => {
  const { config } = wishes();
  assert.equal(tellsOfScopes({ systemd: "255" }, config), true);
  for (const systemd of ["254", "252", undefined]) assert.equal(tellsOfScopes({ systemd }, config), false);
  for (const flags of [{ hostNetwork: "host" }, { interception: "iptables" }, { interception: "none" }])
    assert.equal(tellsOfScopes({ systemd: "257" }, wishes(flags).config), false);
  assert.match(units[SCOPE_DROP_IN] ?? "", /^\[Scope\]\nNFTSet=cgroup:inet:taskrole:container_scopes$/m);
});
