import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { run } from "../support/program.ts";
import { commandsIn, flagsIn, wordsOfCommands } from "./help-text.ts";

const folder = mkdtempSync(join(tmpdir(), "taskrole-completion-"));
const here = mkdtempSync(join(folder, "here-"));
after(() => rmSync(folder, { recursive: true }));
writeFileSync(join(here, "my config.yaml"), "");

const env = { PATH: process.env["PATH"] ?? "", HOME: folder, TERM: "xterm", LC_ALL: "C.UTF-8" };
const output = (file: string, ...args: string[]): string =>
  execFileSync(file, args, { encoding: "utf8", cwd: here, env });

const ASK_BASH = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _taskrole; IFS=$'\\n'; echo "\${COMPREPLY[*]}"`;

/** How each shell is asked what it would offer behind a line. */
const OFFERS = {
  bash: (script: string, line: string) => output("bash", "--norc", "-c", ASK_BASH, "bash", script, ...line.split(" ")),
  zsh: (script: string, line: string) =>
    [...output("zsh", "-f", join(import.meta.dirname, "zsh-offers.zsh"), script, line).matchAll(/<<(.+?)>>/g)]
      .map(([, word]) => word)
      .join("\n"),
  fish: (script: string, line: string) =>
    output("fish", "--no-config", "-c", "source $argv[1]; complete -C $argv[2]", script, line).replace(/\t.*$/gm, ""),
} as const;

for (const [shell, offersOf] of Object.entries(OFFERS)) {
  const isMissing = spawnSync(shell, ["--version"]).error !== undefined;
  describe(`completion in ${shell}`, { skip: isMissing && `${shell} is not installed` }, () => {
    const script = join(folder, `taskrole.${shell}`);
    before(async () => {
      const { code, stdout, stderr } = await run(["completion", shell]);
      assert.equal(code, 0, stderr);
      writeFileSync(script, stdout);
    });
    const offered = (line: string): readonly string[] =>
      [...new Set(offersOf(script, line).split("\n").filter(Boolean))].toSorted();

    it("offers the commands of --help, and not what is for taskrole itself alone", async () => {
      const { stdout } = await run(["--help"]);
      const commands = offered("taskrole ").filter((word) => !word.startsWith("-"));
      assert.deepEqual(commands, commandsIn(stdout).toSorted());
      assert.ok(commands.includes("serve") && !commands.includes("demo-workload"));
    });

    it("offers every option that a command's --help has, for each command", async () => {
      for (const words of [[], ...(await wordsOfCommands())]) {
        const { stdout } = await run([...words, "--help"]);
        assert.deepEqual(offered(["taskrole", ...words, "--"].join(" ")), flagsIn(stdout).toSorted(), words.join(" "));
      }
    });

    it("offers the commands of a command, also where a value before it is called as one of them", () => {
      assert.deepEqual(
        offered("taskrole interception ").filter((word) => !word.startsWith("-")),
        ["down", "hold", "print", "status", "up"],
      );
      assert.ok(offered("taskrole serve --default-role reload --").includes("--listen"));
    });

    it("offers the words that a setting may have, and those of a command", () => {
      assert.deepEqual(offered("taskrole serve --host-network "), ["host", "identify", "refuse"]);
      assert.deepEqual(offered("taskrole interception up --interception "), ["iptables", "nftables"]);
      assert.deepEqual(offered("taskrole completion ba"), ["bash"]);
    });

    it("offers nothing where only the operator knows", () => {
      assert.deepEqual(offered("taskrole serve --region "), []);
    });

    it("offers files where a file is wanted", () => {
      const whole = shell === "bash" ? typedInBash(script) : offered("taskrole serve --config my").join("\n");
      assert.match(whole, /my\\? config\.yaml/);
    });
  });
}

/** Files are readline's to offer: Tab, and then, from the start of the line, echo. The terminal shows the keys first. */
function typedInBash(script: string): string {
  const keys = `source ${script}\ntaskrole serve --config my\t\x01echo \nexit\n`;
  const typed = spawnSync("script", ["--quiet", "--command", "bash --norc --noprofile -i", "/dev/null"], {
    input: keys,
    encoding: "utf8",
    cwd: here,
    env,
  });
  return [...typed.stdout.matchAll(/^taskrole serve --config .*$/gm)].at(-1)?.[0] ?? typed.stdout;
}

describe("taskrole completion", () => {
  it("names the shells it knows, to who asks for another, and ends with 2", async () => {
    const { code, stderr } = await run(["completion", "ksh"]);
    assert.equal(code, 2);
    assert.match(stderr, /ksh.*bash, zsh, fish/);
    assert.equal((await run(["completion"])).code, 2);
  });
});
