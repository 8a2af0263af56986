import { resolve } from "node:path";

const ENGINES = ["debian", "forky", "moby"] as const;

/** "debian": this machine's docker.io; "forky": Docker 28 in a chroot; "moby": the 29 line with rules of its own for nftables. */
export type EngineName = (typeof ENGINES)[number];

export const engineName: EngineName =
  ENGINES.find((name) => name === (process.env["E2E_ENGINE"] ?? "debian")) ?? fail();

/** Where scripts/e2e-setup.sh keeps its root file systems and images. */
export const cacheFolder = process.env["E2E_CACHE"] ?? `${process.env["XDG_CACHE_HOME"] ?? "/var/cache"}/taskrole-e2e`;

/** Where "moby" keeps its programs. */
export const mobyFolder = `${cacheFolder}/moby`;

/** The image tars; the engines of containers that are Docker hosts themselves read them too. */
export const imageFolder = `${cacheFolder}/images`;

/** The program under test: the compiled executable, as it is shipped. */
export const taskroleProgram = resolve(process.env["E2E_TASKROLE"] ?? "dist/taskrole");

/** Where the daemon's log of each test file is kept, for whoever has to find out why one failed. Undefined: nowhere. */
export const logFolder = process.env["E2E_LOGS"];

function fail(): never {
  throw new Error(`E2E_ENGINE must be one of ${ENGINES.join(", ")}: current value is ${process.env["E2E_ENGINE"]}`);
}
