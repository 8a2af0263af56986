/** An installation, or its removal, that cannot go on: what and where, and what the operator can do about it. */
export class InstallError extends Error {
  override readonly name = "InstallError";
  readonly remedy: string;

  constructor(sentence: string, remedy: string) {
    super(sentence);
    this.remedy = remedy;
  }
}

export const GO_ON =
  "Mend what it says and run the same command again: it goes on from here. `taskrole uninstall` takes back what was done";

/** What the file system refuses (read-only, full) is the operator's to mend. @throws InstallError that names the file */
export function orRefused(path: string, task: () => void): void {
  try {
    task();
  } catch (error) {
    throw new InstallError(`${path}: ${error instanceof Error ? error.message : String(error)}`, GO_ON);
  }
}
