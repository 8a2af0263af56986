import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Ended } from "../support/program.ts";

/** A repository of its own with these sources in one commit, changed and new files included, so that a test may tag and spoil it. */
export class Checkout {
  readonly folder = mkdtempSync(join(tmpdir(), "taskrole-checkout-"));

  constructor() {
    const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
      encoding: "utf8",
    });
    for (const file of listed.split("\0").filter(Boolean)) cpSync(file, join(this.folder, file));
    symlinkSync(resolve("node_modules"), join(this.folder, "node_modules"));
    this.git("init", "--quiet");
    this.git("add", "--all");
    this.git("commit", "--quiet", "--message", "As it is");
  }

  git(...args: string[]): string {
    const who = ["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"];
    return execFileSync("git", [...who, ...args], { cwd: this.folder, encoding: "utf8" }).trim();
  }

  release(...args: string[]): Ended {
    const { status, stdout, stderr } = spawnSync(process.execPath, ["scripts/release.ts", ...args], {
      cwd: this.folder,
      encoding: "utf8",
    });
    return { code: status, stdout, stderr };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}
