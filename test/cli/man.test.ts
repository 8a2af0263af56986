import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { environmentOf, flagOf, OPTION_NAMES } from "../../src/app/options.ts";
import { run } from "../support/program.ts";
import { flagsIn, wordsOfCommands } from "./help-text.ts";

const folder = mkdtempSync(join(tmpdir(), "taskrole-man-"));
const page = join(folder, "taskrole.8");
after(() => rmSync(folder, { recursive: true }));
before(async () => {
  const { code, stdout, stderr } = await run(["man"]);
  assert.equal(code, 0, stderr);
  writeFileSync(page, stdout);
});

const missing = (...programs: string[]): string | false => {
  const absent = programs.filter((program) => spawnSync(program, ["--version"]).error !== undefined);
  return absent.length > 0 && `${absent.join(" and ")} not installed`;
};

const env = { ...process.env, LC_ALL: "C.UTF-8", MANWIDTH: "80", MANROFFSEQ: "" };
const output = (file: string, args: readonly string[]) => spawnSync(file, args, { encoding: "utf8", env });

describe("taskrole man", () => {
  it("is roff without a fault, to mandoc", { skip: missing("mandoc") }, () => {
    const { stdout, stderr } = output("mandoc", ["-T", "lint", page]);
    const found = `${stdout}${stderr}`.split("\n").filter(Boolean);
    // It has none, so that two builds of one commit have the same page.
    assert.deepEqual(
      found.filter((line) => !line.includes('missing date, using "": TH')),
      [],
    );
  });

  it("is roff without a warning, to man", { skip: missing("man") }, () => {
    const { status, stderr } = output("man", ["--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page]);
    assert.equal(stderr, "");
    assert.equal(status, 0);
  });

  it("shows a reader every command with every option of its --help, as they are typed", {
    skip: missing("man"),
  }, async () => {
    const { stdout } = output("man", ["-E", "ascii", "-P", "cat", "-l", page]);
    const sections = new Map(stdout.split(/^ {3}(?=taskrole )/m).map((text) => [text.split("\n")[0] ?? "", text]));
    for (const words of await wordsOfCommands()) {
      const title = ["taskrole", ...words].join(" ");
      const section = [...sections].find(([head]) => head === title || head.startsWith(`${title} bash`))?.[1];
      assert.ok(section !== undefined, `no section "${title}"`);
      for (const flag of flagsIn((await run([...words, "--help"])).stdout))
        assert.match(section, new RegExp(`^ {7}(?:-\\w, )?${flag}\\b`, "m"));
    }
  });

  it("says of each setting what --help says, and where else it can be written", { skip: missing("man") }, () => {
    const { stdout } = output("man", ["-E", "ascii", "-P", "cat", "-l", page]);
    for (const name of OPTION_NAMES) assert.match(stdout, new RegExp(`--${flagOf(name)}\\b`));
    assert.ok(stdout.includes(environmentOf("listen")));
    assert.match(stdout.replace(/\s+/g, " "), /default: "unix:\/\/\/var\/run\/docker\.sock"/);
  });
});
