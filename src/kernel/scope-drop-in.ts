import { existsSync } from "node:fs";
import { SCOPE_SET } from "./host-chains.ts";
import { INTERCEPTION_TABLE } from "./interception-table.ts";

/** Below the folder of systemd's units: for each scope in which Docker's systemd driver puts a container. */
export const SCOPE_DROP_IN = "docker-.scope.d/50-taskrole.conf";

/** NFTSet= is of systemd 255: https://www.freedesktop.org/software/systemd/man/latest/systemd.resource-control.html#NFTSet= */
export const OLDEST_WITH_NFT_SET = 255;

export const SCOPE_DROP_IN_TEXT = `\
# systemd itself tells taskrole's packet rules of each container's control group, before a process is in it and whether taskrole
# runs or not: by it they know containers on the host's own network from the host's services.
[Scope]
NFTSet=cgroup:${INTERCEPTION_TABLE.family}:${INTERCEPTION_TABLE.name}:${SCOPE_SET}
`;

/** Of the container's scope, by its name: others have no such drop-in. */
export const hasDropIn = (scope: string): boolean => scope.startsWith("docker-");

/** As `taskrole install` wrote it, on a host whose systemd knows it. */
export const isDropInThere = (): boolean => existsSync(`/etc/systemd/system/${SCOPE_DROP_IN}`);
