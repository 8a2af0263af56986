import { readFileSync } from "node:fs";
import { attempt } from "../kit/attempt.ts";

/** The number that the kernel gives to a link of this host, and to no other after it, of the same name either; undefined when there is none. */
export type LinkIndex = (name: string) => string | undefined;

export const linkIndex: LinkIndex = (name) => attempt(() => readFileSync(`/sys/class/net/${name}/ifindex`, "latin1"));
