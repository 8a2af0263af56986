import { join } from "node:path";
import type { Asker } from "./containers.ts";
import { type Docker, IMAGES } from "./engine.ts";
import type { Lab } from "./lab.ts";
import { eventually } from "./programs.ts";
import { engineName, imageFolder } from "./settings.ts";

/** A container that is a Docker host itself, and the way to its own engine. */
export interface NestedEngine {
  /** The container that holds it, asking for itself. */
  readonly asker: Asker;
  /** The docker command of the engine inside. */
  readonly docker: Docker;
  /** Runs the small client in it. */
  run(name: string, ...args: readonly string[]): Promise<Asker>;
}

export interface NestedEngineOptions {
  readonly name: string;
  /** How deep it is: 1 for a container of the lab's own engine. */
  readonly depth: number;
  /** The images its engine gets. */
  readonly load: readonly (keyof typeof IMAGES)[];
  readonly role?: string;
}

/**
 * What `--privileged` would give, where root itself lacks SYS_RESOURCE (as in many virtual
 * machines): Docker 20.10 must be told to do without, Docker 28 does and minds being told.
 */
const almostPrivileged = (isDocker20: boolean): readonly string[] => [
  ...["--cap-add", "ALL", ...(isDocker20 ? ["--cap-drop", "SYS_RESOURCE"] : []), "--device-cgroup-rule", "a *:* rwm"],
  ...["seccomp", "apparmor"].flatMap((guard) => ["--security-opt", `${guard}=unconfined`]),
  ...["--security-opt", "systempaths=unconfined"],
];

/** @param docker the engine that the container is to run in */
export async function startNestedEngine(lab: Lab, docker: Docker, options: NestedEngineOptions): Promise<NestedEngine> {
  const { name, depth, load, role } = options;
  const { folder } = lab.containers;
  await docker(
    ...[
      "run",
      "-d",
      "--name",
      name,
      ...almostPrivileged(engineName === "debian" || depth > 1),
      "-v",
      `${folder}:${folder}`,
    ],
    // No overlay on an overlay: its images need a volume.
    ...["-v", `${imageFolder}:${imageFolder}:ro`, "-v", `${name}:/var/lib/docker`],
    ...["-e", `IMAGES=${imageFolder}`, "-e", `LOAD=${load.join(" ")}`, "-e", `BIP=172.${31 - depth}.0.1/16`],
    ...[
      "-e",
      `ASK=${join(folder, `${name}.sock`)}`,
      ...(role === undefined ? [] : ["--label", `taskrole.role=${role}`]),
    ],
    ...[IMAGES.dind, "dind-entry"],
  );
  await eventually(async () => {
    const output = await docker("logs", name);
    if (!output.includes("READY")) throw new Error(`the engine in ${name} is not ready: ${output}`);
  }, 60_000);
  const inside: Docker = (...args) => docker("exec", name, "docker", ...args);
  return { asker: lab.containers.asker(name), docker: inside, run: (...given) => runInside(lab, inside, given) };
}

async function runInside(
  { containers }: Lab,
  docker: Docker,
  [name, ...args]: readonly [string, ...string[]],
): Promise<Asker> {
  const { folder } = containers;
  const shared = ["-v", `${folder}:${folder}`];
  await docker("run", "-d", "--name", name, ...shared, ...args, IMAGES.small, "ask", join(folder, `${name}.sock`));
  const asker = containers.asker(name);
  await asker.ready();
  return asker;
}
