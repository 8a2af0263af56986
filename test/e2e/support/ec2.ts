import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ADDRESSES, type Instance, STS_PORT } from "./instance.ts";
import { LongRunning, run } from "./programs.ts";
import { taskroleProgram } from "./settings.ts";

/** What no container may ever hear: see nothing-leaked.ts. */
export const HOST_ROLE = "the-hosts-own-role";
export const USER_DATA_CANARY = "canary-of-the-user-data";
export const ACCOUNT = "111122223333";
/** Another account's role, which the host may not assume. */
export const FORBIDDEN_ROLE = "arn:aws:iam::999999999999:role/out-of-reach";

const WORLD = {
  instance: { role: HOST_ROLE, userData: `#!/bin/sh\n# ${USER_DATA_CANARY}\n`, tags: { Name: "e2e" } },
  hostMayAssume: [`arn:aws:iam::${ACCOUNT}:role/*`],
};

/** One request that EC2's services answered. */
export interface Ec2Request {
  readonly service: "metadata" | "sts";
  readonly method: string;
  readonly path: string;
  readonly peer: string;
  readonly status: number;
  readonly action?: string;
  readonly callerArn?: string;
}

/** How a service that is down feels to whoever calls it. */
export type Outage = "refused" | "silent";

/** EC2's metadata service and STS, at the other end of the instance's wire: `taskrole mock-ec2`. */
export class Ec2 {
  readonly #instance: Instance;
  readonly #program: LongRunning;

  private constructor(instance: Instance, program: LongRunning) {
    this.#instance = instance;
    this.#program = program;
  }

  static async start(instance: Instance, env: NodeJS.ProcessEnv = {}): Promise<Ec2> {
    const world = join(instance.folder, "world.json");
    await writeFile(world, JSON.stringify(WORLD));
    const listen = ["--metadata-listen", "[::]:80", "--sts-listen", `[::]:${STS_PORT}`];
    const command = instance.atEc2(taskroleProgram, "mock-ec2", ...listen, "--config", world, "--log");
    const program = new LongRunning(command, env);
    await program.waitForLine((line) => line.startsWith("The host's role:"));
    return new Ec2(instance, program);
  }

  get requests(): readonly Ec2Request[] {
    return this.#program.lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as Ec2Request);
  }

  /** How often STS was asked to assume a role so far. */
  get assumeRoleCalls(): number {
    return this.#assumeRoleRequests().length;
  }

  /** How many sessions STS gave so far. Roles it refuses are asked for again and again, and are not among them. */
  get sessionsGiven(): number {
    return this.#assumeRoleRequests().filter(({ status }) => status === 200).length;
  }

  stop = (): Promise<void> => this.#program.stop();

  stsGoesDown = (how: Outage): Promise<void> => this.#goesDown("sts", STS_PORT, how);
  stsComesBack = (): Promise<void> => this.#comesBack("sts");
  metadataGoesDown = (how: Outage): Promise<void> => this.#goesDown("metadata", 80, how);
  metadataComesBack = (): Promise<void> => this.#comesBack("metadata");

  /** The instance's own credentials and those of its identity role, as EC2 hands them to the host itself. */
  async hostSecrets(): Promise<readonly string[]> {
    const documents = [
      "iam/security-credentials/the-hosts-own-role",
      "identity-credentials/ec2/security-credentials/ec2-instance",
    ];
    const read = (path: string) =>
      run(
        this.#instance.onInstance(
          "curl",
          "-sf",
          "--noproxy",
          "*",
          `http://${ADDRESSES.metadata4}/latest/meta-data/${path}`,
        ),
      );
    const texts = await Promise.all(documents.map(read));
    return texts
      .map((text) => JSON.parse(text) as Record<string, string>)
      .flatMap(({ AccessKeyId = "", SecretAccessKey = "", Token = "" }) => [AccessKeyId, SecretAccessKey, Token]);
  }

  #assumeRoleRequests(): readonly Ec2Request[] {
    return this.requests.filter(({ action }) => action === "AssumeRole");
  }

  async #goesDown(name: string, port: number, how: Outage): Promise<void> {
    const verdict = how === "refused" ? "reject with tcp reset" : "drop";
    const rules = `table inet down_${name} { chain input { type filter hook input priority -200; tcp dport ${port} ${verdict}; }; }`;
    await run(this.#instance.atEc2("nft", "-f", "-"), { input: `${rules}\n` });
  }

  async #comesBack(name: string): Promise<void> {
    await run(this.#instance.atEc2("nft", "delete", "table", "inet", `down_${name}`));
  }
}
