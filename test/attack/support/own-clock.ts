import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The clock of one program, as many minutes off the machine's as a test wants: libfaketime, loaded by the program's linker. */
export class OwnClock {
  readonly #folder = mkdtempSync(join(tmpdir(), "own-clock-"));
  readonly #file = join(this.#folder, "offset");
  aheadMs = 0;

  constructor() {
    this.isAheadBy(0);
  }

  /** Its next look at the clock sees it. What counts from the machine's start, as timers do, is left alone. */
  isAheadBy(minutes: number): void {
    this.aheadMs = minutes * 60_000;
    const next = `${this.#file}.next`;
    writeFileSync(next, `${minutes < 0 ? "" : "+"}${minutes}m\n`);
    renameSync(next, this.#file);
  }

  get env(): NodeJS.ProcessEnv {
    return {
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the linker's own word, see ld.so(8)
      LD_PRELOAD: "/usr/${LIB}/faketime/libfaketime.so.1",
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    };
  }

  remove = (): void => rmSync(this.#folder, { recursive: true, force: true });
}
