import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { configurationPage } from "./configuration-page.ts";
import { deployedUnits } from "./systemd-units.ts";

/** Writes the pages and the units that are made from code. A test says when they are out of date. */
writeFileSync("docs/configuration.md", configurationPage());
for (const [name, text] of Object.entries(deployedUnits())) {
  mkdirSync(dirname(`deploy/systemd/${name}`), { recursive: true });
  writeFileSync(`deploy/systemd/${name}`, text);
}
