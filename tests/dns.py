"""A name server, and somebody who asks one, for the tests of names.

dns.py serve ADDRESS LOG     answers 192.0.2.9 to all that is asked, and notes the names in LOG
dns.py ask SERVER NAME TYPE  prints the code of the answer and its addresses, sorted
"""
import ipaddress
import socket
import struct
import sys

TYPES = {"A": 1, "AAAA": 28}


def name_at(packet, at):
    words = []
    while packet[at]:
        words.append(packet[at + 1 : at + 1 + packet[at]].decode())
        at += 1 + packet[at]
    return ".".join(words), at + 1


def serve(address, log):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((address, 53))
    with open(log, "a", buffering=1) as out:
        out.write("ready\n")
        while True:
            packet, who = s.recvfrom(2000)
            name, end = name_at(packet, 12)
            out.write(name + "\n")
            head = packet[:2] + struct.pack(">HHHHH", 0x8180, 1, 1, 0, 0)
            answer = struct.pack(">HHHLH", 0xC00C, 1, 1, 60, 4) + bytes([192, 0, 2, 9])
            s.sendto(head + packet[12 : end + 4] + answer, who)


def skip_name(packet, at):
    while packet[at]:
        if packet[at] >= 0xC0:
            return at + 2
        at += 1 + packet[at]
    return at + 1


def ask(server, name, kind):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(1)
    words = b"".join(bytes([len(w)]) + w.encode() for w in name.split("."))
    question = words + b"\0" + struct.pack(">HH", TYPES[kind], 1)
    s.sendto(struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, 0) + question, (server, 53))
    try:
        packet = s.recv(4000)
    except TimeoutError:
        print("silence")
        return
    found = []
    at = skip_name(packet, 12) + 4
    for _ in range(struct.unpack(">H", packet[6:8])[0]):
        at = skip_name(packet, at)
        kind, _, _, size = struct.unpack(">HHLH", packet[at : at + 10])
        if kind in TYPES.values():
            found.append(str(ipaddress.ip_address(packet[at + 10 : at + 10 + size])))
        at += 10 + size
    print(" ".join([str(packet[3] & 15)] + sorted(found)))


{"serve": serve, "ask": ask}[sys.argv[1]](*sys.argv[2:])
