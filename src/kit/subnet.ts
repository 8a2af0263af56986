import { isIPv4 } from "node:net";
import { canonicalAddress } from "./ip-address.ts";

/** A range of addresses: those whose first bits, below `shift`, are `prefix`. */
export interface Subnet {
  readonly family: 4 | 6;
  readonly prefix: bigint;
  /** Bits that are free in the subnet. */
  readonly shift: bigint;
}

/** "172.17.0.0/16" or "fd00:6::/64". Undefined when the text is no subnet; never throws. */
export function parseSubnet(text: string): Subnet | undefined {
  const [base = "", bits = ""] = text.split("/", 2);
  const address = numberOf(base);
  if (!address || !/^\d{1,3}$/.test(bits) || Number(bits) > address.bits) return undefined;
  const shift = BigInt(address.bits - Number(bits));
  return { family: address.family, prefix: address.value >> shift, shift };
}

export function isWithin(address: string, { family, prefix, shift }: Subnet): boolean {
  const number = numberOf(address);
  return number !== undefined && number.family === family && number.value >> shift === prefix;
}

interface AddressNumber {
  readonly family: 4 | 6;
  readonly bits: number;
  readonly value: bigint;
}

function numberOf(text: string): AddressNumber | undefined {
  const address = canonicalAddress(text);
  if (address === undefined) return undefined;
  return isIPv4(address)
    ? { family: 4, bits: 32, value: joined(address.split(".").map(Number), 8n) }
    : { family: 6, bits: 128, value: joined(groupsOf(address), 16n) };
}

/** The eight groups of a canonical IPv6 address, "::" filled with zeros. */
function groupsOf(address: string): readonly number[] {
  const [head = "", tail = ""] = address.split("::", 2);
  const [left, right] = [hexGroups(head), hexGroups(tail)];
  const zeros = new Array<number>(8 - left.length - right.length).fill(0);
  return [...left, ...zeros, ...right];
}

const hexGroups = (text: string): number[] =>
  text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));

const joined = (digits: readonly number[], bitsEach: bigint): bigint =>
  digits.reduce((value, digit) => (value << bitsEach) | BigInt(digit), 0n);
