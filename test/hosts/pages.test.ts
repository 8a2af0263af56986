import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { OPTION_NAMES } from "../../src/app/options.ts";
import { FROM_SOURCE, run } from "../support/program.ts";

/** The pages of single systems and schedulers; those that install by other means are held to their words by tests of their own. */
const PAGES = ["amazon-linux", "ubuntu", "bottlerocket", "flatcar", "ecs", "nomad", "kubernetes"];
const text = (page: string): string => readFileSync(`docs/install/${page}.md`, "utf8");

/** What stands in blocks of shell and of YAML, and between back quotes. */
const codeIn = (page: string): readonly string[] => [
  ...[...text(page).matchAll(/^```(?:sh|yaml)\n([\s\S]*?)^```$/gm)].flatMap(([, block = ""]) => block.split("\n")),
  ...[...text(page).matchAll(/`([^`\n]+)`/g)].map(([, code = ""]) => code),
];

test("docs/install/README.md leads to each page of its folder", () => {
  const pages = readdirSync("docs/install").filter((file) => file.endsWith(".md") && file !== "README.md");
  const overview = text("README");
  assert.deepEqual(
    pages.filter((page) => !overview.includes(`(${page})`)),
    [],
  );
});

test("each command of taskrole's that a page shows is one", async () => {
  const { stdout: help } = await run(["--help"], { program: FROM_SOURCE });
  const commands = [...help.matchAll(/^ {2}([a-z][\w-]*) /gm)].map(([, name = ""]) => name);
  assert.ok(commands.includes("smoke"), help);
  for (const page of PAGES) {
    const shown = codeIn(page).flatMap((line) =>
      [...line.matchAll(/(?:^|\s|\/)taskrole ([a-z][\w-]*)/g)].map(([, command = ""]) => command),
    );
    assert.deepEqual(
      shown.filter((command) => !commands.includes(command)),
      [],
      page,
    );
  }
});

test("each setting that a page names is one", () => {
  const OF_ECS = ["dockerLabels", "dockerSecurityOptions"];
  const unknown = PAGES.flatMap((page) =>
    [...text(page).matchAll(/`([a-z]+(?:[A-Z][a-z]+)+)\b/g)]
      .map(([, name = ""]) => name)
      .filter((name) => !OF_ECS.includes(name) && !(OPTION_NAMES as readonly string[]).includes(name)),
  );
  assert.deepEqual(unknown, []);
});

test("each page of a system says for each thing that may differ how to see it", () => {
  for (const page of ["amazon-linux", "ubuntu", "bottlerocket", "flatcar"]) {
    const table = text(page)
      .split("\n")
      .filter((line) => line.startsWith("| "));
    for (const thing of ["nft", "firewall", "cgroup driver", "nftables backend", "SELinux"])
      assert.ok(
        table.some((line) => line.includes(thing) && /`[^`]+`/.test(line.split(/(?<!\\)\|/)[2] ?? "")),
        `${page}: ${thing}`,
      );
  }
});
