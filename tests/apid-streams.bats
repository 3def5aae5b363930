#!/usr/bin/env bats
# bats file_tags=apid
# apid's connections that are no longer HTTP: leaving by keys, and who does not leave by them.
load helpers
load box_helpers
load apid_helpers

setup_file() { box_setup_file; }
teardown_file() { tb_teardown_file; }
setup() {
	box_setup
	needs_client
	requires curl python3
}
teardown() { box_teardown; }

# left BOX EVENT N: so often.
left() { [ "$(docker events --since 1h --until 0s --filter container="$1" --format '{{.Action}}' | grep -cx "$2")" = "$3" ]; }
said() { grep -qF -- "$1" "$TACKLEBOX_ROOT/names/$2/log"; }

# typed PATH QUERY BODY KEYS: upgraded, types the keys (escapes as in C), and shows what comes until
# the server ends it; the status is that of waiting for its end.
typed() {
	python3 - "${DOCKER_HOST#unix://}" "$@" <<-'END'
		import json, socket, sys
		place, path, body, keys = sys.argv[1:5]
		s = socket.socket(socket.AF_UNIX)
		s.settimeout(20)
		s.connect(place)
		s.sendall(("POST %s HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Type: application/json\r\n"
		    "Content-Length: %d\r\n\r\n%s" % (path, len(body), body)).encode())
		data = b""
		while b"\r\n\r\n" not in data:
		    data += s.recv(1)
		assert b" 101 " in data.split(b"\r\n")[0], data
		s.sendall(keys.encode().decode("unicode_escape").encode("latin1"))
		while True:
		    got = s.recv(65536)
		    if not got:
		        break
		    sys.stdout.write(got.decode("latin1"))
	END
}

detached() {
	local at='/containers/one/attach?stream=1&stdin=1&stdout=1&stderr=1'
	docker run -d -it --name one --network none bb sh -c 'while read -r x; do echo "got $x"; done'
	# The keys that everybody knows, and others; in between, in part, and as something else.
	typed "$at" '' 'first\r\x10second\r\x10\x11lost\r'
	wait_for said 'got first' one
	wait_for said 'got \u0010second' one
	typed "$at&detachKeys=ctrl-a,b" '' 'third\r\x10\x11\x01b'
	wait_for said 'got third' one
	! said lost one || fail "what is typed behind the keys"
	assert_eq running "$(state_of one Status)"
	wait_for left one detach 2
	assert_eq 400 "$(status_of POST "$at&detachKeys=nonsense" -H 'Connection: Upgrade' -H 'Upgrade: tcp')"
	docker rm -f one
	# Without a terminal nobody types: they are bytes.
	docker run -d -i --name one --network none bb sh -c 'head -c 3 | od -An -tx1'
	typed "$at" '' '\x10\x11x'
	wait_for said '10 11 78' one
}
@test "attached to a terminal, its keys lead out; the container goes on" {
	served detached
}

exec_detached() {
	local id body='{"AttachStdin":true,"AttachStdout":true,"Tty":true,"Cmd":["sh","-c","read -r x; echo $x >/seen; while [ ! -e /go ]; do echo and on; sleep 0.05; done; exit 5"]'
	docker run -d --name one --network none bb sleep 1000
	# It goes on without anybody to read what it writes, and its end is told.
	id=$(api POST /containers/one/exec -d "$body}" | jq -r .Id)
	typed "/exec/$id/start" '{"Tty":true}' 'mine\r\x10\x11'
	wait_for docker exec one grep -qx mine /seen
	assert_eq true "$(api GET "/exec/$id/json" | jq .Running)"
	assert_eq 200 "$(status_of POST "/exec/$id/resize?h=10&w=20")"
	docker exec one touch /go
	wait_for sh -c "[ \"\$(curl -s --unix-socket '${DOCKER_HOST#unix://}' http://localhost/exec/$id/json | jq .ExitCode)\" = 5 ]"
	wait_for left one exec_detach 1
	# With keys of its own; not with others.
	docker exec one rm /go /seen
	id=$(api POST /containers/one/exec -d "$body,\"DetachKeys\":\"ctrl-b\"}" | jq -r .Id)
	typed "/exec/$id/start" '{"Tty":true}' '\x10\x11mine\r\x02'
	wait_for docker exec one grep -q mine /seen
	docker exec one touch /go
	assert_eq 400 "$(status_of POST /containers/one/exec -d "$body,\"DetachKeys\":\"ctrl-\"}")"
}
@test "so do those of an exec, which goes on and is known by its end" {
	served exec_detached
}

