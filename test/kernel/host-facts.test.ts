import assert from "node:assert/strict";
import { test } from "node:test";
import { mayChangeNetwork, maySeeNamespaces, readHostFacts } from "../../src/kernel/host-facts.ts";

const status = (uid: number, capabilities: { effective?: string; ambient?: string }): string =>
  `Name:\tnode\nUid:\t1000\t${uid}\t1000\t1000\nCapInh:\t0000000000000000\n` +
  `CapEff:\t${capabilities.effective ?? "0000000000000000"}\nCapBnd:\t000001ffffffffff\n` +
  `CapAmb:\t${capabilities.ambient ?? "0000000000000000"}\n`;

const NET_ADMIN = "0000000000001000";
const ALL = "000001ffffffffff";
const ALL_BUT_NET_ADMIN = "000001ffffffefff";

const CASES = [
  { of: status(0, { effective: ALL }), may: true, because: "root" },
  { of: status(0, { effective: NET_ADMIN }), may: true, because: "root with this one capability" },
  { of: status(0, { effective: ALL_BUT_NET_ADMIN }), may: false, because: "root of a container without it" },
  { of: status(990, { ambient: NET_ADMIN }), may: true, because: "a service user with the ambient capability" },
  { of: status(990, { effective: NET_ADMIN }), may: false, because: "a file capability does not pass on to nft" },
  { of: status(990, {}), may: false, because: "anyone" },
  { of: "", may: false, because: "a kernel that says nothing" },
];

for (const { of, may, because } of CASES) {
  test(`${may ? "may" : "may not"} change the network: ${because}`, () => assert.equal(mayChangeNetwork(of), may));
}

const SYS_PTRACE = "0000000000080000";

for (const { of, may, because } of [
  { of: status(0, { effective: ALL }), may: true, because: "root" },
  { of: status(990, { ambient: SYS_PTRACE }), may: true, because: "a service user with the ambient capability" },
  { of: status(990, { ambient: NET_ADMIN }), may: false, because: "a service user with another one" },
  { of: status(990, { effective: SYS_PTRACE }), may: false, because: "a file capability does not pass on to lsns" },
]) {
  test(`${may ? "may" : "may not"} see namespaces: ${because}`, () => assert.equal(maySeeNamespaces(of), may));
}

test("this machine's facts can be read without root", () => {
  const { isLinux } = readHostFacts();
  assert.equal(isLinux, process.platform === "linux");
});
