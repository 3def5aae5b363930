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
