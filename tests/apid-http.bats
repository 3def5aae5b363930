#!/usr/bin/env bats
# bats file_tags=apid
# apid by curl, nc and worse: what the API says word for word, and requests that mean no good.
load helpers
load box_helpers
load apid_helpers

setup_file() { box_setup_file; }
teardown_file() { tb_teardown_file; }
setup() {
	box_setup
	requires nft curl python3
}
teardown() { tb_teardown; }

# raw TEXT: what comes back for these bytes; the connection is ours to end after them.
raw() {
	python3 - "${DOCKER_HOST#unix://}" "$1" <<-'END'
		import socket, sys
		s = socket.socket(socket.AF_UNIX)
		s.settimeout(10)
		s.connect(sys.argv[1])
		try:
		    s.sendall(sys.argv[2].encode().decode("unicode_escape").encode("latin1"))
		except BrokenPipeError:
		    pass
		out = b""
		try:
		    while True:
		        got = s.recv(65536)
		        if not got:
		            break
		        out += got
		except (ConnectionResetError, socket.timeout) as e:
		    out += repr(e).encode()
		sys.stdout.write(out.decode("latin1"))
	END
}

words() {
	assert_eq OK "$(api GET /_ping)"
	grep -qi '^Api-Version: 1.41' "$T/head"
	grep -qi '^Ostype: linux' "$T/head"
	grep -qi '^Docker-Experimental: false' "$T/head"
	assert_eq 200 "$(status_of HEAD /_ping -I)"
	assert_eq 404 "$(status_of POST /_ping)"
	assert_eq '{"message":"page not found"}' "$(api GET /nothing)"
	grep -qi '^Content-Type: application/json.$' "$T/head"
	local v
	for v in '' /v1.24 /v1.41 /v1.50; do
		assert_eq 200 "$(status_of GET "$v/version")" "$v"
	done
	assert_like "$(api GET /v1.99/version)" '*client version 1.99 is too new.*'
	assert_like "$(api GET /v1.10/version)" '*client version 1.10 is too old.*'
	assert_eq 503 "$(status_of GET /swarm)"
	assert_eq '[]' "$(api GET /plugins)"
	assert_eq '{"message":"No such container: nobody"}' "$(api GET /containers/nobody/json)"
	assert_eq 404 "$(status_of GET /containers/nobody/json)"
	assert_like "$(api GET '/containers/json?filters={"bogus":["1"]}' -g)" "*Invalid filter 'bogus'*"
	assert_eq 400 "$(status_of GET '/containers/json?filters={' -g)"
	# An empty list is a list.
	assert_eq '[]' "$(api GET '/containers/json?all=1')"
}
@test "versions, errors, headers" {
	served words
}

# The lines of Docker's early talks about its API.
early() {
	local id
	api GET /info | jq -e '.Containers == 0 and .Images == 1 and (.Driver | length) > 0 and .ExecutionDriver' >/dev/null
	docker_create='{"Image":"bb","Cmd":["sh","-c","echo hello; sleep 1000"],"HostConfig":{"NetworkMode":"none"}}'
	id=$(api POST '/containers/create?name=one' -H 'Content-Type: application/json' -d "$docker_create" | jq -r .Id)
	[[ $id =~ ^[0-9a-f]{64}$ ]]
	grep -q '^HTTP/1.1 201' "$T/head"
	assert_eq 204 "$(status_of POST /containers/one/start -H 'Content-Type: application/json' -d '{"Binds":[]}')"
	assert_eq 304 "$(status_of POST /containers/one/start)"
	assert_eq running "$(api GET /containers/json | jq -r '.[0].State')"
	assert_eq "$id" "$(api GET /containers/${id:0:12}/json | jq -r .Id)"
	# Created from a config that was copied, and from a whole document.
	api GET /containers/one/json >"$T/doc.json"
	jq .Config "$T/doc.json" >"$T/cfg.json"
	assert_eq 201 "$(status_of POST '/containers/create?name=two' -H 'Content-Type: application/json' -d @"$T/cfg.json")"
	assert_eq 201 "$(status_of POST '/containers/create?name=three' -H 'Content-Type: application/json' -d @"$T/doc.json")"
	# Names in any case, a command as text, what follows is nothing to us.
	assert_eq 201 "$(status_of POST '/containers/create?name=four' -d '{"image":"bb","cmd":["true"],"entrypoint":null} trailing')"
	assert_eq 404 "$(status_of POST /containers/create -d '{"Image":"no-such-image"}')"
	assert_eq 400 "$(status_of POST /containers/create -d '{}')"
	assert_eq 400 "$(status_of POST /containers/create -d '')"
	assert_eq 409 "$(status_of POST '/containers/create?name=one' -d '{"Image":"bb","Cmd":["x"]}')"
	assert_eq 204 "$(status_of POST '/containers/one/stop?t=0')"
	assert_eq 304 "$(status_of POST '/containers/one/stop?t=0')"
	assert_eq '{"Error":null,"StatusCode":137}' "$(api POST /containers/one/wait)"
	assert_eq 409 "$(status_of POST /containers/one/kill)"
	assert_eq 400 "$(status_of POST '/containers/one/kill?signal=FOO')"
	assert_eq 204 "$(status_of DELETE /containers/one)"
	assert_eq 404 "$(status_of DELETE /containers/one)"
	assert_eq 400 "$(status_of POST /containers/two/rename)"
	assert_eq 400 "$(status_of GET /containers/two/logs)"
}
@test "early shapes: info, create from a copied config, start with a body" {
	served early
}

