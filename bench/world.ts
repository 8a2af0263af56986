import { createHash } from "node:crypto";

/** The containers that the bench makes up. Those of a small world are the first of a large one. */
export interface World {
  readonly networks: readonly WorldNetwork[];
}

export interface WorldNetwork {
  /** 64 hexadecimal digits, as Docker's. */
  readonly id: string;
  readonly name: string;
  readonly subnet: string;
  readonly containers: readonly WorldContainer[];
}

export interface WorldContainer {
  readonly id: string;
  readonly name: string;
  /** On loopback, so that the load can ask from it, unless the world is given another block. */
  readonly address: string;
  readonly macAddress: string;
  readonly role: string;
  /** Of its stand-in, or of a process of nobody's concern. */
  readonly pid: number;
}

/** A Linux bridge has 1024 ports at most, so no network of Docker's holds more containers than about this. */
const CONTAINERS_A_NETWORK = 1000;
const FIRST_SUBNET = 100;
/** 2 to 251 in the last byte: neither the network's own address nor the gateway's. */
const ADDRESSES_A_BLOCK = 250;

/**
 * @param pids by number of container; 1, which is never a container's, where there is none
 * @param block the first byte of all addresses: by default loopback's
 */
export function makeWorld(count: number, pids: readonly number[] = [], block = 127): World {
  const networks = Array.from({ length: Math.ceil(count / CONTAINERS_A_NETWORK) }, (_, network) => {
    const first = network * CONTAINERS_A_NETWORK;
    const size = Math.min(CONTAINERS_A_NETWORK, count - first);
    return {
      id: idOf(`network ${network}`),
      name: `bench-${network}`,
      subnet: `${block}.${FIRST_SUBNET + network}.0.0/16`,
      containers: Array.from({ length: size }, (_, i) =>
        containerAt({ block, network, index: i, pid: pids[first + i] ?? 1 }),
      ),
    };
  });
  return { networks };
}

export const containersOf = ({ networks }: World): readonly WorldContainer[] =>
  networks.flatMap(({ containers }) => containers);

export const containerId = (number: number): string => idOf(`container ${number}`);

/** Docker's are random; these are as long, and the same in every world. */
const idOf = (seed: string): string => createHash("sha256").update(seed).digest("hex");

interface Place {
  readonly block: number;
  readonly network: number;
  readonly index: number;
  readonly pid: number;
}

function containerAt({ block, network, index, pid }: Place): WorldContainer {
  const number = network * CONTAINERS_A_NETWORK + index;
  const digits = String(number).padStart(4, "0");
  const low = 2 + (index % ADDRESSES_A_BLOCK);
  const high = 1 + Math.floor(index / ADDRESSES_A_BLOCK);
  return {
    id: containerId(number),
    name: `app-${digits}`,
    address: `${block}.${FIRST_SUBNET + network}.${high}.${low}`,
    macAddress: ["02:42", byte(network), byte(high), byte(low), "01"].join(":"),
    role: `bench/reader-${digits}`,
    pid,
  };
}

const byte = (value: number): string => value.toString(16).padStart(2, "0");

/** While it is there, the Engine of this world has but the first of its containers. */
export const hiddenFileOf = (worldFile: string): string => `${worldFile}.hidden`;
