import assert from "node:assert/strict";
import { test } from "node:test";
import { foreignRules, likelyTool } from "../../src/install/foreign-rules.ts";
import { hasMeans, Namespace, whyNoLab } from "../kernel/network-lab.ts";
import { inShell, listedRules } from "./rules-in-namespace.ts";

const missingMeans = await whyNoLab();

const LYFT =
  "iptables -t nat -A PREROUTING -i docker0 -d 169.254.169.254/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.17.0.1:8000";

test("other tools' redirects are told by the commands that remove them, which do", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const namespace = await Namespace.open();
  t.after(() => namespace.close());
  const nft =
    "nft add table ip k; nft 'add chain ip k pre { type nat hook prerouting priority -100; }'; " +
    "nft add rule ip k pre ip daddr 169.254.169.254 tcp dport 80 dnat to 10.0.0.1:8181; nft add rule ip k pre tcp dport 81 redirect to :82";
  await inShell(namespace, `${LYFT}; ${nft}`);
  const look = async () => {
    return foreignRules(await listedRules(namespace), 9254).redirects;
  };
  const removals = await look();
  assert.equal(removals.length, 2);
  assert.match(
    removals.join("\n"),
    /nft delete rule ip k pre handle \d+\niptables -t nat -D PREROUTING .*172\.17\.0\.1:8000/,
  );
  for (const removal of removals) await inShell(namespace, removal);
  assert.deepEqual(await look(), []);
});

test("our own rules are nobody else's", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const namespace = await Namespace.open();
  t.after(() => namespace.close());
  await inShell(
    namespace,
    "nft add table inet taskrole; nft 'add chain inet taskrole in { type filter hook input priority 0; policy drop; }'",
  );
  assert.deepEqual(foreignRules(await listedRules(namespace), 9254), { droppingChains: [], redirects: [] });
});

test("whose rule it is is guessed by the tool's usual port", () => {
  const to = (port: number) => likelyTool(`iptables -t nat -D PREROUTING -j DNAT --to-destination 10.0.0.1:${port}`);
  assert.deepEqual([8000, 8181, 18000, 80].map(to), ["metadataproxy", "kube2iam", "ec2metaproxy", undefined]);
});
