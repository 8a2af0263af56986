import { execFileSync } from "node:child_process";
import { cpus, loadavg, release, totalmem } from "node:os";

/** What the figures were measured on, a line each. */
export function machineLines({ taskrole, compiler }: { taskrole: string; compiler: string | undefined }): string[] {
  const [cpu] = cpus();
  const gigabytes = Math.round(totalmem() / 1e9);
  return [
    `machine   ${cpus().length} x ${cpu?.model ?? "unknown processor"}, ${gigabytes} GB, Linux ${release()}`,
    `busy      load average ${loadavg()[0]?.toFixed(1)} before the start; above 1 others are at work, which makes every figure worse`,
    `programs  ${output(taskrole, "--version")}, node ${process.versions.node} (bench), ${compiler ?? "no C compiler"}`,
    `commit    ${commit()}, ${new Date().toISOString().slice(0, 10)}`,
  ];
}

/** Of the working tree; a package without one says so. */
function commit(): string {
  try {
    const changes = output("git", "status", "--porcelain", "--untracked-files=no");
    return `${output("git", "rev-parse", "--short", "HEAD")}${changes === "" ? "" : " with changes"}`;
  } catch {
    return "unknown";
  }
}

const output = (file: string, ...args: string[]): string => execFileSync(file, args, { encoding: "utf8" }).trim();
