import { writeFileSync } from "node:fs";
import { configurationPage } from "./configuration-page.ts";

/** Writes the pages that are made from code. A test says when they are out of date. */
writeFileSync("docs/configuration.md", configurationPage());
