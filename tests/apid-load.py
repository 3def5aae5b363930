# SPDX-License-Identifier: MIT
# apid-load.py SOCKET PID: two hundred clients at once, for $TEST_SECONDS, make, start, await, list and
# remove containers of the image bb. Fails for any answer that is not due, for descriptors or threads
# that stay, and for memory that grows from the first half to the second, when all that is made once
# was made before. Prints what was done.
import collections, http.client, json, os, random, socket, sys, threading, time

PATH, PID, SECONDS, CLIENTS = sys.argv[1], sys.argv[2], float(os.environ["TEST_SECONDS"]), 200
done, wrong = collections.Counter(), []


class Unix(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(120)
        self.sock.connect(PATH)


def proc(what):
    return "/proc/%s/%s" % (PID, what)


def held():
    return len(os.listdir(proc("fd"))), len(os.listdir(proc("task")))


def pss():
    for line in open(proc("smaps_rollup")):
        if line.startswith("Pss_Anon:"):
            return int(line.split()[1])


def ask(c, method, path, body=None, want=(200, 201, 204)):
    c.request(method, path, body=None if body is None else json.dumps(body))
    r = c.getresponse()
    data = r.read()
    if r.status not in want:
        wrong.append((method, path, r.status, data[:300]))
    return r.status, data


# One life of a container. Two clients share a name: who comes second is told so.
def life(c, n):
    status, data = ask(c, "POST", "/containers/create?name=many-%d" % (n // 2),
        {"Image": "bb", "Cmd": ["sh", "-c", "echo hello; exit 3"], "HostConfig": {"NetworkMode": "none"}}, (201, 409))
    done[status] += 1
    if status != 201:
        return ask(c, "GET", "/containers/json?all=1")
    at = "/containers/" + json.loads(data)["Id"]
    ask(c, "POST", at + "/start")
    if json.loads(ask(c, "POST", at + "/wait")[1])["StatusCode"] != 3:
        wrong.append(("wait", at))
    if ask(c, "GET", at + "/logs?stdout=1")[1][8:] != b"hello\n":
        wrong.append(("logs", at))
    if not json.loads(ask(c, "GET", "/containers/json?all=1")[1]):
        wrong.append(("list", at))
    ask(c, "DELETE", at)


def client(n, until):
    c = Unix("localhost")
    try:
        while time.monotonic() < until and not wrong:
            life(c, n)
            if random.random() < 0.1: # and now and then it comes anew
                c.close()
                c = Unix("localhost")
    except Exception as e:
        wrong.append(repr(e))
    c.close()


def rush(seconds):
    until = time.monotonic() + seconds
    threads = [threading.Thread(target=client, args=(n, until)) for n in range(CLIENTS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong, wrong[:5]


# All that was for clients is given back, if not at once.
def settled(before):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        now = held()
        if now[0] <= before[0] + 1 and now[1] <= before[1] + 1:
            return pss()
        time.sleep(0.1)
    raise AssertionError("held before: %s, and now: %s" % (before, held()))


before = held()
rush(min(SECONDS / 4, 5))
settled(before)
rush(SECONDS / 2)
first = settled(before)
rush(SECONDS / 2)
second = settled(before)
assert second < first + 1024, "KiB of memory: %d, and then %d" % (first, second)
assert done[201] >= CLIENTS / 4 and done[409] > 0, done
print("%.0f s: %d containers, %d names taken; %d and %d KiB" % (SECONDS, done[201], done[409], first, second))
