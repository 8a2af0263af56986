"""late_server.py PORT FILE: a server like any other, that answers everybody with something secret once FILE is there.

It says "ready", and "asked" for each request that it has read.
"""
import os
import socket
import sys
import threading
import time

port, signal = int(sys.argv[1]), sys.argv[2]


def answer(peer):
    peer.recv(65536)
    print("asked", flush=True)
    while not os.path.exists(signal):
        time.sleep(0.05)
    peer.sendall(b"HTTP/1.1 200 OK\r\n\r\nSECRET-OF-THE-FORMER-OWNER")
    time.sleep(60)


door = socket.create_server(("", port))
print("ready", flush=True)
while True:
    threading.Thread(target=answer, args=(door.accept()[0],), daemon=True).start()
