import assert from "node:assert/strict";
import type { Container } from "../../e2e/support/containers.ts";
import type { Lab } from "../../e2e/support/lab.ts";
import { CREDENTIALS_PATH, type MetadataClient } from "../../e2e/support/metadata-client.ts";
import { run } from "../../e2e/support/programs.ts";
import { type Attachment, attachmentOf } from "./neighbours.ts";

/** How the victim's address is taken. */
export interface Takeover {
  readonly withMac: "own" | "victim";
  readonly victimIs: "alive" | "paused";
}

export const TAKEOVERS: readonly Takeover[] = [
  { withMac: "own", victimIs: "alive" },
  { withMac: "victim", victimIs: "alive" },
  { withMac: "own", victimIs: "paused" },
  { withMac: "victim", victimIs: "paused" },
];

const TRIES = 5;
const TRY_MS = 300;

/** A container with NET_ADMIN that gives its own interface a neighbour's address, and asks like anyone else. */
export class Thief {
  readonly #lab: Lab;
  readonly #thief: Container;
  readonly #victim: Container;
  readonly #family: 4 | 6;
  readonly #at: { readonly own: Attachment; readonly victim: Attachment };

  private constructor(lab: Lab, family: 4 | 6, made: Made) {
    this.#lab = lab;
    this.#family = family;
    this.#thief = made.thief;
    this.#victim = made.victim;
    this.#at = made.at;
  }

  static async start(lab: Lab, family: 4 | 6): Promise<Thief> {
    const network = family === 6 ? { network: "six" } : {};
    const thief = await lab.run({
      ...network,
      image: "aws",
      role: `thief-${family}`,
      args: ["--cap-add", "NET_ADMIN"],
    });
    const victim = await lab.run({ ...network, role: `robbed-${family}` });
    const at = { own: await attachmentOf(lab, thief), victim: await attachmentOf(lab, victim) };
    return new Thief(lab, family, { thief, victim, at });
  }

  get victimsRole(): string {
    return `robbed-${this.#family}`;
  }

  async victimIsServed(): Promise<void> {
    await this.#forget();
    assert.equal(await this.#victim.role(this.#asked(this.#victim)), this.victimsRole);
  }

  /** @returns all that the metadata service answered the thief, up to the first that it would be content with */
  async robs({ withMac, victimIs }: Takeover): Promise<readonly string[]> {
    const { docker } = this.#lab.engine;
    const { own, victim } = this.#at;
    await this.#become(victim, withMac === "own" ? own.mac : victim.mac);
    if (victimIs === "paused") await docker("pause", this.#victim.id);
    try {
      return await this.#ask();
    } finally {
      if (victimIs === "paused") await docker("unpause", this.#victim.id);
      await this.#become(own, own.mac);
    }
  }

  /** What the host believes of the address: whoever speaks next is believed. */
  #forget(): Promise<unknown> {
    const { address4, address6 } = this.#at.victim;
    const address = this.#family === 6 ? address6 : address4;
    return run(this.#lab.instance.onInstance("ip", "neigh", "flush", "to", address));
  }

  async #ask(): Promise<readonly string[]> {
    const answers: string[] = [];
    const metadata = this.#asked(this.#thief);
    for (let i = 0; i < TRIES; i++) {
      await this.#forget();
      const { status, body } = await metadata.get(CREDENTIALS_PATH, undefined, TRY_MS);
      if (typeof status === "number") answers.push(`${status} ${body}`);
      if (status === 200) break;
    }
    return answers;
  }

  #asked({ metadata }: Container): MetadataClient {
    return this.#family === 6 ? metadata.over6 : metadata;
  }

  async #become({ address4, address6, gateway4, gateway6 }: Attachment, mac: string): Promise<void> {
    const [version, address, prefix, gateway] =
      this.#family === 6 ? ["-6", address6, 64, gateway6] : ["-4", address4, 16, gateway4];
    await this.#thief.exec(
      "sh",
      "-ec",
      `ip link set eth0 address ${mac}
      ip ${version} address flush dev eth0 scope global
      ip ${version} address add ${address}/${prefix} dev eth0 ${this.#family === 6 ? "nodad" : ""}
      ip ${version} route replace default via ${gateway} dev eth0`,
    );
  }
}

interface Made {
  readonly thief: Container;
  readonly victim: Container;
  readonly at: { readonly own: Attachment; readonly victim: Attachment };
}
