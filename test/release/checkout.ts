import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, realpathSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Ended } from "../support/program.ts";

/** A repository of its own with these sources in one commit, changed and new files included, so that a test may tag and spoil it. */
export class Checkout {
  folder = mkdtempSync(join(tmpdir(), "taskrole-checkout-"));

  constructor() {
    const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
      encoding: "utf8",
    });
    for (const file of listed.split("\0").filter(Boolean)) cpSync(file, join(this.folder, file));
    // Copied: Bun follows a link, and names some of what it writes by the path behind it.
    cpSync(realpathSync("node_modules"), join(this.folder, "node_modules"), {
      recursive: true,
      verbatimSymlinks: true,
    });
    this.git("init", "--quiet");
    this.git("add", "--all");
    this.git("commit", "--quiet", "--message", "As it is");
  }

  git(...args: string[]): string {
    const who = ["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"];
    return execFileSync("git", [...who, ...args], { cwd: this.folder, encoding: "utf8" }).trim();
  }

  script(name: string, ...args: string[]): Ended {
    const { status, stdout, stderr } = spawnSync(process.execPath, [`scripts/${name}`, ...args], {
      cwd: this.folder,
      encoding: "utf8",
    });
    return { code: status, stdout, stderr };
  }

  /** To another place, at which nothing can be what it was because of its path. */
  move(): void {
    const elsewhere = `${this.folder}-elsewhere`;
    renameSync(this.folder, elsewhere);
    this.folder = elsewhere;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}
