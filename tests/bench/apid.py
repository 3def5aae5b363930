#!/usr/bin/env python3
"""apid.py SOCKET cycles THREADS N | apid.py SOCKET bytes PATH: a plain client of the API, to measure it.

cycles: N containers, each created, started, waited for and deleted, by as many threads: how many a
second. bytes: a GET whose body is counted: MB a second.
"""
import http.client, json, socket, sys, threading, time


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


def cycles(n):
    conn = Unix("localhost")
    for _ in range(n):
        host = {"NetworkMode": "none"}
        one = ask(conn, "POST", "/containers/create", {"Image": "bench", "Cmd": ["/bin/true"], "HostConfig": host})
        ask(conn, "POST", f"/containers/{one['Id']}/start")
        ask(conn, "POST", f"/containers/{one['Id']}/wait")
        ask(conn, "DELETE", f"/containers/{one['Id']}")


def count(path):
    conn = Unix("localhost")
    conn.request("GET", path)
    answer = conn.getresponse()
    room, n = bytearray(1 << 20), 0
    while got := answer.readinto(room):
        n += got
    return n


start = time.monotonic()
if sys.argv[2] == "cycles":
    threads, n = int(sys.argv[3]), int(sys.argv[4])
    all = [threading.Thread(target=cycles, args=(n // threads,)) for _ in range(threads)]
    for t in all:
        t.start()
    for t in all:
        t.join()
else:
    n = count(sys.argv[3]) / 1e6
print(int(n / (time.monotonic() - start)))
