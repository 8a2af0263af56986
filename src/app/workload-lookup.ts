import { readFileSync, statSync } from "node:fs";
import type { Workload } from "../core/workload.ts";
import type { ContainerDetails } from "../docker/engine.ts";
import { EngineClient } from "../docker/engine-client.ts";
import { EngineError } from "../docker/engine-error.ts";
import { ContainerShape } from "../docker/engine-shapes.ts";
import { type WorkloadSource, workloadOf } from "../docker/workload-claims.ts";
import { canonicalAddress } from "../kit/ip-address.ts";
import { containerDialect } from "./container-dialect.ts";
import type { Config } from "./options.ts";
import { readRoleMapFile } from "./role-map-file.ts";

/** Nobody can say what would be granted: a sentence with the thing, the place and the remedy. */
export class LookupError extends Error {
  override readonly name = "LookupError";
}

type Where = Pick<Config, "dockerEndpoint" | "hostNetwork" | "roleMapFile"> & Parameters<typeof containerDialect>[0];

/** A workload, and why it is another's or nobody's where it is not judged by itself. */
export interface FoundWorkload {
  readonly workload: Workload;
  /** Completes "…, because". */
  readonly refusedBecause?: string;
}

/**
 * @param word a file with what `docker inspect` printed, an address of the role map, or the name of a container that the Engine has
 * @throws LookupError
 */
export async function findWorkloads(word: string, where: Where): Promise<readonly FoundWorkload[]> {
  const address = canonicalAddress(word);
  if (address !== undefined) return [mappedWorkload(address, where)];
  if (isFile(word)) return workloadsInFile(word, where);
  const engine = new EngineClient({ endpoint: where.dockerEndpoint });
  const container = await asked(engine, word);
  const owner = container.guestOf === undefined ? container : await asked(engine, container.guestOf);
  return [foundContainer(owner, where)];
}

/** A folder may well have a container's name. */
const isFile = (word: string): boolean => statSync(word, { throwIfNoEntry: false })?.isFile() === true;

/** @param file with what `docker inspect` printed @throws LookupError */
export const workloadsInFile = (file: string, where: Where): readonly FoundWorkload[] =>
  containersIn(file).map((container) => foundContainer(container, where));

/** @throws LookupError */
export function mappedWorkload(address: string, { roleMapFile, compat }: Where): FoundWorkload {
  if (roleMapFile === undefined)
    throw new LookupError(`${address}: addresses are looked up in roleMapFile, which is not set`);
  const read = readRoleMapFile(roleMapFile, compat);
  if (read.kind === "mistakes") throw new LookupError(read.mistakes.join("\n"));
  const workload = read.map.workloadAt(address);
  if (!workload) throw new LookupError(`${roleMapFile}: says nothing of ${address}`);
  return { workload };
}

function containersIn(file: string): readonly ContainerDetails[] {
  const parsed = ContainerShape.array().safeParse([jsonIn(file)].flat());
  if (parsed.success && parsed.data.length > 0)
    return parsed.data.map((container) => ownerIn(parsed.data, container, file));
  const [issue] = parsed.error?.issues ?? [];
  const what = issue ? `${issue.path.slice(1).join(".")} is not as it should be` : "it is empty";
  throw new LookupError(`${file}: is not what \`docker inspect\` prints of a container: ${what}`);
}

function jsonIn(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new LookupError(`${file}: is not what \`docker inspect\` prints: ${(error as Error).message}`);
  }
}

/** A container in another's network has that one's address, and with it that one's role. */
function ownerIn(all: readonly ContainerDetails[], container: ContainerDetails, file: string): ContainerDetails {
  if (container.guestOf === undefined) return container;
  const owner = all.find(({ id, name }) => id === container.guestOf || name === container.guestOf);
  if (owner) return owner;
  throw new LookupError(
    `${file}: ${container.name} is in the network of the container ${container.guestOf}, so it has that one's role: inspect both into the file`,
  );
}

async function asked(engine: EngineClient, name: string): Promise<ContainerDetails> {
  try {
    return await engine.inspectContainer(name);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    const known = error.kind === "not-found" ? "there is no such file, and no such container" : error.message;
    throw new LookupError(`${name}: ${known}`);
  }
}

const ON_HOST = "it is on the host's own network, and hostNetwork is refuse";
const AS_HOST = "it is on the host's own network, and hostNetwork is host: it has what the host has";

export function foundContainer(container: WorkloadSource, { hostNetwork, ...where }: Where): FoundWorkload {
  const workload = workloadOf(container, containerDialect(where));
  const isOnHost = container.attachments.some(({ networkName }) => networkName === "host");
  if (!isOnHost || hostNetwork === "identify") return { workload };
  return { workload, refusedBecause: hostNetwork === "refuse" ? ON_HOST : AS_HOST };
}
