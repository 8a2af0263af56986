import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { docker, must } from "./docker-cli.ts";
import { ownProgram } from "./own-program.ts";

/** What `docker run` needs to start this very program in a container. */
export interface DemoImage {
  readonly name: string;
  /** Volumes, for what the image leaves out. */
  readonly runOptions: readonly string[];
  readonly command: readonly string[];
}

/**
 * An image of this program and the libraries it is linked with, imported from
 * this machine's own files: no registry is asked. Run from a checkout, the
 * source is mounted read-only beside it.
 */
export async function importDemoImage(name: string): Promise<DemoImage> {
  const [executable = "", script] = ownProgram();
  const folder = mkdtempSync(join(tmpdir(), "taskrole-demo-"));
  try {
    const archive = join(folder, "image.tar");
    const files = [executable, ...(await librariesOf(executable))].map((path) => path.slice(1));
    await must(["tar", "--create", "--dereference", "--file", archive, "--directory", "/", ...files]);
    await docker("import", archive, name);
  } finally {
    rmSync(folder, { recursive: true });
  }
  const root = script === undefined ? undefined : dirname(dirname(dirname(script)));
  return {
    name,
    runOptions: root === undefined ? [] : ["--volume", `${root}:${root}:ro`],
    command: [executable, ...(script === undefined ? [] : [script])],
  };
}

/** "libc.so.6 => /lib/…/libc.so.6 (0x…)" and "/lib64/ld-linux-x86-64.so.2 (0x…)" */
async function librariesOf(executable: string): Promise<readonly string[]> {
  const listed = await must(["ldd", executable]);
  return [...listed.matchAll(/(\/\S+) \(0x/g)].map(([, path = ""]) => path);
}
