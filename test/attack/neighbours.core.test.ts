import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { InterceptionStatus } from "../../src/kernel/interception-status.ts";
import type { ContainerOptions } from "../e2e/support/containers.ts";
import { startLab } from "../e2e/support/lab.ts";
import { eventually } from "../e2e/support/programs.ts";
import { AddressAlone } from "./support/address-alone.ts";
import { failsWith, succeedsWithout } from "./support/evidence.ts";
import { copyScripts, MODES, type Overheard, Pair } from "./support/neighbours.ts";
import { TAKEOVERS, type Takeover, Thief } from "./support/takeover.ts";

/**
 * A source address is not an identity: with Docker's default capabilities a neighbour on the bridge can claim any.
 * Three pairs of a neighbour and its victim at once, one for each hardware address that it may claim it with.
 */
const lab = await startLab({ daemon: false });
const addressAlone = new AddressAlone(lab);
await copyScripts(lab);
await lab.engine.docker("network", "create", "--ipv6", "--subnet", "fd00:6::/64", "six");
await addressAlone.begin();

const LISTEN_SECONDS = 5;
const pairsOf = (family: 4 | 6, container: ContainerOptions = {}) =>
  Promise.all(MODES.map((mode) => Pair.start({ lab, mode, family, container })));
const FAMILIES = [
  { family: "ipv4", pairs: await pairsOf(4), thief: await Thief.start(lab, 4) },
  { family: "ipv6", pairs: await pairsOf(6, { network: "six" }), thief: await Thief.start(lab, 6) },
] as const;

/** What the host believes of any address is forgotten, and each victim is answered again. */
async function undisturbed(pairs: readonly Pair[]): Promise<void> {
  await eventually(async () => {
    await addressAlone.onInstance(["ip", "neigh", "flush", "all"]);
    await Promise.all(pairs.map((pair) => pair.victimIsServed()));
  });
}

async function spoofed(pairs: readonly Pair[]): Promise<readonly string[]> {
  await undisturbed(pairs);
  return await Promise.all(pairs.map((pair) => pair.spoofed()));
}

async function overheard(pairs: readonly Pair[]): Promise<readonly Overheard[]> {
  await undisturbed(pairs);
  return await Promise.all(pairs.map((pair) => pair.overheard(LISTEN_SECONDS)));
}

const REQUESTS = { ipv4: "IPv4 requests", ipv6: "IPv6 requests" } as const;

/** Packets of neighbours to the host, since the rules were loaded: had they come, to stop the answers alone would look the same. */
async function droppedRequests(family: keyof typeof REQUESTS): Promise<number> {
  const { stdout } = await lab.daemon.command("interception", "status", "--json");
  const { counters } = JSON.parse(stdout) as Pick<InterceptionStatus, "counters">;
  const wanted = `dropped: ${REQUESTS[family]} in another container's name`;
  return counters.find(({ rule }) => rule === wanted)?.packets ?? assert.fail(stdout);
}

/** "own: …; invented: …; victim: …" */
const byMode = (words: readonly string[]): string => MODES.map((mode, i) => `${mode}: ${words[i]}`).join("; ");

const inWords = ({ withMac, victimIs }: Takeover): string => `${withMac} hardware address, victim ${victimIs}`;

describe("addresses alone", { concurrency: true }, () => {
  for (const { family, pairs, thief } of FAMILIES) {
    describe(family, { concurrency: 1 }, () => {
      succeedsWithout(`speak-${family}`, async () => {
        const answers = await spoofed(pairs);
        const gotIt = pairs.map(({ role }, i) => answers[i]?.endsWith(role) ?? false);
        assert.ok(gotIt[1] && gotIt[2], byMode(answers));
        return byMode(gotIt.map((got) => (got ? "the victim's role" : "no answer")));
      });

      succeedsWithout(`listen-${family}`, async () => {
        const heard = await overheard(pairs);
        for (const [i, { frames }] of heard.entries()) assert.ok(frames > 0, `${MODES[i]}: ${frames} frames`);
        assert.ok(
          heard.some(({ text }) => text.includes("victim-of-")),
          "not an answer among the frames",
        );
        return `frames of its answers: ${byMode(heard.map(({ frames }) => `${frames}`))}`;
      });

      succeedsWithout(`takeover-${family}`, async () => {
        for (const takeover of TAKEOVERS) {
          const answers = await thief.robs(takeover);
          assert.ok(answers.includes(`200 ${thief.victimsRole}`), `${inWords(takeover)}: ${answers}`);
        }
        return "the victim's role, with its own hardware address and the victim's, the victim alive or paused";
      });
    });
  }
});

test("with taskrole's interception in place of the redirect every victim is served", async () => {
  await addressAlone.end();
  for (const { pairs } of FAMILIES) await undisturbed(pairs);
});

describe("taskrole", { concurrency: true }, () => {
  for (const { family, pairs, thief } of FAMILIES) {
    describe(family, { concurrency: 1 }, () => {
      failsWith(`speak-${family}`, async () => {
        const dropped: number[] = [];
        for (const pair of pairs) {
          await undisturbed([pair]);
          const before = await droppedRequests(family);
          assert.equal(await pair.spoofed(), "", pair.mode);
          dropped.push((await droppedRequests(family)) - before);
        }
        assert.ok(Math.min(...dropped) > 0, `dropped on their way to the host: ${byMode(dropped.map(String))}`);
        return "not a byte: what it sends is dropped before the host sees it";
      });

      failsWith(`listen-${family}`, async () => {
        const heard = await overheard(pairs);
        assert.deepEqual(
          heard.map(({ frames, text }) => [frames, text]),
          MODES.map(() => [0, ""]),
        );
        assert.ok(
          heard.every(({ asked }) => asked > 10),
          byMode(heard.map(({ asked }) => `asked ${asked} times`)),
        );
        await undisturbed(pairs);
        return `not a frame in ${LISTEN_SECONDS} s, of ${byMode(heard.map(({ asked }) => `${asked} requests`))}`;
      });

      failsWith(`takeover-${family}`, async () => {
        for (const takeover of TAKEOVERS) {
          assert.deepEqual(await thief.robs(takeover), [], inWords(takeover));
          await eventually(() => thief.victimIsServed());
        }
        return "not a byte, and the victim is served again afterwards";
      });
    });
  }
});
