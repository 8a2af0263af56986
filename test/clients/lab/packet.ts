/** One TCP segment, as far as it matters here. */
export interface Segment {
  readonly atMs: number;
  /** "address port" */
  readonly from: string;
  readonly to: string;
  readonly fromAddress: string;
  readonly toAddress: string;
  readonly isSyn: boolean;
  /** FIN or RST: the sender will say no more. */
  readonly isEnd: boolean;
  readonly payload: Buffer;
}

const FILE_HEADER_BYTES = 24;
const PACKET_HEADER_BYTES = 16;
const MAGIC_MICROSECONDS = 0xa1b2c3d4;
const ETHERNET_BYTES = 14;
const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;
const IPV6_BYTES = 40;
const SYN = 0x02;
const FIN_OR_RST = 0x05;

/** Reads what `tcpdump -w -` writes: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html */
export class CaptureReader {
  #bytes = Buffer.alloc(0);
  #hasHeader = false;

  /** The segments that are complete by now. */
  *read(chunk: Buffer): Generator<Segment> {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    if (!this.#hasHeader && !this.#readHeader()) return;
    while (this.#bytes.length >= PACKET_HEADER_BYTES) {
      const length = this.#bytes.readUInt32LE(8);
      if (this.#bytes.length < PACKET_HEADER_BYTES + length) return;
      const atMs = this.#bytes.readUInt32LE(0) * 1000 + this.#bytes.readUInt32LE(4) / 1000;
      const frame = this.#bytes.subarray(PACKET_HEADER_BYTES, PACKET_HEADER_BYTES + length);
      this.#bytes = this.#bytes.subarray(PACKET_HEADER_BYTES + length);
      yield segmentIn(frame, atMs);
    }
  }

  #readHeader(): boolean {
    if (this.#bytes.length < FILE_HEADER_BYTES) return false;
    const magic = this.#bytes.readUInt32LE(0);
    if (magic !== MAGIC_MICROSECONDS) throw new Error(`no capture in microseconds: magic ${magic.toString(16)}`);
    this.#bytes = this.#bytes.subarray(FILE_HEADER_BYTES);
    this.#hasHeader = true;
    return true;
  }
}

function segmentIn(frame: Buffer, atMs: number): Segment {
  const packet = frame.subarray(ETHERNET_BYTES);
  const type = frame.readUInt16BE(ETHERNET_BYTES - 2);
  if (type === ETHERTYPE_IPV4) return segmentOf(ipv4(packet), atMs);
  if (type === ETHERTYPE_IPV6) return segmentOf(ipv6(packet), atMs);
  throw new Error(`a frame of type ${type.toString(16)} passed the filter`);
}

interface Datagram {
  readonly source: string;
  readonly target: string;
  readonly tcp: Buffer;
}

function ipv4(packet: Buffer): Datagram {
  const headerBytes = (packet.readUInt8(0) & 0x0f) * 4;
  return {
    source: packet.subarray(12, 16).join("."),
    target: packet.subarray(16, 20).join("."),
    // A frame may be padded beyond the packet.
    tcp: packet.subarray(headerBytes, packet.readUInt16BE(2)),
  };
}

const ipv6 = (packet: Buffer): Datagram => ({
  source: ipv6Text(packet.subarray(8, 24)),
  target: ipv6Text(packet.subarray(24, 40)),
  tcp: packet.subarray(IPV6_BYTES, IPV6_BYTES + packet.readUInt16BE(4)),
});

/** As everybody writes it, with its zeros left out. */
function ipv6Text(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16));
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}

function segmentOf({ source, target, tcp }: Datagram, atMs: number): Segment {
  const flags = tcp.readUInt8(13);
  return {
    atMs,
    from: `${source} ${tcp.readUInt16BE(0)}`,
    to: `${target} ${tcp.readUInt16BE(2)}`,
    fromAddress: source,
    toAddress: target,
    isSyn: (flags & SYN) !== 0,
    isEnd: (flags & FIN_OR_RST) !== 0,
    payload: tcp.subarray((tcp.readUInt8(12) >> 4) * 4),
  };
}
