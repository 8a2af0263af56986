import { join } from "node:path";

/** Where a run leaves what it saw, for `npm run docs:reliability`: beside the executable that was tried. */
export const evidenceFile = (id: string): string => join("dist", "fault-evidence", `${id}.json`);
