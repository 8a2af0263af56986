import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import manifest from "../package.json" with { type: "json" };
import { configurationPage } from "../scripts/configuration-page.ts";
import { ATTACKS } from "./attack/attacks.ts";
import { CLIENTS } from "./clients/catalogue.ts";
import { FAULTS } from "./faults/faults.ts";

const pages = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", ...globSync("docs/**/*.md")];
const text = (page: string): string => readFileSync(page, "utf8");

test("docs/configuration.md is what the schema says (npm run docs)", () => {
  assert.equal(text("docs/configuration.md"), configurationPage());
});

test("every link to a file of the repository leads somewhere", () => {
  const broken = pages.flatMap((page) =>
    [...text(page).matchAll(/\]\((?!https?:|#)([^)#]+)/g)]
      .map(([, target = ""]) => join(dirname(page), target))
      .filter((target) => !existsSync(target))
      .map((target) => `${page}: ${target}`),
  );
  assert.deepEqual(broken, []);
});

test("docs/clients.md has every client of the catalogue (npm run test:clients && npm run docs:clients)", () => {
  const page = text("docs/clients.md");
  assert.deepEqual(
    CLIENTS.filter(({ name }) => !page.includes(`| ${name} |`)).map(({ name }) => name),
    [],
  );
});

test("docs/security.md has every attack of the suite (npm run test:attack && npm run docs:security)", () => {
  const page = text("docs/security.md");
  assert.deepEqual(
    Object.values(ATTACKS).filter(({ name }) => !page.includes(`| ${name} |`)),
    [],
  );
});

test("docs/reliability.md has every fault of the suite (npm run test:faults && npm run docs:reliability)", () => {
  const page = text("docs/reliability.md");
  assert.deepEqual(
    Object.values(FAULTS).filter(({ name }) => !page.includes(`| ${name} |`)),
    [],
  );
});

test("every npm script that a page names exists", () => {
  const named = pages.flatMap((page) =>
    [...text(page).matchAll(/npm run (?:-s )?([\w:-]+)/g)].map(([, script = ""]) => script),
  );
  const scripts = Object.keys(manifest.scripts);
  assert.deepEqual(
    [...new Set(named)].filter((script) => !scripts.includes(script)),
    [],
  );
});
