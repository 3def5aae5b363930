#!/usr/bin/env python3
"""A proxy for tests: proxy.py DIR HOST:PORT

Whatever a client asks for, it gets from HOST:PORT: by CONNECT, or by the whole URL of a plain HTTP
request. First lines go to DIR/proxied; prints its port.
"""
import os
import socket
import sys
import threading
from urllib.parse import urlsplit

LOG = os.path.join(sys.argv[1], "proxied")
HOST, PORT = sys.argv[2].rsplit(":", 1)


def read_head(client):
    head = b""
    while b"\r\n\r\n" not in head:
        data = client.recv(4096)
        if not data:
            return None
        head += data
    return head


def pump(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    for s in (source, target):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(client):
    head = read_head(client)
    if head is None:
        return
    line, rest = head.split(b"\r\n", 1)
    with open(LOG, "a", encoding="utf-8") as log:
        log.write(line.decode() + "\n")
    method, url, version = line.split(b" ")
    target = socket.create_connection((HOST, int(PORT)))
    if method == b"CONNECT":
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
    else:
        # One request a connection: the next may be for another host.
        path = urlsplit(url).path
        target.sendall(b" ".join((method, path, version)) + b"\r\nConnection: close\r\n" + rest)
    threading.Thread(target=pump, args=(client, target), daemon=True).start()
    pump(target, client)


listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
