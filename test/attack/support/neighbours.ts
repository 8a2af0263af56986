import assert from "node:assert/strict";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import type { Container, ContainerOptions } from "../../e2e/support/containers.ts";
import type { Lab } from "../../e2e/support/lab.ts";
import type { MetadataClient } from "../../e2e/support/metadata-client.ts";
import { CREDENTIALS_PATH } from "../../e2e/support/metadata-client.ts";

/** The hardware address that a neighbour claims the victim's address with. */
export const MODES = ["own", "invented", "victim"] as const;
export type Mode = (typeof MODES)[number];

const SCRIPTS = join(import.meta.dirname, "../../e2e/attacks");

/** Puts the attacks where every container of the lab sees them. */
export async function copyScripts({ containers }: Lab): Promise<void> {
  for (const name of ["wire.py", "spoof.py", "eavesdrop.py", "listen.py"]) {
    await copyFile(join(SCRIPTS, name), join(containers.folder, name));
  }
}

/** Of a container in one network. */
export interface Attachment {
  readonly mac: string;
  readonly address4: string;
  readonly address6: string;
  /** The bridge's own. */
  readonly gateway4: string;
  readonly gateway6: string;
}

export async function attachmentOf({ engine }: Lab, { id }: Container): Promise<Attachment> {
  const found = await engine.docker("inspect", "-f", "{{json .NetworkSettings.Networks}}", id);
  const [network] = Object.values(JSON.parse(found) as Record<string, Record<string, string>>);
  assert.ok(network, "one network");
  return {
    mac: network["MacAddress"] ?? "",
    address4: network["IPAddress"] ?? "",
    address6: network["GlobalIPv6Address"] ?? "",
    gateway4: network["Gateway"] ?? "",
    gateway6: network["IPv6Gateway"] ?? "",
  };
}

/** A victim, and the neighbour that claims to be it in one way. */
export class Pair {
  readonly mode: Mode;
  readonly role: string;
  readonly #lab: Lab;
  readonly #attacker: Container;
  readonly #victim: Container;
  readonly #at: Attachment;
  readonly #family: 4 | 6;

  private constructor(
    { lab, mode, family }: PairOptions,
    { attacker, victim, at }: { attacker: Container; victim: Container; at: Attachment },
  ) {
    this.mode = mode;
    this.role = roleOf(mode);
    this.#lab = lab;
    this.#attacker = attacker;
    this.#victim = victim;
    this.#at = at;
    this.#family = family;
  }

  static async start(options: PairOptions): Promise<Pair> {
    const { lab, mode, container } = options;
    const attacker = await lab.run({ ...container, image: "aws", role: `attacker-${mode}` });
    const victim = await lab.run({ ...container, role: roleOf(mode) });
    return new Pair(options, { attacker, victim, at: await attachmentOf(lab, victim) });
  }

  get victimAddress(): string {
    return this.#family === 6 ? this.#at.address6 : this.#at.address4;
  }

  /** What the neighbour gets that speaks as the victim; "" for nothing. */
  async spoofed(): Promise<string> {
    const [word = "", hex = ""] = await this.#attack("spoof.py");
    assert.ok(["no", "reset", "answer"].includes(word), word);
    return Buffer.from(word === "answer" ? hex : "", "hex").toString("latin1");
  }

  /** What the neighbour hears in some seconds of the victim's asking all the time. */
  async overheard(seconds: number): Promise<Overheard> {
    let isOver = false;
    let asked = 0;
    const asking = (async () => {
      for (; !isOver; asked++) await this.#metadata.get(CREDENTIALS_PATH, undefined, 300);
    })();
    const [frames = "", hex = ""] = await this.#attack("eavesdrop.py", `${seconds}`);
    isOver = true;
    await asking;
    return { frames: Number(frames), text: Buffer.from(hex, "hex").toString("latin1"), asked };
  }

  /** A neighbour can still keep the victim from being answered, until what the host believes of its address is forgotten. */
  async victimIsServed(): Promise<void> {
    assert.equal(await this.#victim.role(this.#metadata), this.role);
  }

  get #metadata(): MetadataClient {
    const { metadata } = this.#victim;
    return this.#family === 6 ? metadata.over6 : metadata;
  }

  /** @returns the words of the last line that it prints */
  async #attack(script: string, ...more: readonly string[]): Promise<readonly string[]> {
    const { mac, address4, address6, gateway4, gateway6 } = this.#at;
    const [address, gateway] = this.#family === 6 ? [address6, `${gateway4},${gateway6}`] : [address4, gateway4];
    const path = join(this.#lab.containers.folder, script);
    const said = await this.#attacker.exec("python3", path, this.mode, address, mac, gateway, ...more);
    return (said.split("\n").at(-1) ?? "").split(" ");
  }
}

export interface Overheard {
  readonly frames: number;
  readonly text: string;
  /** How often the victim asked meanwhile. */
  readonly asked: number;
}

interface PairOptions {
  readonly lab: Lab;
  readonly mode: Mode;
  readonly family: 4 | 6;
  readonly container?: ContainerOptions;
}

const roleOf = (mode: Mode): string => `victim-of-${mode}`;
