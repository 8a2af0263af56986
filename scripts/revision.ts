import { execFileSync } from "node:child_process";

/** As long in every clone, unlike git's own --short. */
const SHOWN = 7;

/**
 * What is built, as --version tells it: the commit of the checkout, and whether it has changes; or the variable REVISION,
 * where there is no .git (in a Dockerfile).
 */
export function revision(): string {
  const given = process.env["REVISION"];
  if (given) return given.slice(0, SHOWN);
  try {
    return changes() === "" ? commit() : `${commit()} with changes`;
  } catch {
    return "unknown";
  }
}

export const commit = (): string => git("rev-parse", "HEAD").slice(0, SHOWN);

/** Each changed or new file on a line, as git status says it; "" for none. */
export const changes = (): string => git("status", "--porcelain");

/** @throws Error where there is no git, or no checkout */
export const git = (...args: string[]): string =>
  execFileSync("git", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trimEnd();