# A person's: in a terminal, by the client's own options. That attach and exec leave with status 1
# and "read escape sequence" is the client's way.
by_client() {
	tmux_start "docker run --name one -it --network none --detach-keys ctrl-x bb sh"
	wait_for seen '#'
	$s send-keys C-x
	wait_for seen 'left 0'
	$s kill-server
	tmux_start "docker attach --detach-keys ctrl-a,d one"
	wait_for seen '#'
	$s send-keys 'echo $((40+2))' Enter
	wait_for seen '^42'
	$s send-keys C-a d
	wait_for seen 'left [01]'
	$s kill-server
	assert_eq running "$(state_of one Status)"
	tmux_start "docker exec -it --detach-keys ctrl-e one sh"
	wait_for seen '#'
	$s send-keys 'while [ ! -e /go ]; do sleep 0.05; done; touch /went' Enter C-e
	wait_for seen 'left [01]'
	$s kill-server
	docker exec one touch /go
	wait_for docker exec one test -e /went
}
@test "docker run, attach and exec with --detach-keys: left, they go on" {
	requires tmux
	served 'clients by_client'
}

# By Debian's library for web sockets, which the SDK brings along; raw where a frame is to be wrong.
web_sockets() {
	local at=/containers/one/attach/ws
	docker create -i --name one --network none bb sh -c 'echo begun; cat; echo ended >&2'
	docker start one
	docker run -d -it --name term --network none bb sh
	apid_end
	apid_start -H tcp://127.0.0.1:2375 -H "$DOCKER_HOST"
	/usr/bin/python3 - "${DOCKER_HOST#unix://}" <<-'END'
		import os, socket, sys, threading, websocket
		def unix():
		    s = socket.socket(socket.AF_UNIX); s.settimeout(20); s.connect(sys.argv[1])
		    return s
		def come(ws, n):
		    got = b""
		    while len(got) < n:
		        data = ws.recv()
		        assert data, (n, got[-100:])
		        got += data if isinstance(data, bytes) else data.encode()
		    return got
		def connect(box, query, **how):
		    return websocket.create_connection("ws://localhost/containers/%s/attach/ws?%s" % (box, query), timeout=20, **how)
		everything = "logs=1&stream=1&stdin=1&stdout=1&stderr=1"
		ws = connect("one", everything, socket=unix())
		assert come(ws, 6) == b"begun\n"
		data = os.urandom(1000000)
		ws.send_binary(data[:10])
		ws.send_frame(websocket.ABNF.create_frame(data[10:20], websocket.ABNF.OPCODE_BINARY, fin=0))
		ws.ping("are you there")
		ws.send_frame(websocket.ABNF.create_frame(data[20:30], websocket.ABNF.OPCODE_CONT, fin=1))
		assert come(ws, 30) == data[:30]
		def send_all():
		    for i in range(30, len(data), 50000):
		        ws.send_binary(data[i:i + 50000])
		threading.Thread(target=send_all, daemon=True).start()
		assert come(ws, len(data) - 30) == data[30:]
		# Another one, by TCP, with an Origin as programs send it; keys that lead out of a terminal.
		term = websocket.create_connection("ws://127.0.0.1:2375/containers/term/attach/ws?stream=1&stdin=1&stdout=1", timeout=20)
		term.send("echo $((40+2))\n")
		seen = b""
		while b"42" not in seen:
		    seen += come(term, 1)
		term.send("\x10\x11")
		try:
		    while term.recv(): pass
		except websocket.WebSocketConnectionClosedException:
		    pass
		# A frame that is not masked is a client's mistake (RFC 6455 section 5.1).
		bad = unix()
		bad.sendall(b"GET /containers/term/attach/ws?stream=1&stdin=1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n\x82\x01x")
		out = b""
		while True:
		    got = bad.recv(4096)
		    if not got: break
		    out += got
		assert b" 101 " in out and b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in out, out
		assert out.endswith(b"\x88\x02\x03\xea"), out # closed, 1002
		ws.close()
	END
	assert_eq running "$(state_of term Status)"
	wait_for said ended one # its input has ended with who gave it
	assert_eq 400 "$(status_of GET "$at?stream=1")"
	assert_eq 404 "$(status_of GET /containers/none/attach/ws)"
	assert_eq 403 "$(curl -s -o /dev/null -w '%{http_code}' -H 'Origin: http://evil.example' "http://127.0.0.1:2375$at")"
}
@test "attached in a web socket: all bytes both ways, pings, pieces, keys; wrong frames" {
	/usr/bin/python3 -c 'import websocket' 2>/dev/null || tb_skip "needs python3-websocket"
	served web_sockets
}

