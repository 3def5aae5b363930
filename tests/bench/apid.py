#!/usr/bin/env python3
"""apid.py SOCKET WHAT...: a plain client of the API, to measure it.

cycles THREADS N: N containers, each created, started, waited for and deleted, by as many threads: how
many a second. bytes PATH: a GET whose body is counted: MB a second. attach FILE: the same of what a
container prints to who is attached, the content of FILE, which keeps no log of it. list SECONDS: how
often a second eight clients get the list of all containers. IMAGE names the image (bench).
"""
import http.client, json, os, socket, sys, threading, time

IMAGE = os.environ.get("IMAGE", "bench")
# Not everywhere may even root give more than it has.
LIMITS = [{"Name": name, "Soft": 1024, "Hard": 1024} for name in ("nofile", "nproc")]


class Unix(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(sys.argv[1])


def ask(conn, method, path, body=None):
    text = json.dumps(body) if body else None
    conn.request(method, path, text, {"Content-Type": "application/json"} if body else {})
    answer = conn.getresponse()
    got = answer.read()
    if answer.status >= 300:
        sys.exit(f"{method} {path}: {answer.status} {got!r}")
    return json.loads(got) if got else None


def create(conn, command, **more):
    host = {"NetworkMode": "none", "Ulimits": LIMITS, **more}
    body = {"Image": IMAGE, "Cmd": command, "AttachStdout": True, "HostConfig": host}
    return ask(conn, "POST", "/v1.40/containers/create", body)["Id"]


def cycles(n):
    conn = Unix("localhost")
    for _ in range(n):
        one = create(conn, ["/bin/true"])
        ask(conn, "POST", f"/v1.40/containers/{one}/start")
        ask(conn, "POST", f"/v1.40/containers/{one}/wait")
        ask(conn, "DELETE", f"/v1.40/containers/{one}")


def lists(until, done):
    conn = Unix("localhost")
    while time.monotonic() < until:
        ask(conn, "GET", "/v1.40/containers/json?all=1")
        done.append(1)


def count(read):
    room, n = bytearray(1 << 20), 0
    while got := read(room):
        n += got
    return n


def body(path):
    conn = Unix("localhost")
    conn.request("GET", path)
    return count(conn.getresponse().readinto)


def attach(path):
    """From the start on; returns the bytes, and when it began."""
    conn, sock = Unix("localhost"), socket.socket(socket.AF_UNIX)
    one = create(conn, ["/bin/busybox", "cat", "/lines"], Binds=[f"{path}:/lines:ro"], LogConfig={"Type": "none"})
    sock.connect(sys.argv[1])
    sock.sendall(f"POST /v1.40/containers/{one}/attach?stream=1&stdout=1 HTTP/1.1\r\nHost: x\r\n"
                 "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n".encode())
    head = b""
    while b"\r\n\r\n" not in head:
        head += sock.recv(1)
    begun = time.monotonic()
    ask(conn, "POST", f"/v1.40/containers/{one}/start")
    n = count(sock.recv_into)
    taken = time.monotonic() - begun
    ask(conn, "POST", f"/v1.40/containers/{one}/wait")
    ask(conn, "DELETE", f"/v1.40/containers/{one}")
    return n, taken


def together(n, work, *args):
    all = [threading.Thread(target=work, args=args) for _ in range(n)]
    for t in all:
        t.start()
    for t in all:
        t.join()


start, taken = time.monotonic(), None
if sys.argv[2] == "cycles":
    threads, n = int(sys.argv[3]), int(sys.argv[4])
    together(threads, cycles, n // threads)
elif sys.argv[2] == "list":
    done = []
    together(8, lists, start + float(sys.argv[3]), done)
    n = len(done)
elif sys.argv[2] == "attach":
    n, taken = attach(sys.argv[3])
    n /= 1e6
else:
    n = body(sys.argv[3]) / 1e6
rate = n / (taken or time.monotonic() - start)
print(int(rate) if rate >= 10 else round(rate, 1))
