import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { InterceptionStatus } from "../../src/kernel/interception-status.ts";
import type { ContainerOptions } from "../e2e/support/containers.ts";
import { ADDRESSES } from "../e2e/support/instance.ts";
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

interface Seen {
  /** Packets of neighbours on their way to the host, since the rules were loaded. */
  readonly dropped: number;
  /** The port of the bridge that the victim's address counts on. */
  readonly veth: string;
}

async function seen(family: keyof typeof REQUESTS, { victimAddress }: Pair): Promise<Seen> {
  const { stdout } = await lab.daemon.command("interception", "status", "--json");
  const { bindings, counters } = JSON.parse(stdout) as Pick<InterceptionStatus, "bindings" | "counters">;
  const wanted = `dropped: ${REQUESTS[family]} in another container's name`;
  return {
    dropped: counters.find(({ rule }) => rule === wanted)?.packets ?? assert.fail(stdout),
    veth: bindings.find(({ address }) => address === victimAddress)?.veth ?? assert.fail(stdout),
  };
}

/** Packets in the victim's name that came past taskrole's rules by another port than its own: to stop the answers alone would not do. */
async function cameThrough({ victimAddress }: Pair, veth: string, attack: () => Promise<unknown>): Promise<number> {
  const ip = victimAddress.includes(":") ? "ip6" : "ip";
  const metadata = ip === "ip6" ? ADDRESSES.metadata6 : ADDRESSES.metadata4;
  const table = `table bridge witness-${ip}`;
  const rule = `iifname != "${veth}" ${ip} saddr ${victimAddress} ${ip} daddr ${metadata} counter`;
  const chain = `chain prerouting { type filter hook prerouting priority -300; ${rule}; };`;
  await addressAlone.onInstance(["nft", `${table} { ${chain} }`]);
  await attack();
  const listed = await addressAlone.onInstance(["nft", `list ${table}`]);
  await addressAlone.onInstance(["nft", `delete ${table}`]);
  return Number(/packets (\d+)/.exec(listed)?.[1] ?? assert.fail(listed));
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
        for (const pair of pairs) {
          await undisturbed([pair]);
          const before = await seen(family, pair);
          const attack = async () => assert.equal(await pair.spoofed(), "", pair.mode);
          assert.equal(await cameThrough(pair, before.veth, attack), 0, `${pair.mode}: the host was asked`);
          assert.ok((await seen(family, pair)).dropped > before.dropped, `${pair.mode}: nothing was dropped`);
        }
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
