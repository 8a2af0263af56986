import assert from "node:assert/strict";
import { test } from "node:test";
import { HOST_ROLE, USER_DATA_CANARY } from "./ec2.ts";
import { ADDRESSES } from "./instance.ts";
import type { Lab } from "./lab.ts";

const INSTANCE_PEERS = [ADDRESSES.instance4, `::ffff:${ADDRESSES.instance4}`, ADDRESSES.instance6];

/** The last test of every file: whatever the others did, no container reached or heard anything of the host's own. */
export function testThatNothingLeaked(lab: Lab): void {
  test("in all of this no packet of a container reached EC2's metadata service", async () => {
    assert.equal(await lab.instance.strangersAtMetadata(), 0);
    const strangers = lab.ec2.requests.filter(
      ({ service, peer }) => service === "metadata" && !INSTANCE_PEERS.includes(peer),
    );
    assert.deepEqual(strangers, []);
  });

  test("in all of this no container heard anything of the host's own", async () => {
    assert.deepEqual(await leaksIn(lab), []);
  });
}

/** @returns the first few letters of everything of the host's that a container heard */
export async function leaksIn(lab: Lab): Promise<readonly string[]> {
  const heard = Buffer.concat(lab.overheard).toString("latin1");
  const forbidden = [HOST_ROLE, USER_DATA_CANARY, ...(await lab.ec2.hostSecrets())];
  assert.ok(
    forbidden.every((secret) => secret.length >= 16),
    "there is something to look for",
  );
  return forbidden.filter((secret) => heard.includes(secret)).map((secret) => secret.slice(0, 12));
}
