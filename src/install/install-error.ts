/** An installation, or its removal, that cannot go on: what and where, and what the operator can do about it. */
export class InstallError extends Error {
  override readonly name = "InstallError";
  readonly remedy: string;

  constructor(sentence: string, remedy: string) {
    super(sentence);
    this.remedy = remedy;
  }
}
