import type { Log } from "../audit/log.ts";
import type { Config } from "./options.ts";
import type { Service } from "./services.ts";

export interface Mocked {
  /** The same configuration, pointing at the mock when there is one. */
  readonly config: Config;
  /** [] without `mock: true`. */
  readonly service: readonly Service[];
}
