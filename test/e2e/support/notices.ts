import assert from "node:assert/strict";
import type { Notice } from "../../../src/app/notice-board.ts";
import type { Container } from "./containers.ts";
import type { LogLine } from "./daemon.ts";
import type { Lab } from "./lab.ts";

/** What `interception status` says of this container: that it cannot reach the metadata service. */
export async function noticesOf({ daemon }: Lab, { name, id }: Container): Promise<readonly Notice[]> {
  const { stdout } = await daemon.command("interception", "status", "--json");
  const { notices } = JSON.parse(stdout) as { notices: readonly Notice[] };
  return notices.filter(({ about }) => about.startsWith(`${name} (${id.slice(0, 12)}) on `));
}

/** The same in the log. */
export const warningsOf = ({ daemon }: Lab, { id }: Container): readonly LogLine[] =>
  daemon.log.filter(({ msg, containerId }) => msg.includes("cannot reach") && containerId === id);

/** @param network the one that leads nowhere */
export async function assertToldOnce(lab: Lab, container: Container, network: string): Promise<void> {
  const [notice, ...others] = await noticesOf(lab, container);
  assert.deepEqual(others, []);
  assert.match(notice?.about ?? "", new RegExp(` on ${network}$`));
  assert.match(notice?.reason ?? "", /no route to 169\.254\.169\.254/);
  const [warning, ...more] = warningsOf(lab, container);
  assert.equal(more.length, 0, "told more than once");
  assert.deepEqual([warning?.level, warning?.["container"], warning?.["network"]], ["warn", container.name, network]);
  assert.equal(warning?.["reason"], notice?.reason);
  assert.match(String(warning?.["remedy"]), /docker network connect/);
}