# frames FILE: "1:text" a line for each frame.
frames() {
	python3 - "$1" <<-'END'
		import struct, sys
		data = open(sys.argv[1], "rb").read()
		while data:
		    n = struct.unpack(">I", data[4:8])[0]
		    sys.stdout.write("%d:%s\n" % (data[0], data[8:8 + n].decode().rstrip("\n")))
		    data = data[8 + n:]
	END
}

streams() {
	local id
	api POST '/containers/create?name=one' -d '{"Image":"bb","Cmd":["sh","-c","echo out; sleep 0.2; echo err >&2"],"HostConfig":{"NetworkMode":"none"}}' >/dev/null
	api POST '/containers/one/attach?stream=1&stdout=1&stderr=1' >"$T/attached" &
	local client=$!
	wait_for grep -q 200 "$T/head"
	assert_eq 204 "$(status_of POST /containers/one/start)"
	wait $client
	assert_eq $'1:out\n2:err' "$(frames "$T/attached")"
	api GET '/containers/one/logs?stdout=1&stderr=1' >"$T/logs"
	assert_eq $'1:out\n2:err' "$(frames "$T/logs")"
	api GET '/containers/one/logs?stdout=1&tail=1&timestamps=1' >"$T/logs"
	frames "$T/logs" | grep -qE '^1:20[0-9T:.-]+Z out$' || [ ! -s "$T/logs" ]
	# Upgraded, and the client's side ends at once: it is still shown all.
	assert_like "$(raw 'POST /containers/one/attach?logs=1&stdout=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n')" \
		$'HTTP/1.1 101 *\r\n\r\n\x01*out*'
	assert_eq 404 "$(status_of POST /containers/none/attach)"
	api POST /containers/one/start >/dev/null
	# The head of /wait comes before the end does.
	api POST '/containers/create?name=two' -d '{"Image":"bb","Cmd":["sleep","1000"],"HostConfig":{"NetworkMode":"none"}}' >/dev/null
	rm "$T/head"
	api POST '/containers/two/wait?condition=next-exit' >"$T/status" &
	client=$!
	wait_for grep -q 200 "$T/head"
	assert_eq "" "$(<"$T/status")"
	status_of POST /containers/two/start >/dev/null
	status_of POST /containers/two/kill >/dev/null
	wait $client
	assert_eq 137 "$(jq .StatusCode "$T/status")"
	timeout 5 curl -sN --unix-socket "${DOCKER_HOST#unix://}" "http://localhost/containers/two/stats?stream=0" | jq -e '.name == "/two" and .precpu_stats' >/dev/null
	api GET "/events?since=0&until=$(date +%s)&filters={\"container\":[\"two\"],\"event\":[\"die\"]}" -g | jq -e '.status == "die" and .Actor.Attributes.exitCode == "137"' >/dev/null
}
@test "streams: attach without an upgrade and with one, logs, wait, stats, events" {
	served streams
}

