"""unread.py TOKEN ROLE: asks for credentials again and again on one connection, and reads nothing of the answers."""

import socket
import sys
import time

token, role = sys.argv[1:]
request = (
    f"GET /latest/meta-data/iam/security-credentials/{role} HTTP/1.1\r\n"
    f"Host: 169.254.169.254\r\nX-aws-ec2-metadata-token: {token}\r\n\r\n"
)
connection = socket.socket()
connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
connection.connect(("169.254.169.254", 80))
connection.sendall(request.encode() * 60)
time.sleep(600)
