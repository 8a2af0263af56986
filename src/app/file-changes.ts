import { statSync } from "node:fs";
import { attempt } from "../kit/attempt.ts";

/** Whether a file is another, told once and only when it is no longer being written: half a map may well be a map. */
export class FileChanges {
  readonly #path: string;
  #taken: string;
  #seen: string;

  constructor(path: string) {
    this.#path = path;
    this.#taken = this.#seen = stateOf(path);
  }

  /** To be asked again and again. */
  hasSettled(): boolean {
    const [before, now] = [this.#seen, stateOf(this.#path)];
    this.#seen = now;
    if (now !== before || now === this.#taken) return false;
    this.#taken = now;
    return true;
  }
}

/** Differs whenever the file does, also when another takes its place. */
function stateOf(path: string): string {
  const stat = attempt(() => statSync(path, { bigint: true }));
  return stat ? `${stat.dev} ${stat.ino} ${stat.mtimeNs} ${stat.size}` : "";
}
