#!/usr/bin/env bats
# br-relay by itself: sockets of one network namespace, handed on in another.
load helpers

setup_file() { tb_setup_file; }
teardown_file() { tb_teardown_file; }
setup() {
	tb_setup
	requires root
}
teardown() { tb_teardown; }

# relay PYTHON: the text runs with `tcp` and `udp`, the ports outside; inside are an echo of each kind
# on 127.0.0.1:7, in a network namespace of its own, and br-relay.
relay() {
	cat >"$T/t.py" <<-'END'
		import os, socket, subprocess, sys, threading, time, hashlib
		outer = {k: socket.socket(socket.AF_INET, t) for k, t in (("tcp", socket.SOCK_STREAM), ("udp", socket.SOCK_DGRAM))}
		for s in outer.values(): s.bind(("127.0.0.1", 0))
		outer["tcp"].listen(64)
		tcp, udp = (outer[k].getsockname() for k in ("tcp", "udp"))
		end, keep = os.pipe()
		fds = [s.fileno() for s in outer.values()]
		inner = '''
		import socket, threading
		u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(("127.0.0.1", 7))
		t = socket.socket(); t.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); t.bind(("127.0.0.1", 7)); t.listen(64)
		def packets():
		    while True:
		        data, who = u.recvfrom(65536); u.sendto(data.upper(), who)
		def one(c):
		    while True:
		        data = c.recv(65536)
		        if not data: break
		        c.sendall(data)
		    c.sendall(b"end"); c.close()
		threading.Thread(target=packets, daemon=True).start()
		print("ready", flush=True)
		while True:
		    c, _ = t.accept(); threading.Thread(target=one, args=(c,), daemon=True).start()
		'''.replace("\n\t\t", "\n")
		ns = subprocess.Popen(["unshare", "-n", "sh", "-c", "ip link set lo up; exec \"$@\"", "-", sys.executable, "-c", inner], stdout=subprocess.PIPE)
		ns.stdout.readline()
		r = subprocess.Popen(["nsenter", "-n", "-t", str(ns.pid), "br-relay", "--until", str(end), f"{fds[0]}=127.0.0.1:7", f"{fds[1]}=127.0.0.1:7"], pass_fds=fds + [end])
		os.close(end)
		for s in outer.values(): s.close()
		try: exec(sys.argv[1])
		finally:
		    os.close(keep); r.wait(10); ns.kill(); ns.wait()
		print("relay", r.returncode)
	END
	run -0 timeout 60 python3 "$T/t.py" "$1"
	assert_line "relay 0"
}

@test "streams: all of it, both ways, and the end of one way is not that of the other" {
	relay '
def talk(n):
    data = os.urandom(n); s = socket.create_connection(tcp)
    t = threading.Thread(target=lambda: (s.sendall(data), s.shutdown(socket.SHUT_WR))); t.start()
    got = b""
    while (b := s.recv(65536)): got += b
    t.join(); assert got == data + b"end", (n, len(got))
all = [threading.Thread(target=talk, args=(n,)) for n in (0, 1, 65535, 65536, 65537, 3 << 20, 5 << 20)]
for t in all: t.start()
for t in all: t.join()
print("whole")'
	assert_line whole
}

@test "packets: each sender gets his own answers" {
	relay '
all = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for i in range(20)]
for i, s in enumerate(all): s.settimeout(10); s.sendto(b"x%d" % i, udp)
for i, s in enumerate(all): assert s.recv(99) == b"X%d" % i
all[0].sendto(b"y" * 60000, udp); assert all[0].recv(65536) == b"Y" * 60000
print("answered")'
	assert_line answered
}

@test "who goes away in the middle takes nobody along, and nothing spins" {
	relay '
import struct
for i in range(50):
    s = socket.create_connection(tcp); s.sendall(b"x" * 100000)
    if i % 2: s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()
slow = socket.create_connection(tcp); slow.setblocking(False)
try:
    while True: slow.send(b"z" * 65536)
except BlockingIOError: pass
def ticks(): return sum(map(int, open(f"/proc/{r.pid}/stat").read().rsplit(")", 1)[1].split()[11:13]))
time.sleep(0.5); before = ticks(); time.sleep(1); used = ticks() - before
assert used < 30, used
s = socket.create_connection(tcp); s.sendall(b"a"); assert s.recv(1) == b"a"
print("alive")'
	assert_line alive
}

@test "nobody behind: the connection ends" {
	run -0 timeout 20 python3 -c '
import os, socket, subprocess
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(); at = s.getsockname()
end, keep = os.pipe()
r = subprocess.Popen(["br-relay", "--until", str(end), f"{s.fileno()}=127.0.0.1:1"], pass_fds=[s.fileno(), end])
c = socket.create_connection(at); c.settimeout(10)
try: print(c.recv(1))
except ConnectionResetError: print(b"")
os.close(keep); os.close(end); print(r.wait(10))'
	[ "${lines[0]}" = "b''" ]
	[ "${lines[1]}" = 0 ]
}

@test "what is no socket, and no address, is said" {
	run -1 br-relay 0=127.0.0.1:80 </dev/null
	assert_error br-relay "cannot use descriptor 0: * (ENOTSOCK)"
	run -1 br-relay 0=127.0.0.1:0 </dev/null
	run -1 br-relay 0=:80 </dev/null
}
