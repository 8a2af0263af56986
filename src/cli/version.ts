import manifest from "../../package.json" with { type: "json" };

/** Only what is built has it: scripts/compile.ts puts it in. */
declare const TASKROLE_REVISION: string | undefined;

/** "taskrole 0.1.0 (commit 6b7ff23, bun 1.4.5)"; run as it is, without a build: "taskrole 0.1.0 (source, node 24.21.0)". */
export const version = (): string => `taskrole ${build()}`;

/** The same without the name. */
export const build = (): string => `${manifest.version} (${origin()}, ${runtime()})`;

const origin = (): string => (typeof TASKROLE_REVISION === "undefined" ? "source" : `commit ${TASKROLE_REVISION}`);

const runtime = (): string =>
  process.versions["bun"] === undefined ? `node ${process.versions.node}` : `bun ${process.versions["bun"]}`;
