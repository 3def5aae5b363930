#!/usr/bin/env python3
"""Small ends of connections for the network tests: a server, a client, a router that advertises.

net.py serve PORT [ADDRESS]     answers each TCP connection with its peer's address and a newline
net.py swallow PORT             reads all of one TCP connection, then answers how many bytes came
net.py send ADDRESS PORT BYTES  sends so many bytes and prints the seconds it took
net.py get ADDRESS PORT         prints what a server answers
net.py answer PORT              one UDP datagram is sent back
net.py ask ADDRESS PORT         sends a datagram and prints the answer
net.py stray ADDRESS            an echo reply that nobody asked for (RFC 792)
net.py hear                     a line once it listens, then one for each echo reply that comes
net.py advertise LINK           one router advertisement to all nodes (RFC 4861 section 4.2)
"""
import socket
import struct
import sys
import time


def serve(port, address="::"):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((address, int(port)))
        s.listen(16)
        while True:
            c, peer = s.accept()
            c.sendall((peer[0].replace("::ffff:", "") + "\n").encode())
            c.close()


def swallow(port):
    with socket.create_server(("0.0.0.0", int(port))) as s:
        c, _ = s.accept()
        n = 0
        while data := c.recv(65536):
            n += len(data)
        c.sendall(str(n).encode())
        c.close()


def send(address, port, count):
    with socket.create_connection((address, int(port)), 5) as c:
        c.settimeout(30)
        start = time.monotonic()
        c.sendall(bytes(int(count)))
        c.shutdown(socket.SHUT_WR)
        if c.recv(64).decode() != count:
            sys.exit("not all bytes came")
        print(f"{time.monotonic() - start:.2f}")


def get(address, port):
    with socket.create_connection((address, int(port)), 2) as c:
        c.settimeout(2)
        print(c.recv(64).decode(), end="")


def answer(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("0.0.0.0", int(port)))
        data, peer = s.recvfrom(64)
        s.sendto(data, peer)


def ask(address, port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(2)
        s.sendto(b"hello\n", (address, int(port)))
        print(s.recv(64).decode(), end="")


def stray(address):
    """Type 0, code 0, checksum, identifier 7, sequence number 7."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as s:
        s.sendto(struct.pack("!BBHHH", 0, 0, 0xFFFF - 14, 7, 7), (address, 0))


def hear():
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as s:
        print("listens", flush=True)
        while True:
            data, peer = s.recvfrom(2048)
            if data[(data[0] & 15) * 4] == 0:
                print("reply from", peer[0], flush=True)


def advertise(link):
    """Prefix 2001:db8::/64, on-link and autonomous, this router for 1800 s."""
    index = socket.if_nametoindex(link)
    prefix = struct.pack("!BBBBIII16s", 3, 4, 64, 0xC0, 3600, 3600, 0,
                         socket.inet_pton(socket.AF_INET6, "2001:db8::"))
    ra = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0) + prefix
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as s:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        s.sendto(ra, ("ff02::1", 0, 0, index))


modes = {f.__name__: f for f in (serve, swallow, send, get, answer, ask, stray, hear, advertise)}
try:
    modes[sys.argv[1]](*sys.argv[2:])
except OSError as e:
    sys.exit(f"net.py: {e}")
