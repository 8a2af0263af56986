"""listen.py FILE: writes every frame's TCP data that comes from the metadata service's ports to FILE, until it is ended.

For the next owner of an address: what it hears was meant for the last. Asks for nothing itself.
"""
import socket
import sys

wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
wire.bind(("eth0", 0))
with open(sys.argv[1], "wb", buffering=0) as heard:
    while True:
        frame = wire.recv(65535)
        if frame[12:14] != b"\x08\x00" or frame[23] != 6 or int.from_bytes(frame[34:36], "big") not in (80, 9254):
            continue
        start = 14 + (frame[14] & 15) * 4
        heard.write(frame[start + (frame[start + 12] >> 4) * 4:14 + int.from_bytes(frame[16:18], "big")])
