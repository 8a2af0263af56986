import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Docker, must } from "./docker-cli.ts";
import { ownProgram } from "./own-program.ts";

/** What `docker run` needs to start this very program in a container. */
export interface OwnImage {
  readonly name: string;
  /** The entry point, and volumes for what the image leaves out. */
  readonly runOptions: readonly string[];
  readonly command: readonly string[];
}

/**
 * An image of this program and the libraries it is linked with, imported from
 * this machine's own files: no registry is asked.
 */
export async function importOwnImage(docker: Docker, name: string): Promise<OwnImage> {
  const [executable = ""] = ownProgram();
  const folder = mkdtempSync(join(tmpdir(), "taskrole-image-"));
  try {
    const archive = join(folder, "image.tar");
    const files = [executable, ...(await librariesOf(executable))].map((path) => path.slice(1));
    await must(["tar", "--create", "--dereference", "--file", archive, "--directory", "/", ...files]);
    await docker("import", archive, name);
  } finally {
    rmSync(folder, { recursive: true });
  }
  return { name, runOptions: ["--entrypoint", executable, ...sourceVolume()], command: script() };
}

/** Somebody else's image with this program mounted into it; the image must have the C library of glibc. */
export function ownProgramIn(image: string): OwnImage {
  const [executable = ""] = ownProgram();
  const mounted = ["--volume", `${executable}:${executable}:ro`];
  return { name: image, runOptions: ["--entrypoint", executable, ...mounted, ...sourceVolume()], command: script() };
}

/** Run from a checkout, the source is what is run: it is mounted read-only. */
function sourceVolume(): readonly string[] {
  const [path] = script();
  if (path === undefined) return [];
  const root = dirname(dirname(dirname(path)));
  return ["--volume", `${root}:${root}:ro`];
}

/** Of Node; the executable has none. */
const script = (): readonly string[] => ownProgram().slice(1);

/** "libc.so.6 => /lib/…/libc.so.6 (0x…)" and "/lib64/ld-linux-x86-64.so.2 (0x…)" */
async function librariesOf(executable: string): Promise<readonly string[]> {
  const listed = await must(["ldd", executable]);
  return [...listed.matchAll(/(\/\S+) \(0x/g)].map(([, path = ""]) => path);
}
