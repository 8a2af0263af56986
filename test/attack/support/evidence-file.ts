import { join } from "node:path";
import { cacheFolder, type EngineName } from "../../e2e/support/settings.ts";
import type { AttackId } from "../attacks.ts";

/** "without": with the defence taken away, where the attack must succeed; "with": where it must fail. */
export type Half = "without" | "with";

/** Where a run leaves what it saw, for `npm run docs:security`. */
export const evidenceFile = (engine: EngineName, id: AttackId, half: Half): string =>
  join(cacheFolder, "attack-evidence", engine, `${id}.${half}.txt`);
