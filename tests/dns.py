"""A name server, and somebody who asks one, for the tests of names.

dns.py serve ADDRESS LOG [ANSWER]  answers ANSWER (192.0.2.9) to all that is asked, by UDP and TCP, and
                                   notes the names in LOG
dns.py ask SERVER NAME TYPE [FROM [HOW]]  prints the code of the answer and its records, sorted; FROM is
                                   the address to ask from, HOW is udp, tcp, or edns
dns.py each SERVER NAME…            prints a line for each name: it, and the answer to a question for it
dns.py hold ADDRESS LOG            takes the port and does nothing
dns.py steady SERVER NAME WANT END [FROM]  asks again and again, each time by a new socket, until the file
                                   END is there; prints how often, and how often that was lost (no answer
                                   within 2 s), refused or answered otherwise than WANT
dns.py changed SERVER NAME WANT COMMAND…  runs the command and asks until WANT is the answer: prints the
                                   microseconds from its start until then
dns.py junk SERVER FROM            sends what are no questions, and questions that are damaged
"""
import ipaddress
import os
import random
import socket
import struct
import subprocess
import sys
import threading
import time

TYPES = {"A": 1, "PTR": 12, "MX": 15, "AAAA": 28, "ANY": 255}


def name_at(packet, at):
    words = []
    end = 0
    while packet[at]:
        if packet[at] >= 0xC0:
            end = end or at + 2
            at = (packet[at] & 0x3F) << 8 | packet[at + 1]
            continue
        words.append(packet[at + 1 : at + 1 + packet[at]].decode())
        at += 1 + packet[at]
    return ".".join(words), end or at + 1


def reply(packet, out, answer):
    name, end = name_at(packet, 12)
    out.write(name + "\n")
    head = packet[:2] + struct.pack(">HHHHH", 0x8180, 1, 1, 0, 0)
    record = struct.pack(">HHHLH", 0xC00C, 1, 1, 60, 4) + socket.inet_aton(answer)
    return head + packet[12 : end + 4] + record


def serve(address, log, answer="192.0.2.9"):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((address, 53))
    t = socket.create_server((address, 53))
    with open(log, "a", buffering=1) as out:
        out.write("ready\n")

        def streams():
            while True:
                c, _ = t.accept()
                text = reply(receive(c), out, answer)
                c.sendall(struct.pack(">H", len(text)) + text)
                c.close()

        threading.Thread(target=streams, daemon=True).start()
        while True:
            packet, who = s.recvfrom(2000)
            s.sendto(reply(packet, out, answer), who)


def receive(c):
    """A message by TCP."""
    text = b""
    while len(text) < 2 or len(text) < 2 + struct.unpack(">H", text[:2])[0]:
        more = c.recv(65536)
        if not more:
            raise ConnectionError("cut short")
        text += more
    return text[2:]


def question(name, kind, edns=False):
    words = b"".join(bytes([len(w)]) + w.encode() for w in name.split("."))
    text = struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, edns) + words + b"\0" + struct.pack(">HH", TYPES[kind], 1)
    return text + (b"\0" + struct.pack(">HHLH", 41, 4096, 0, 0) if edns else b"")


def records(packet):
    """The code, "cut" when it was, and what was found."""
    found = []
    _, at = name_at(packet, 12)
    at += 4
    for _ in range(struct.unpack(">H", packet[6:8])[0]):
        _, at = name_at(packet, at)
        kind, _, ttl, size = struct.unpack(">HHLH", packet[at : at + 10])
        at += 10
        if kind == TYPES["PTR"]:
            found.append(name_at(packet, at)[0])
        elif kind in TYPES.values():
            found.append(str(ipaddress.ip_address(packet[at : at + size])))
        at += size
    return [str(packet[3] & 15)] + (["cut"] if packet[2] & 2 else []) + sorted(found)


def talk(server, text, source="", tcp=False, patience=2):
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
    with s:
        s.settimeout(patience)
        if source:
            s.bind((source, 0))
        s.connect((server, 53))
        if tcp:
            s.sendall(struct.pack(">H", len(text)) + text)
            return receive(s)
        s.send(text)
        return s.recv(65536)


def ask(server, name, kind, source="", how="udp"):
    try:
        packet = talk(server, question(name, kind, how == "edns"), source, how == "tcp")
    except TimeoutError:
        print("silence")
        return
    except ConnectionRefusedError:
        print("nobody")
        return
    print(" ".join(records(packet)))


def each(server, *names):
    for name in names:
        print(name, *records(talk(server, question(name, "A"))))


def hold(address, log):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((address, 53))
    with open(log, "w") as out:
        out.write("ready\n")
    time.sleep(60)


def steady(server, name, want, end, source=""):
    count = {"asked": 0, "lost": 0, "refused": 0, "wrong": 0}
    while not os.path.exists(end):
        count["asked"] += 1
        try:
            got = " ".join(records(talk(server, question(name, "A"), source)))
            count["wrong"] += got != want
        except TimeoutError:
            count["lost"] += 1
        except ConnectionRefusedError:
            count["refused"] += 1
    print(" ".join(f"{key} {n}" for key, n in count.items()))


def changed(server, name, want, *command):
    start = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL):
        while time.monotonic() - start < 10:
            try:
                if " ".join(records(talk(server, question(name, "A"), patience=0.1))) == want:
                    break
            except OSError:
                pass
        took = time.monotonic() - start
    print(f"{took * 1e6:.0f}")


def junk(server, source):
    random.seed(5)
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((source, 0))
    whole = question("web.front", "A", True)
    for _ in range(5000):
        text = bytearray(whole[: random.randrange(len(whole) + 1)])
        for _ in range(random.randrange(4)):
            if text:
                text[random.randrange(len(text))] = random.randrange(256)
        s.sendto(bytes(text), (server, 53))
    for text in (b"\0\7\1\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1", os.urandom(65000)):
        s.sendto(text, (server, 53))


modes = {f.__name__: f for f in (serve, ask, each, hold, steady, changed, junk)}
if __name__ == "__main__":
    modes[sys.argv[1]](*sys.argv[2:])
