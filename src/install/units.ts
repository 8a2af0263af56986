import type { Config } from "../app/options.ts";
import { OLDEST_WITH_NFT_SET, SCOPE_DROP_IN, SCOPE_DROP_IN_TEXT } from "../kernel/scope-drop-in.ts";
import { HOLD, SERVICE, SOCKET, USER } from "./places.ts";

export interface UnitSettings {
  readonly program: string;
  /** Of the setting `listen`; the packet rules lead to its port. */
  readonly listen: { readonly host: string; readonly port: number };
  /** That may open Docker's socket; undefined where Docker is asked over TCP. */
  readonly dockerGroup: string | undefined;
  /** Whether systemd is to tell the packet rules of containers' scopes; it must know how. */
  readonly tellsOfScopes: boolean;
}

export const keepsHostNetwork = ({ interception, hostNetwork }: Config): boolean =>
  interception === "nftables" && hostNetwork !== "host";

/** An older systemd would complain of the setting at each container. */
export const tellsOfScopes = ({ systemd }: { readonly systemd: string | undefined }, config: Config): boolean =>
  keepsHostNetwork(config) && Number(systemd) >= OLDEST_WITH_NFT_SET;

/** Those that an engine starts containers from. */
const ENGINES = "docker.service podman-restart.service";

/** Each unit's text by its name, that of the scopes' drop-in too. deploy/systemd/ holds them as they are on a host with the usual settings. */
export const unitTexts = (settings: UnitSettings): Readonly<Record<string, string>> => ({
  [HOLD]: holdUnit(settings),
  [SOCKET]: socketUnit(settings),
  [SERVICE]: serviceUnit(settings),
  ...(settings.tellsOfScopes && { [SCOPE_DROP_IN]: SCOPE_DROP_IN_TEXT }),
});

/**
 * The packet rules name slices that must be there by then: slices.target, where docker.slice is started at boot. And where
 * nftables.service flushes all of them before it loads the host's own, it does so first.
 */
const holdUnit = ({ program }: UnitSettings): string => `\
# Before there is a network, and before taskrole itself: no container reaches the host's role, whatever else fails.
[Unit]
Description=No container reaches the host's own role
DefaultDependencies=no
After=local-fs.target slices.target nftables.service
Wants=network-pre.target
Before=network-pre.target ${ENGINES} shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=${program} interception hold
User=${USER}
AmbientCapabilities=CAP_NET_ADMIN
CapabilityBoundingSet=CAP_NET_ADMIN
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes

[Install]
WantedBy=multi-user.target
`;

/** TriggerLimitIntervalSec: a daemon that fails to start must not take the socket down with it, or containers are refused for good. */
const socketUnit = ({ listen }: UnitSettings): string => `\
# Held by systemd, so that no connection is refused while the daemon is restarted.
[Unit]
Description=Where containers' metadata requests come to taskrole
Before=${ENGINES}

[Socket]
ListenStream=${listenStream(listen)}
BindIPv6Only=both
Backlog=4096
TriggerLimitIntervalSec=0

[Install]
WantedBy=sockets.target
`;

/** To systemd a port alone is every address, of IPv4 alone where the kernel has no IPv6; "[::]:9254" is an error there (systemd.socket(5)). */
function listenStream({ host, port }: UnitSettings["listen"]): string {
  if (host === "::") return `${port}`;
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/**
 * The daemon must see the containers' processes: no ProtectProc=, ProcSubset= or PrivateUsers=. It compiles as it runs: no
 * MemoryDenyWriteExecute=. Starting before Docker cannot lock both up, for the daemon is ready without Docker.
 */
const serviceUnit = ({ program, dockerGroup }: UnitSettings): string => `\
[Unit]
Description=Each container's own IAM role
Wants=${SOCKET} ${HOLD}
After=network.target ${SOCKET} ${HOLD}
Before=${ENGINES}
StartLimitIntervalSec=0

[Service]
Type=notify
ExecStart=${program} serve
ExecReload=${program} reload
Restart=always
RestartSec=1
TimeoutStartSec=90
TimeoutStopSec=15
WatchdogSec=30
User=${USER}
${dockerGroup === undefined ? "" : `SupplementaryGroups=${dockerGroup}\n`}\
RuntimeDirectory=taskrole
RuntimeDirectoryPreserve=yes
LimitNOFILE=65536
LimitCORE=0
UMask=0077

AmbientCapabilities=CAP_NET_ADMIN CAP_SYS_PTRACE
CapabilityBoundingSet=CAP_NET_ADMIN CAP_SYS_PTRACE
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
PrivateMounts=yes
DevicePolicy=closed
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
LockPersonality=yes
RemoveIPC=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
KeyringMode=private

[Install]
WantedBy=multi-user.target
`;
