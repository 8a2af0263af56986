import { writeFileSync } from "node:fs";
import { configurationPage } from "./configuration-page.ts";
import { deployedUnits } from "./systemd-units.ts";

/** Writes the pages and the units that are made from code. A test says when they are out of date. */
writeFileSync("docs/configuration.md", configurationPage());
for (const [name, text] of Object.entries(deployedUnits())) writeFileSync(`deploy/systemd/${name}`, text);
