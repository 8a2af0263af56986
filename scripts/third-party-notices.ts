import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

interface Locked {
  readonly version: string;
  readonly license?: string;
  readonly dev?: boolean;
}

const BUN = `bun, in the executables alone (MIT, and the licences of what it contains)

https://bun.com/docs/project/license`;

/** The licences of all that is compiled in, as they ask of whoever hands it on; packages of one text stand together. */
export function thirdPartyNotices(): string {
  const lock = JSON.parse(readFileSync("package-lock.json", "utf8")) as { packages: Readonly<Record<string, Locked>> };
  const shipped = Object.entries(lock.packages).filter(([path, { dev }]) => path !== "" && !dev);
  const byText = Map.groupBy(shipped, ([path]) => licenceTexts(path));
  const parts = [...byText].map(([text, packages]) => `${packages.map(titleOf).join("\n")}\n\n${text}`);
  return `${[...parts, BUN].join(`\n\n${"-".repeat(80)}\n\n`)}\n`;
}

const titleOf = ([path, { version, license }]: readonly [string, Locked]): string =>
  `${path.split("node_modules/").at(-1)} ${version} (${license ?? "see below"})`;

/** "" where the package has none but the word in its package.json. */
const licenceTexts = (folder: string): string =>
  readdirSync(folder)
    .filter((name) => /^(?:licen[cs]e|notice|copying)/i.test(name))
    .toSorted()
    .map((name) => readFileSync(join(folder, name), "utf8").trim())
    .join("\n\n");
