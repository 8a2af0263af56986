import type { EpochMs } from "../../../src/core/credentials.ts";
import type { FakeContainer } from "../../docker/fake-engine.ts";
import { type Host, startHost } from "../../support/host.ts";
import { askForCredentials, type Reply, Watch } from "./asker.ts";
import { FaultyEc2, type FaultyEc2Options } from "./faulty-ec2.ts";

/** A container with a role of its own. */
export interface FaultyWorkload {
  readonly container: FakeContainer;
  readonly address: string;
  readonly role: string;
  ask(): Promise<Reply>;
  /** Asks again and again. */
  watch(pauseMs: number): Watch;
}

/** A line of the daemon's log. */
export type LogLine = Readonly<Record<string, unknown>>;

const FIRST_ADDRESS = 2;
const ADDRESSES_A_BLOCK = 250;
/** After so many containers the first's address is used again. */
const ADDRESSES = 250 * ADDRESSES_A_BLOCK;

/** The program that ships on a host whose STS and metadata service fail on command. Its containers come and go as Docker's do. */
export class FaultyHost {
  readonly ec2: FaultyEc2;
  readonly host: Host;
  #containers = 0;

  private constructor(ec2: FaultyEc2, host: Host) {
    this.ec2 = ec2;
    this.host = host;
  }

  /** @param program to try in place of dist/taskrole */
  static async start(options: FaultyEc2Options = {}, program?: readonly string[]): Promise<FaultyHost> {
    const ec2 = await new FaultyEc2(options).listen();
    const flags = { "metadata-url": ec2.metadata.url, "sts-endpoint": ec2.sts.url };
    return new FaultyHost(ec2, await startHost({ containers: {}, flags, ...(program && { program }) }));
  }

  async stop(): Promise<void> {
    await this.host[Symbol.asyncDispose]();
    await this.ec2.close();
  }

  /** Whatever the daemon wrote in its present life. */
  get log(): string {
    return this.host.taskrole.stdout + this.host.taskrole.stderr;
  }

  get #network(): string {
    const [id = ""] = this.host.engine.networks.keys();
    return id;
  }

  /** A container is created and starts; whatever the daemon does ahead of its first request begins now. */
  run(role: string): FaultyWorkload {
    const number = this.#containers++ % ADDRESSES;
    const address = `127.50.${1 + Math.floor(number / ADDRESSES_A_BLOCK)}.${FIRST_ADDRESS + (number % ADDRESSES_A_BLOCK)}`;
    const { engine, port } = this.host;
    const labels = { "taskrole.role": role };
    const container = engine.run({ network: this.#network, name: role, ip: `${address}/16`, labels });
    engine.sendContainer("create", container.Id);
    engine.sendNetwork("connect", this.#network, container.Id);
    engine.sendContainer("start", container.Id);
    const ask = () => askForCredentials(port, address);
    return { container, address, role, ask, watch: (pauseMs) => new Watch(ask, pauseMs) };
  }

  remove({ container }: FaultyWorkload): void {
    const { engine } = this.host;
    engine.remove(container.Id);
    engine.sendContainer("die", container.Id);
    engine.sendNetwork("disconnect", this.#network, container.Id);
    engine.sendContainer("destroy", container.Id);
  }

  /** Of the daemon's present life. */
  linesSince(at: EpochMs): readonly LogLine[] {
    return this.host.taskrole.lines().filter(({ time }) => momentOf(time) >= at);
  }
}

/** The daemon writes moments as ISO 8601, or as milliseconds. */
const momentOf = (time: unknown): EpochMs => (typeof time === "number" ? time : Date.parse(String(time)));
