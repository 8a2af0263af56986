/**
 * A Docker Engine that knows a made-up world, in a process of its own: `node docker-engine.ts SOCKET WORLD.json`. It
 * answers what taskrole asks of a real one, in Docker's spelling, and its events are silence. Says "ready" when it is.
 */
import { existsSync, readFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import { containersOf, hiddenFileOf, type World, type WorldContainer, type WorldNetwork } from "./world.ts";

const STARTED_AT = "2026-01-05T08:00:00.123456789Z";
const [socketPath = "", worldFile = ""] = process.argv.slice(2);
const world = JSON.parse(readFileSync(worldFile, "utf8")) as World;

const summaryOf = ({ id, name, subnet }: WorldNetwork) => ({
  Id: id,
  Name: name,
  Driver: "bridge",
  Scope: "local",
  IPAM: { Driver: "default", Options: null, Config: [{ Subnet: subnet }] },
  Options: { "com.docker.network.bridge.name": name },
  Containers: {},
  Labels: {},
});

const networkOf = (network: WorldNetwork, containers = network.containers) => ({
  ...summaryOf(network),
  Containers: Object.fromEntries(containers.map((container) => [container.id, endpointOf(container)])),
});

const endpointOf = ({ id, name, address, macAddress }: WorldContainer) => ({
  Name: name,
  EndpointID: id,
  MacAddress: macAddress,
  IPv4Address: `${address}/16`,
  IPv6Address: "",
});

const detailsOf = ({ id, name, address, pid, role }: WorldContainer, network: WorldNetwork) => ({
  Id: id,
  Name: `/${name}`,
  State: { Status: "running", Running: true, Paused: false, Restarting: false, Pid: pid, StartedAt: STARTED_AT },
  Config: {
    Hostname: id.slice(0, 12),
    Env: ["PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", "PYTHON_VERSION=3.13.1", "PORT=8080"],
    Image: "registry.example/app:1.4",
    Labels: { "com.docker.compose.project": "bench", "com.docker.compose.service": name, "taskrole.role": role },
  },
  NetworkSettings: {
    Networks: { [network.name]: { NetworkID: network.id, IPAddress: address, GlobalIPv6Address: "" } },
  },
});

/** Every answer by its path without the version, as text: what it costs to make one is none of the bench's business. */
const answers = new Map<string, string>([
  ["/version", JSON.stringify({ Version: "28.1.1", ApiVersion: "1.49", MinAPIVersion: "1.24", Os: "linux" })],
  ["/networks", JSON.stringify(world.networks.map(summaryOf))],
  ...world.networks.map((network) => [`/networks/${network.id}`, JSON.stringify(networkOf(network))] as const),
  ...world.networks.flatMap((network) =>
    network.containers.map(
      (container) => [`/containers/${container.id}/json`, JSON.stringify(detailsOf(container, network))] as const,
    ),
  ),
]);

/** What it says while this file is there: of all containers only the first has been created yet. */
const hidden = hiddenFileOf(worldFile);
const answersBefore = new Map<string, string>(
  world.networks.map((network, number) => [
    `/networks/${network.id}`,
    JSON.stringify(networkOf(network, number === 0 ? network.containers.slice(0, 1) : [])),
  ]),
);

function answer(path: string, response: ServerResponse): void {
  response.setHeader("Content-Type", "application/json");
  const before = answersBefore.get(path);
  if (path === "/events") response.flushHeaders();
  else sendText(before !== undefined && existsSync(hidden) ? before : answers.get(path), response);
}

function sendText(body: string | undefined, response: ServerResponse): void {
  response.statusCode = body === undefined ? 404 : 200;
  response.end(body ?? '{"message":"not found"}');
}

const server = createServer((request, response) => {
  answer((request.url ?? "").replace(/^\/v\d+\.\d+/, "").replace(/\?.*$/, ""), response);
});
server.listen(socketPath, () => process.stdout.write(`ready ${containersOf(world).length}\n`));
