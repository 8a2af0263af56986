import { z } from "zod";
import { StartError } from "../app/start-error.ts";
import { ContainerShape } from "../docker/engine-shapes.ts";
import type { WorkloadSource } from "../docker/workload-claims.ts";
import type { Docker } from "../probe/docker-cli.ts";
import { importOwnImage, type OwnImage, ownProgramIn } from "../probe/own-image.ts";
import { Sights } from "../probe/sight.ts";
import { Watch } from "../probe/watch.ts";

const NAME = "taskrole-smoke";
/** Borne by each container of a smoke test, so that no other is ever taken away. */
const MARK = "taskrole-smoke";
const OWN_IMAGE = `${NAME}:latest`;
const OUR_CONTAINERS = ["ps", "--all", "--quiet", "--filter", `label=${MARK}`];
const OUR_IMAGE = ["image", "ls", "--quiet", "--filter", `reference=${OWN_IMAGE}`];
/** What of the engine's own words about a container is shown. */
const MAX_SHOWN = 300;

export interface StageOptions {
  readonly docker: Docker;
  /** Undefined: one is made of this program. */
  readonly image: string | undefined;
  /** Of all containers: `--label`. */
  readonly runOptions: readonly string[];
  /** Of all that are not put elsewhere; undefined: the engine's own bridge. */
  readonly network: string | undefined;
  readonly hostRoleName: string;
  /** Throws when the run is to end; asked before anything is made. */
  readonly goOn: () => void;
}

interface Creation {
  readonly name: string;
  readonly runOptions: readonly string[];
  readonly network: string | undefined;
  /** Of the probe. */
  readonly args: readonly string[];
}

/** Where throw-away containers look around. */
export class Stage {
  readonly #options: StageOptions;
  readonly #image: OwnImage;

  private constructor(options: StageOptions, image: OwnImage) {
    this.#options = options;
    this.#image = image;
  }

  /** @throws StartError; what was made by then is for {@link clearAway} */
  static async open(options: StageOptions): Promise<Stage> {
    const { docker, image, goOn } = options;
    goOn();
    return new Stage(options, image === undefined ? await importOwnImage(docker, OWN_IMAGE) : ownProgramIn(image));
  }

  /** Ends a run that is to end. */
  goOn(): void {
    this.#options.goOn();
  }

  /** Starts a container with these further options, and gives what it saw. */
  async look(name: string, runOptions: readonly string[], network = this.#options.network): Promise<Sights> {
    await this.#create({ name, runOptions, network, args: ["--host-role", this.#options.hostRoleName] });
    return this.lookAgain(name);
  }

  /** The same container, started again. */
  async lookAgain(name: string): Promise<Sights> {
    this.#options.goOn();
    return read(Sights, await this.#output(name));
  }

  /** What the engine, and with it the daemon, knows of the container. */
  async inspect(name: string): Promise<WorkloadSource> {
    const [container] = read(z.tuple([ContainerShape]), await this.#options.docker("inspect", nameOf(name)));
    return container;
  }

  /** What a container saw while `event` happened, from a second before it until `afterMs` after it. */
  async watchDuring(runOptions: readonly string[], event: () => Promise<void>): Promise<Watch> {
    const { docker, network } = this.#options;
    await this.#create({ name: "watch", runOptions, network, args: ["--watch"] });
    await docker("start", nameOf("watch"));
    await event();
    await docker("stop", nameOf("watch"));
    return read(Watch, await docker("logs", nameOf("watch")));
  }

  /** Of its one process, to its end. */
  async #output(name: string): Promise<string> {
    const { docker, image } = this.#options;
    try {
      return await docker("start", "--attach", nameOf(name));
    } catch (error) {
      if (image === undefined || !(error instanceof StartError)) throw error;
      throw new StartError(
        `${error.message}; in the image ${image} there must be glibc, which this program is linked with`,
      );
    }
  }

  async #create({ name, runOptions, network, args }: Creation): Promise<void> {
    const { docker, goOn, runOptions: common } = this.#options;
    const { name: image, runOptions: ofImage, command } = this.#image;
    goOn();
    const place = network === undefined ? [] : ["--network", network];
    const options = ["--name", nameOf(name), "--label", MARK, ...common, ...place, ...runOptions, ...ofImage];
    await docker("create", ...options, image, ...command, "smoke-probe", ...args);
  }
}

const nameOf = (name: string): string => `${NAME}-${name}`;

/**
 * All that a run makes, whichever made it: also what one left that was killed. An import takes the name away from the
 * image of such a run, which nobody would find again.
 */
export async function clearAway({ docker, image }: Pick<StageOptions, "docker" | "image">): Promise<void> {
  await removeAll(docker, OUR_CONTAINERS, ["rm", "--force", "--volumes"]);
  if (image === undefined) await removeAll(docker, OUR_IMAGE, ["image", "rm", "--force"]);
}

async function removeAll(docker: Docker, list: readonly string[], remove: readonly string[]): Promise<void> {
  const ids = (await docker(...list)).split("\n").filter(Boolean);
  if (ids.length > 0) await docker(...remove, ...ids);
}

/** For whom {@link clearAway} failed. @param endpoint of the engine */
export function clearingByHand(endpoint: string, image: string | undefined): string {
  const engine = `docker --host ${endpoint}`;
  const containers = `${engine} rm --force $(${engine} ${OUR_CONTAINERS.join(" ")})`;
  return image === undefined ? `${containers}; ${engine} image rm --force ${OWN_IMAGE}` : containers;
}

function read<T extends z.ZodType>(schema: T, text: string): z.output<T> {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    throw new StartError(`a container, or Docker of it, said nothing that can be read: ${text.slice(0, MAX_SHOWN)}`);
  }
}
