import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Connection, type Destination, type Overhearing } from "./ask.ts";
import { type Docker, IMAGES, type ImageName } from "./engine.ts";
import { type FirstWord, type FirstWords, firstWords } from "./first-words.ts";
import { type CredentialsDocument, documentIn, MetadataClient, type RoleCredentials } from "./metadata-client.ts";
import { eventually } from "./programs.ts";
import { roleOf, whoAmI } from "./who-am-i.ts";

export interface ContainerOptions {
  readonly name?: string;
  /** Written as the label taskrole.role. */
  readonly role?: string;
  readonly network?: string;
  readonly image?: ImageName;
  /** Its first process asks for credentials before it does anything else: see {@link Container.firstWords}. */
  readonly asksFirst?: boolean;
  /** Further arguments of `docker run`. */
  readonly args?: readonly string[];
}

export interface FirstIdentity {
  readonly roleName: string;
  /** As STS says. */
  readonly arn: string;
  /** False when a machine with much else to do let STS take longer than a container is made to wait. */
  readonly isAtOnce: boolean;
}

const say = (word: FirstWord): string => (typeof word === "string" ? word : `${word.status}: ${word.body}`);

/** Something that can make connections: a container, or one nested in it. */
export class Asker {
  readonly askSocket: string;
  readonly metadata: MetadataClient;
  readonly #overhear: Overhearing;

  constructor(askSocket: string, overhear: Overhearing) {
    this.askSocket = askSocket;
    this.#overhear = overhear;
    this.metadata = new MetadataClient((to) => this.connect(to));
  }

  connect(to: Destination): Connection {
    return new Connection(this.askSocket, to, this.#overhear);
  }

  /** Until its ask program can be spoken to. */
  async ready(): Promise<void> {
    await eventually(async () => {
      const connection = this.connect({ address: "127.0.0.1", port: 1 });
      const { outcome } = await connection.ended();
      connection.close();
      if (outcome !== "ECONNREFUSED") throw new Error(`the container's client does not run: ${this.askSocket}`);
    }, 20_000);
  }

  /** Gets credentials and asks STS whose they are. @returns the role as the metadata service and as STS name it */
  async identity(metadata: MetadataClient = this.metadata): Promise<RoleCredentials & { readonly arn: string }> {
    const credentials = await metadata.credentials();
    return { ...credentials, arn: await this.whoAmI(credentials.document) };
  }

  /** The one role that the metadata service names and STS confirms. @throws when they differ */
  async role(metadata: MetadataClient = this.metadata): Promise<string> {
    const { roleName, arn } = await this.identity(metadata);
    if (roleOf(arn) !== roleName) throw new Error(`listed as ${roleName}, but STS says ${arn}`);
    return roleName;
  }

  whoAmI(document: CredentialsDocument, clockOffsetMs = 0): Promise<string> {
    return whoAmI((to) => this.connect(to), document, clockOffsetMs);
  }

  /** Who it was told to be at its very first asking. @throws for any answer but its credentials or "STS is slow" (503) */
  async firstIdentity(): Promise<FirstIdentity> {
    const { role, credentials } = await this.firstWords();
    if (typeof role === "string" || role.status !== 200) throw new Error(`no role at the first asking: ${say(role)}`);
    if (typeof credentials === "string") throw new Error(`no credentials at the first asking: ${credentials}`);
    if (credentials.status === 503) return { roleName: role.body, arn: (await this.identity()).arn, isAtOnce: false };
    return { roleName: role.body, arn: await this.whoAmI(documentIn(credentials.body)), isAtOnce: true };
  }

  async firstWords(): Promise<FirstWords> {
    const words = await firstWords(this.askSocket);
    this.#overhear(words.bytes);
    return words;
  }
}

export class Container extends Asker {
  readonly id: string;
  readonly name: string;
  readonly #docker: Docker;

  constructor(made: { id: string; name: string; askSocket: string }, docker: Docker, overhear: Overhearing) {
    super(made.askSocket, overhear);
    this.id = made.id;
    this.name = made.name;
    this.#docker = docker;
  }

  /** Its IPv4 address in the network, by default in its only one. */
  async address(network?: string): Promise<string> {
    const all = await this.#docker("inspect", "--format", "{{json .NetworkSettings.Networks}}", this.id);
    const networks = JSON.parse(all) as Record<string, { IPAddress: string } | undefined>;
    return (network === undefined ? Object.values(networks)[0] : networks[network])?.IPAddress ?? "";
  }

  /** Runs a program in it. @returns what it printed */
  exec(...command: readonly string[]): Promise<string> {
    return this.#docker("exec", this.id, ...command);
  }

  async remove(): Promise<void> {
    await this.#docker("rm", "-f", "-v", this.id);
  }
}

/** Creates containers that talk to the tests through sockets in one shared folder. */
export class ContainerMaker {
  readonly folder: string;
  readonly #docker: Docker;
  readonly #overhear: Overhearing;
  #made = 0;

  constructor(docker: Docker, folder: string, overhear: Overhearing) {
    this.#docker = docker;
    this.#overhear = overhear;
    this.folder = join(folder, "ask");
    mkdirSync(this.folder);
  }

  /** A name that no other container of this lab has. */
  nextName(): string {
    this.#made += 1;
    return `c${this.#made}`;
  }

  /** Starts a container and waits until it can be spoken to. */
  async run(options: ContainerOptions = {}): Promise<Container> {
    const name = options.name ?? this.nextName();
    const askSocket = join(this.folder, `${name}.sock`);
    const id = await this.#docker(
      "run",
      "-d",
      "--name",
      name,
      ...this.#argumentsOf(options),
      IMAGES[options.image ?? "small"],
      "ask",
      askSocket,
      ...(options.asksFirst ? ["first"] : []),
    );
    const container = new Container({ id, name, askSocket }, this.#docker, this.#overhear);
    await container.ready();
    return container;
  }

  /** Whoever listens at this socket of the shared folder, e.g. a container that another engine runs. */
  asker(name: string): Asker {
    return new Asker(join(this.folder, `${name}.sock`), this.#overhear);
  }

  #argumentsOf({ role, network, args = [] }: ContainerOptions): readonly string[] {
    return [
      ...["-v", `${this.folder}:${this.folder}`],
      ...(role === undefined ? [] : ["--label", `taskrole.role=${role}`]),
      ...(network === undefined ? [] : ["--network", network]),
      ...args,
    ];
  }
}
