import assert from "node:assert/strict";
import type { ListedRules } from "../../src/install/listed-rules.ts";
import type { Namespace } from "../kernel/network-lab.ts";

export async function inShell(namespace: Namespace, commands: string): Promise<void> {
  assert.deepEqual(await namespace.run(["sh", "-ec", commands]), { kind: "exited", code: 0, stdout: "", stderr: "" });
}

export const listedRules = async (namespace: Namespace): Promise<ListedRules> => ({
  nftables: await namespace.must("nft -j list ruleset"),
  iptables: await namespace.must("iptables-save"),
  ip6tables: await namespace.must("ip6tables-save"),
});