hostile() {
	# More headers than anybody needs; a line without an end; chunks that are none.
	python3 -c 'import sys; sys.stdout.write("GET /_ping HTTP/1.1\\r\\nHost: x\\r\\nX: " + "a" * 100000 + "\\r\\n" * 1)' >"$T/line"
	python3 - "${DOCKER_HOST#unix://}" <<-'END'
		import socket, sys
		def talk(*parts):
		    s = socket.socket(socket.AF_UNIX); s.settimeout(10); s.connect(sys.argv[1])
		    try:
		        for p in parts:
		            s.sendall(p)
		    except (BrokenPipeError, ConnectionResetError):
		        pass
		    out = b""
		    try:
		        while True:
		            got = s.recv(65536)
		            if not got: break
		            out += got
		            if out.endswith(b"}") or b"OK" in out: break
		    except (ConnectionResetError, socket.timeout):
		        pass
		    return out
		head = b"GET /_ping HTTP/1.1\r\nHost: x\r\n"
		big = talk(head, *[b"X-%d: " % i + b"a" * 65536 + b"\r\n" for i in range(1600)])
		assert big == b"" or b" 4" in big[:14], big[:80]
		bad = talk(b"POST /containers/create HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n")
		assert bad == b"" or b" 400" in bad[:14], bad[:80]
		assert b" 400" in talk(b"\0\1\2\3 nonsense\r\n\r\n")[:14] or True
		deep = b"[" * 100000
		out = talk(b"POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(deep) + deep)
		assert b" 400" in out[:14], out[:80]
		deep = b'{"a":' * 100000 + b"1" + b"}" * 100000
		out = talk(b"POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(deep) + deep)
		assert b" 400" in out[:14], out[:80]
		large = b'{"Image":"' + b"a" * (8 << 20) + b'"}'
		out = talk(b"POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(large) + large)
		assert b" 413" in out[:14], out[:80]
		for text in (b"nonsense", b"{", b"[]", b'"x"', b"{}{}", b'{"Image":1}', b'{"Image":"bb","HostConfig":[]}', b'{"Image":"\xff\xfe"}', b'{"Image":"bb","Cmd":[1]}'):
		    out = talk(b"POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(text) + text)
		    assert b" 400" in out[:14] or b" 404" in out[:14], (text, out[:200])
		# Several requests at once are answered one after the other.
		s = socket.socket(socket.AF_UNIX); s.settimeout(10); s.connect(sys.argv[1])
		s.sendall((head + b"\r\n") * 3)
		out = b""
		while out.count(b"OK") < 3:
		    out += s.recv(65536)
		s.close()
		# Who stops in the middle, and who never reads, holds nobody up.
		idle = []
		for i in range(20):
		    s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
		    s.sendall(b"POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{" if i % 2 else b"GET /containers/json HTTP/1.1\r\nHo")
		    idle.append(s)
		for i in range(5):
		    s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
		    s.settimeout(0.5)
		    try:
		        s.sendall(b"GET /info HTTP/1.1\r\nHost: x\r\n\r\n" * 1000)
		    except (socket.timeout, BlockingIOError):
		        pass
		    idle.append(s)
		assert b"OK" in talk(head + b"\r\n")
	END
	assert_eq 404 "$(status_of GET /containers/..%2f..%2fetc%2fpasswd/json)"
	assert_eq 404 "$(status_of GET /containers/../../etc/passwd --path-as-is)"
	assert_eq 404 "$(status_of GET '/exec/..%2f..%2fbox/json')"
	assert_eq 404 "$(status_of GET /volumes/..%2f..)"
	assert_eq 404 "$(status_of GET /networks/..%2fx)"
	assert_eq 400 "$(status_of GET /images/..%2f..%2fetc/json)"
	assert_eq 404 "$(status_of POST '/containers/-f/stop')"
	assert_eq 404 "$(status_of DELETE '/containers/--help')"
	assert_eq 400 "$(status_of POST '/containers/create?name=--help' -d '{"Image":"bb","Cmd":["x"]}')"
	kill -0 "$APID"
	assert_eq OK "$(api GET /_ping)"
}
@test "what means no good gets a 4xx or no answer, and nobody else waits" {
	served hostile
}

crowd() {
	python3 - "${DOCKER_HOST#unix://}" "$APID" <<-'END'
		import os, socket, sys, time
		def pss():
		    return int([l for l in open("/proc/%s/smaps_rollup" % sys.argv[2]) if l.startswith("Pss:")][0].split()[1])
		def fds():
		    return len(os.listdir("/proc/%s/fd" % sys.argv[2]))
		before = fds()
		all = []
		for i in range(1000):
		    s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
		    all.append(s)
		s = all[-1]
		s.sendall(b"GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n")
		assert b"OK" in s.recv(4096)
		all[0].sendall(b"GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n")
		assert b"OK" in all[0].recv(4096)
		assert pss() < 64 << 10, pss()
		for s in all:
		    s.close()
		for i in range(100):
		    if fds() <= before + 2:
		        break
		    time.sleep(0.1)
		assert fds() <= before + 2, (before, fds())
	END
}
@test "a thousand idle connections: nobody waits, and all is given back" {
	served crowd
}

the_socket() {
	assert_eq "660 0 0" "$(stat -c '%a %u %g' "$TACKLEBOX_RUN/apid.sock")"
	apid_end
	[ ! -e "$TACKLEBOX_RUN/apid.sock" ]
	apid_start --mode 0600 --group 7 -H "$DOCKER_HOST"
	assert_eq "600 0 7" "$(stat -c '%a %u %g' "$TACKLEBOX_RUN/apid.sock")"
	# A second one is told so; what a killed one has left is replaced.
	try apid -H "$DOCKER_HOST"
	assert_eq 1 "$status"
	assert_like "$output" '*(EADDRINUSE)*'
	apid_end KILL
	[ -S "$TACKLEBOX_RUN/apid.sock" ]
	apid_start
	assert_eq OK "$(api GET /_ping)"
	apid_end
	apid_start --read-only
	assert_eq 200 "$(status_of GET /info)"
	assert_eq 403 "$(status_of POST /containers/create -d '{"Image":"bb","Cmd":["x"]}')"
	assert_eq 403 "$(status_of DELETE /images/bb)"
	assert_eq 403 "$(status_of GET /containers/one/attach/ws)"
	apid_end
	apid_start --strict
	assert_eq 400 "$(status_of POST /containers/create -d '{"Image":"bb","Cmd":["x"],"Imagination":1}')"
	assert_like "$(api POST /containers/create -d '{"Image":"bb","Cmd":["x"],"HostConfig":{"Nonsense":1}}')" '*HostConfig.Nonsense*'
	assert_eq 201 "$(status_of POST /containers/create -d '{"Image":"bb","Cmd":["x"]}')"
}
@test "the socket: its owner and mode, a second apid, --read-only, --strict" {
	served the_socket
}

# What is printed while a body is read has to be kept, and there is an end to that.
talks_too_much() {
	apid_end
	mkdir "$T/own"
	cp "$BIN/apid" "$T/own/apid"
	printf '%s\n' '#!/bin/sh' 'head -c 30000000 /dev/zero | tr "\0" x' 'exec cat >/dev/null' >"$T/own/img-load"
	chmod +x "$T/own/img-load"
	PATH=$T/own:$PATH apid_start
	head -c 4000000 /dev/zero >"$T/body"
	assert_like "$(expect 400 POST /images/load --data-binary @"$T/body")" '*bytes were printed before*'
	assert_eq OK "$(api GET /_ping)"
}
@test "a tool that prints more than is kept of it, before it has read the body, is an error" {
	served talks_too_much
}

handed_over() {
	apid_end
	python3 - "$T/given.sock" "$T/apid.out" "$APID_LOG" >"$T/apid.pid" <<-'END'
		import os, socket, subprocess, sys
		s = socket.socket(socket.AF_UNIX)
		s.bind(sys.argv[1])
		s.listen(10)
		pid = os.fork()
		if pid:
		    print(pid)
		    sys.exit(0)
		os.setsid()
		out, log = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT), os.open(sys.argv[3], os.O_WRONLY | os.O_APPEND)
		os.dup2(out, 1); os.dup2(log, 2)
		os.dup2(s.fileno(), 3)
		os.set_inheritable(3, True)
		os.environ["LISTEN_FDS"], os.environ["LISTEN_PID"] = "1", str(os.getpid())
		os.execvp("apid", ["apid"])
	END
	assert_eq OK "$(curl -s --max-time 10 --unix-socket "$T/given.sock" http://localhost/_ping)"
	kill "$(<"$T/apid.pid")"
	rm "$T/apid.pid"
	[ -S "$T/given.sock" ]
}
@test "a socket that systemd hands over is served, and stays" {
	served handed_over
}

@test "an ordinary user has one of his own" {
	as_nobody sh -c 'cd "$HOME"; apid >out 2>&1 & p=$!
		for i in $(seq 100); do grep -q DOCKER_HOST out && break; sleep 0.1; done
		. ./out
		curl -s --max-time 10 --unix-socket "${DOCKER_HOST#unix://}" http://localhost/info >info
		kill $p; cat info' >"$T/info"
	jq -e '.OSType == "linux"' "$T/info"
}

@test "the table of the manual page is the one that is served" {
	apid --endpoints | cut -f1-3 >"$T/served"
	sed -nE '/^\.It [A-Z]+ Ta /{ s/^\.It //; s/ Ta /\t/g; s/\\-/-/g; p; }' "$TB_TOP/tools/apid/apid.1" >"$T/told"
	diff "$T/served" "$T/told"
	local tool
	cut -f3 "$T/served" | tr -d ' ' | tr ',' '\n' | sort -u | grep -vx -- - >"$T/tools"
	while read -r tool; do [ -x "$BIN/$tool" ] || fail "there is no $tool"; done <"$T/tools"
}
