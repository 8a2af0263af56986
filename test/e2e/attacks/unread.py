"""unread.py TOKEN ROLE COUNT: asks for credentials again and again on so many connections, and reads nothing of the answers."""

import socket
import sys
import time

token, role, count = sys.argv[1:]
request = (
    f"GET /latest/meta-data/iam/security-credentials/{role} HTTP/1.1\r\n"
    f"Host: 169.254.169.254\r\nX-aws-ec2-metadata-token: {token}\r\n\r\n"
)
connections = [socket.socket() for _ in range(int(count))]
for connection in connections:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    connection.connect(("169.254.169.254", 80))
    connection.sendall(request.encode() * 60)
time.sleep(600)
