#!/usr/bin/env bats
# bats file_tags=apid
# apid over TCP, in plain and in TLS: whom it serves, and that docker works.
load helpers
load box_helpers
load apid_helpers

setup_file() { box_setup_file; }
teardown_file() { tb_teardown_file; }
setup() {
	box_setup
	requires nft curl
}
teardown() { tb_teardown; }

over_tcp() {
	apid_end
	apid_start -H tcp://127.0.0.1:2375 -H "$DOCKER_HOST"
	local at=http://127.0.0.1:2375
	assert_eq OK "$(curl -s $at/_ping)"
	assert_eq OK "$(curl -s http://localhost:2375/_ping)"
	assert_eq 403 "$(curl -s -o /dev/null -w '%{http_code}' -H 'Origin: http://evil.example' $at/_ping)"
	assert_eq 403 "$(curl -s -o /dev/null -w '%{http_code}' -H 'Sec-Fetch-Site: cross-site' $at/containers/json)"
	assert_eq 403 "$(curl -s -o /dev/null -w '%{http_code}' -H 'Host: evil.example:2375' $at/info)"
	! grep -q warning "$APID_LOG" || fail "a warning for an address of this machine"
	assert_eq tacklebox "$(DOCKER_HOST=tcp://127.0.0.1:2375 docker version -f '{{.Server.Platform.Name}}')"
	assert_eq hello "$(DOCKER_HOST=tcp://127.0.0.1:2375 docker run --rm --network none bb echo hello)"
	assert_eq 5 "$(echo 1234 | DOCKER_HOST=tcp://127.0.0.1:2375 docker run -i --rm --network none bb wc -c)"
	apid_end
	apid_start -H tcp://0.0.0.0:2375
	grep -q 'whoever reaches this address' "$APID_LOG"
}
@test "over TCP: no web page is served, other addresses warn, docker works" {
	needs_client
	served over_tcp
}

# A certificate of T/ca for NAME: T/NAME.pem, T/NAME.key.
certificate() {
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$1" -keyout "$T/$1.key" -out "$T/req" 2>/dev/null
	openssl x509 -req -in "$T/req" -CA "$T/$2.pem" -CAkey "$T/$2.key" -CAcreateserial -days 2 \
		-extfile <(echo subjectAltName=IP:127.0.0.1) -out "$T/$1.pem" 2>/dev/null
}
authority() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=$1" -keyout "$T/$1.key" -out "$T/$1.pem" 2>/dev/null
}

over_tls() {
	authority ca
	authority other
	certificate server ca
	certificate client ca
	certificate stranger other
	apid_end
	apid_start -H tcp://127.0.0.1:2376 --tlsverify --tlscacert "$T/ca.pem" --tlscert "$T/server.pem" --tlskey "$T/server.key"
	export DOCKER_HOST=tcp://127.0.0.1:2376
	local how=(--tlsverify --tlscacert "$T/ca.pem" --tlscert "$T/client.pem" --tlskey "$T/client.key")
	assert_eq tacklebox "$(docker "${how[@]}" version -f '{{.Server.Platform.Name}}')"
	assert_eq hello "$(docker "${how[@]}" run --rm --network none bb echo hello)"
	assert_eq 3000000 "$(head -c 3000000 /dev/zero | timeout 20 docker "${how[@]}" run -i --rm --network none bb sh -c 'head -c 3000000 | wc -c')"
	# The end of its input comes through, and output after it; a client that leaves is seen to.
	assert_eq '5 late' "$(echo 1234 | timeout 20 docker "${how[@]}" run -i --rm --network none bb sh -c 'wc -c; sleep 0.3; echo late' | xargs)"
	docker "${how[@]}" run -d --name one --network none bb sh -c 'echo hello; exec sleep 1000'
	assert_eq in "$(echo in | timeout 20 docker "${how[@]}" exec -i one cat)"
	timeout 20 docker "${how[@]}" logs -f one >"$T/followed" &
	wait_for grep -q hello "$T/followed"
	kill $!
	wait_for sh -c "[ \$(ls /proc/$APID/task | wc -l) -le 3 ]"
	head -c 30000000 /dev/urandom >"$T/data"
	timeout 30 docker "${how[@]}" cp "$T/data" one:/big
	timeout 30 docker "${how[@]}" cp one:/big - | tar xO | cmp - "$T/data"
	docker "${how[@]}" rm -f one
	try docker --tlsverify --tlscacert "$T/ca.pem" --tlscert "$T/stranger.pem" --tlskey "$T/stranger.key" ps
	assert_eq 1 "$status"
	! curl -s --max-time 20 --cacert "$T/ca.pem" https://127.0.0.1:2376/info || fail "without a certificate"
	! curl -s --max-time 5 http://127.0.0.1:2376/info || fail "without TLS"
	apid_end
	apid_start -H tcp://127.0.0.1:2376 --tls --tlscert "$T/server.pem" --tlskey "$T/server.key"
	assert_eq OK "$(curl -s --cacert "$T/ca.pem" https://127.0.0.1:2376/_ping)"
}
@test "over TLS: who shows a certificate, who shows another, who shows none" {
	needs_client
	requires openssl
	served over_tls
}

# Clients that take nothing, of whose answers some are just so long that all has been said, and its end
# is known, before they have taken it.
tls_waits() {
	docker run --name one --network none bb sh -c 'x=$(head -c 1000 /dev/zero | tr "\0" x); i=0; while [ $i -lt 4000 ]; do echo $x; i=$((i+1)); done' >/dev/null
	authority ca
	certificate server ca
	apid_end
	apid_start -H tcp://127.0.0.1:2376 --tls --tlscert "$T/server.pem" --tlskey "$T/server.key"
	python3 - "$T/ca.pem" "$T/asked" "$T/go" <<-'END' &
		import os, socket, ssl, sys, time
		context = ssl.create_default_context(cafile=sys.argv[1])
		clients = []
		for n in range(100, 4001, 100):
		    s = socket.socket()
		    s.settimeout(40)
		    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
		    s.connect(("127.0.0.1", 2376))
		    # Without the word that there is no more (close_notify, RFC 8446 section 6.1) its end is an error.
		    s = context.wrap_socket(s, server_hostname="127.0.0.1", suppress_ragged_eofs=False)
		    s.sendall(b"GET /containers/one/logs?stdout=1&tail=%d HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" % n)
		    clients.append((n, s))
		open(sys.argv[2], "w").close()
		while not os.path.exists(sys.argv[3]): time.sleep(0.05)
		for n, s in clients:
		    data = b""
		    while got := s.recv(65536): data += got
		    assert data.split(b"\r\n\r\n", 1)[1].count(b"x") == 1000 * n and data.endswith(b"\r\n0\r\n\r\n"), (n, len(data))
	END
	local python=$! rests=yes
	wait_for test -e "$T/asked"
	at_rest || rests=no
	touch "$T/go"
	wait $python
	assert_eq yes $rests "with clients that take nothing"
}
@test "over TLS: clients that take nothing cost nothing, and get all when they do" {
	needs_client
	requires openssl python3
	served tls_waits
}