# Three messages, and gone.
said_and_left() {
	docker run -d -i --name one --network none bb sh -c 'while read -r x; do echo "got $x"; done'
	python3 - "${DOCKER_HOST#unix://}" <<-'END'
		import socket, sys
		for i in range(12): # box-mon has room for 16 at once
		    s = socket.socket(socket.AF_UNIX)
		    s.settimeout(20)
		    s.connect(sys.argv[1])
		    s.sendall(b"GET /containers/one/attach/ws?stream=1&stdin=1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
		    head = b""
		    while b"\r\n\r\n" not in head: head += s.recv(1)
		    for _ in range(3): s.sendall(b"\x82\x83\0\0\0\0%02d\n" % i)
		    s.close()
	END
	wait_for all_said
}
all_said() { [ "$(docker logs one | grep -c '^got [0-9][0-9]$')" = 36 ]; }
@test "what a web socket has brought is the program's, although its client has left at once" {
	served said_and_left
}

# More than goes into a socket, less than goes into that and what lies between the threads of apid: all
# has been said, and the client has not taken it.
web_socket_waits() {
	docker run --name one --network none bb sh -c 'x=$(head -c 1000 /dev/zero | tr "\0" x); i=0; while [ $i -lt 150 ]; do echo $x; i=$((i+1)); done' >/dev/null
	python3 - "${DOCKER_HOST#unix://}" "$T/asked" "$T/go" <<-'END' &
		import os, socket, sys, time
		s = socket.socket(socket.AF_UNIX)
		s.settimeout(40)
		s.connect(sys.argv[1])
		s.sendall(b"GET /containers/one/attach/ws?logs=1&stdout=1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
		head = b""
		while b"\r\n\r\n" not in head: head += s.recv(1)
		time.sleep(6) # so long the log's end waits for ours
		open(sys.argv[2], "w").close()
		while not os.path.exists(sys.argv[3]): time.sleep(0.05)
		data = b""
		while not data.endswith(b"\x88\x02\x03\xe8"): # closed, 1000
		    got = s.recv(65536)
		    assert got, (len(data), data[-10:])
		    data += got
		assert data.count(b"x") >= 150000
		# It goes on saying something, but not goodbye (a pong of its own, RFC 6455 section 5.5.3).
		try:
		    end = time.monotonic() + 40
		    while time.monotonic() < end:
		        s.sendall(b"\x8a\x80\0\0\0\0")
		        time.sleep(0.1)
		    sys.exit("it waits for ever")
		except BrokenPipeError: pass
		except ConnectionResetError: pass
	END
	local python=$! rests=yes
	wait_for test -e "$T/asked"
	at_rest || rests=no
	touch "$T/go"
	wait $python
	assert_eq yes $rests "with a client that takes nothing"
}
@test "a web socket whose client takes nothing costs nothing, and one that says no goodbye is left" {
	served web_socket_waits
}

# More than lies between apid and a client: it waits for one that takes its time. Each line is a frame.
whole_log() {
	docker run --name one --network none bb sh -c 'i=0; while [ $i -lt 30000 ]; do echo "$i of many lines, each of them as long as this one is, so that all are some MB"; i=$((i+1)); done' >/dev/null
	python3 - "${DOCKER_HOST#unix://}" <<-'END'
		import socket, struct, sys, time
		s = socket.socket(socket.AF_UNIX)
		s.settimeout(20)
		s.connect(sys.argv[1])
		s.sendall(b"POST /containers/one/attach?logs=1&stdout=1&stderr=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
		data = b""
		while b"\r\n\r\n" not in data:
		    data += s.recv(1)
		time.sleep(0.3) # in which it fills all there is, and would have given up
		data = b""
		while got := s.recv(65536):
		    data += got
		n = 0
		while data:
		    stream, size = struct.unpack(">BxxxI", data[:8])
		    assert stream == 1 and data[8:].startswith(b"%d of many" % n), (n, data[:60])
		    data, n = data[8 + size:], n + 1
		assert n == 30000, n
	END
}
@test "attached with a log of some MB: all its frames come, however slowly they are read" {
	served whole_log
}

# What was made for a client goes, although it never heard of it.
gone_at_once() {
	docker run -d -i --name one --network none bb sleep 1000
	docker create -i --name two --network none bb sleep 1000
	python3 - "${DOCKER_HOST#unix://}" "$APID" <<-'END'
		import os, socket, sys, time
		def held(): return [len(os.listdir("/proc/%s/%s" % (sys.argv[2], d))) for d in ("fd", "task")]
		before = held()
		left = []
		for i in range(60):
		    # It reads nothing: the answer is the first thing that does not reach it (unix(7)).
		    s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.shutdown(socket.SHUT_RD)
		    left.append(s)
		    s.sendall(b"POST /containers/%s/attach?stream=1&stdout=1&stdin=1 HTTP/1.1\r\nHost: x\r\n"
		        b"Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n" % (b"two" if i % 2 else b"one"))
		# They may not have been looked at yet: it is to stay so for a second.
		end, still = time.monotonic() + 30, 0
		while still < 10:
		    assert time.monotonic() < end, (before, held())
		    still = still + 1 if held() == before else 0
		    time.sleep(0.1)
	END
}
@test "who asks to be attached and does not hear the answer: nothing of it stays" {
	served gone_at_once
}

# Of these inputs some fill all that lies between client and program, to the last byte, while that does
# not read yet: then there is no room to say that this was the end.
full() {
	local kib pids=()
	for kib in $(seq 120 8 344); do
		(head -c $((kib * 1024)) /dev/zero | timeout -k 1 60 docker run -i --rm --network none bb sh -c 'sleep 2; wc -c' >"$T/$kib" 2>&1) &
		pids+=($!)
	done
	wait "${pids[@]}"
	for kib in $(seq 120 8 344); do assert_eq $((kib * 1024)) "$(<"$T/$kib")" "$kib"; done
}
@test "the end of an input comes through, although all is full before it" {
	served full
}
