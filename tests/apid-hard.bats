#!/usr/bin/env bats
# bats file_tags=apid
# apid under many clients at once, and killed at any moment.
load helpers
load box_helpers
load apid_helpers
load registry

setup_file() { box_setup_file; }
teardown_file() { tb_teardown_file; }
setup() {
	box_setup
	requires nft python3
}
teardown() { tb_teardown; }

# Two hundred clients at once make, start, await, list and remove containers for $TEST_SECONDS (8). Some
# want the same name as a neighbour: 409 is due then, and nothing else.
many() {
	TEST_SECONDS=${TEST_SECONDS:-8} python3 "$TB_TESTS/apid-load.py" "${DOCKER_HOST#unix://}" "$APID"
	assert_eq '[]' "$(api GET '/containers/json?all=1')"
}
@test "two hundred clients make, start, await, list and remove: no error, no descriptor left, no memory grown" {
	requires python3
	served many
}

# Each stats stream tells of its own container, however many begin at once: the limit says whose it is.
watched() {
	local i
	for i in 1 2 3 4 5; do
		box-run -d --name "c$i" --network none -m "$((16 + i))m" bb sleep 1000 >/dev/null
	done
	for i in 1 2 3; do
		python3 - "${DOCKER_HOST#unix://}" <<-'END'
			import json, socket, sys, threading
			start, wrong = threading.Barrier(20), []
			def watch(n):
			    s = socket.socket(socket.AF_UNIX)
			    s.settimeout(30)
			    s.connect(sys.argv[1])
			    start.wait()
			    for again in range(10):
			        s.sendall(b"GET /containers/c%d/stats?stream=0&one-shot=1 HTTP/1.1\r\nHost: x\r\n\r\n" % n)
			        data = b""
			        while not data.endswith(b"\r\n0\r\n\r\n"):
			            got = s.recv(65536)
			            if not got:
			                wrong.append("c%d: the server went away" % n)
			                return
			            data += got
			        doc = json.loads(data[data.index(b"{"):data.rindex(b"}") + 1])
			        memory, pids = doc["memory_stats"], doc["pids_stats"]
			        if doc["name"] != "/c%d" % n or memory.get("limit") != 16 + n << 20 or not 0 < memory["usage"] <= memory["limit"] or not 1 <= pids["current"] <= 9:
			            wrong.append("c%d: %s %s %s" % (n, doc["name"], memory, pids))
			def tried(n):
			    try:
			        watch(n)
			    except Exception as e:
			        wrong.append("c%d: %r" % (n, e))
			threads = [threading.Thread(target=tried, args=(1 + i % 5,)) for i in range(20)]
			for t in threads: t.start()
			for t in threads: t.join()
			if wrong:
			    sys.exit("\n".join(wrong[:5]))
		END
		# The first look of a server is when it finds the trees of groups.
		apid_end
		apid_start
	done
}
@test "twenty that watch five containers at once: each sees its own" {
	requires python3 cg-memory
	served watched
}

# No tool that a killed apid has started.
nothing_at_work() {
	local pid
	for pid in $(pgrep -x 'dfile-build|img-pull|box-(create|start|end|rm)'); do
		! grep -qzxF "TACKLEBOX_RUN=$TACKLEBOX_RUN" "/proc/$pid/environ" 2>/dev/null || return
	done
}

# Whatever it was doing, all containers are in order afterwards and a new one knows them.
struck() {
	local i pause client name state
	for i in $(seq $(($(rounds) / 2 + 1))); do
		name=box-$i
		docker run --name "$name" --network none bb sh -c 'echo hello; exit 4' >"$T/out" 2>&1 &
		client=$!
		pause=$((RANDOM % 200))
		sleep "0.$(printf %03d $pause)"
		apid_end KILL
		wait $client || :
		apid_start
		wait_for nothing_at_work # box-start may be yet, and start it
		# It is not there, or made, or it has run to its end.
		if docker inspect "$name" >"$T/doc" 2>/dev/null; then
			wait_for sh -c '[ "$(docker inspect -f "{{.State.Running}}" '"$name"')" = false ]'
			state=$(docker inspect -f '{{.State.Status}}' "$name")
			if [ "$state" = created ]; then
				try docker start -a "$name"
				assert_eq 4 "$status" "$name after $pause ms, started: $output $(docker inspect "$name" | jq -c '.[0].State'; cd "$TACKLEBOX_ROOT/names/$name/" && ls)"
			else
				assert_eq exited "$state" "$name after $pause ms"
			fi
			assert_eq 4 "$(docker wait "$name")" "$name after $pause ms, $state: $(docker inspect "$name" | jq -c '.[0].State'; cd "$TACKLEBOX_ROOT/names/$name/" && ls)"
			assert_eq hello "$(docker logs "$name" 2>&1)" "$name after $pause ms"
			docker rm "$name" >/dev/null
		fi
		docker run --rm --name "$name" --network none bb true
	done
}
@test "killed at any moment of docker run: a new one lists, starts, waits, removes" {
	needs_client
	served struck
}

# What a build and a pull leave when they are cut off: the client hears of it, nothing is at work, and
# what there is in the store is complete.
settled() {
	wait_for nothing_at_work || return
	img-gc --keep-nameless >/dev/null
	[ -z "$(ls -A "$TACKLEBOX_ROOT/images/tmp")" ] || fail "temporary: $(ls "$TACKLEBOX_ROOT/images/tmp")" || return
	[ -z "$(find "$TACKLEBOX_ROOT/layers" -maxdepth 1 -name '.tmp-*')" ] || fail "half a layer" || return
	[ -z "$(find "$TACKLEBOX_ROOT/boxes" -mindepth 1 -maxdepth 1 2>/dev/null)" ] || fail "a box of a build" || return
	assert_eq "" "$(tb-ledger mount netns temporary | grep -F "$TB_DIR/" || :)"
}
# strike COMMAND…: kills apid $pause ms after the client began.
strike() {
	local client
	"$@" >"$T/out" 2>&1 &
	client=$!
	sleep "0.$(printf %03d "$pause")"
	apid_end KILL
	wait $client || :
	apid_start
}

struck_pull() {
	local i pause id
	registry_start "$T/registry"
	mkdir -p "$T/many"
	cd "$T/many" || return
	for i in 1 2 3 4; do head -c 3000000 /dev/urandom >"$i"; done
	printf '%s\n' 'FROM bb' 'COPY 1 /' 'COPY 2 /' 'COPY 3 /' 'COPY 4 /' >Dockerfile
	docker build -q -t "$REGISTRY/a/many:1" --network none . >"$T/id" 2>/dev/null
	id=$(<"$T/id")
	docker push "$REGISTRY/a/many:1" >/dev/null
	for i in $(seq $(($(rounds) / 4 + 1))); do
		docker rmi -f "$REGISTRY/a/many:1" "$id" >/dev/null 2>&1 || :
		img-gc >/dev/null
		pause=$((RANDOM % 300))
		strike docker pull "$REGISTRY/a/many:1"
		settled || fail "after $pause ms" || return
		# It is there and whole, or not there; it can be had, and is what it was.
		! docker image inspect "$id" >/dev/null 2>&1 || docker run --rm --network none "$REGISTRY/a/many:1" sha256sum /1 /4 >"$T/sums"
		docker pull "$REGISTRY/a/many:1" >/dev/null
		assert_eq "$id" "$(docker image inspect -f '{{.Id}}' "$REGISTRY/a/many:1")" "after $pause ms"
		docker run --rm --network none "$REGISTRY/a/many:1" sha256sum /1 /2 /3 /4 >"$T/sums"
		assert_eq "$(sha256sum 1 2 3 4 | sed 's,  ,  /,')" "$(<"$T/sums")" "after $pause ms"
	done
	docker rmi -f "$REGISTRY/a/many:1" >/dev/null
	registry_stop
}
@test "killed at any moment of docker pull: nothing half is left, and the next pull has it all" {
	needs_client
	requires docker-registry
	export no_proxy=127.0.0.1 DOCKER_BUILDKIT=0
	served struck_pull
}

struck_build() {
	local i pause
	mkdir -p "$T/context"
	cd "$T/context" || return
	head -c 2000000 /dev/urandom >data
	printf '%s\n' 'FROM bb' 'COPY data /data' 'ARG N' 'RUN echo $N >/n; sleep 0.05; echo $N >/m' 'CMD ["cat", "/n", "/m"]' >Dockerfile
	for i in $(seq $(($(rounds) / 4 + 1))); do
		pause=$((RANDOM % 400))
		strike docker build -t built --network none --build-arg "N=$i" .
		settled || fail "after $pause ms" || return
		! docker image inspect built >/dev/null 2>&1 || docker run --rm --network none built >/dev/null
		docker build -t built --network none --build-arg "N=$i" . >"$T/out" 2>&1 || fail "after $pause ms: $(<"$T/out")" || return
		assert_eq "$i $i" "$(docker run --rm --network none built | xargs)" "after $pause ms"
	done
	docker rmi built >/dev/null
}
@test "killed at any moment of docker build: nothing of it is at work or mounted, and the next one builds" {
	needs_client
	export DOCKER_BUILDKIT=0
	served struck_build
}

goes_on() {
	local id
	id=$(docker run -d --name one --network none bb sh -c 'i=0; while :; do echo $i; i=$((i+1)); sleep 0.05; done')
	docker exec one true
	docker logs -f one >"$T/followed" 2>&1 &
	wait_for test -s "$T/followed"
	apid_end KILL
	assert_eq running "$(state_of one Status)"
	apid_start
	assert_eq "$id" "$(docker ps -q --no-trunc)"
	assert_eq x "$(docker exec one echo x)"
	docker logs --tail 1 one | grep -qE '^[0-9]+$'
	docker stop -t 0 one
	docker rm one
}
@test "containers go on without it" {
	needs_client
	served goes_on
}

ends_well() {
	docker run -d --name one --network none bb sleep 1000
	docker logs -f one >"$T/followed" 2>&1 &
	local follower=$!
	docker events >"$T/events" 2>&1 &
	local listener=$!
	docker attach --no-stdin one >"$T/attached" 2>&1 &
	local attached=$!
	wait_for sh -c '[ $(ls /proc/'"$APID"'/task | wc -l) -ge 6 ]'
	apid_end
	wait $follower || :
	wait $listener || :
	wait $attached || :
	[ ! -e "${DOCKER_HOST#unix://}" ]
	assert_eq running "$(state_of one Status)"
	apid_start
}
@test "asked to end it ends, whoever is still there; containers go on" {
	needs_client
	served ends_well
}

# Whoever takes away has the store for himself, for as long as it takes.
seized() {
	local threads holder list pid
	trap 'touch "$T/go"' EXIT # however it ends
	hold_store() {
		rm -f "$T/held" "$T/go"
		flock "$TACKLEBOX_ROOT/images/lock" sh -c 'touch "$1/held"; while [ ! -e "$1/go" ]; do sleep 0.05; done' - "$T" &
		holder=$!
		wait_for test -e "$T/held"
	}
	box-run -d --name one --network none bb sleep 1000 >/dev/null
	threads=$(ls "/proc/$APID/task" | wc -l)
	hold_store
	api GET /images/json >"$T/list" &
	list=$!
	wait_for sh -c "[ \$(ls /proc/$APID/task | wc -l) -gt $threads ]"
	# What needs no image goes on meanwhile.
	assert_eq 201 "$(status_of POST /containers/one/exec -H 'Content-Type: application/json' -d '{"Cmd":["true"]}')"
	assert_eq 204 "$(status_of POST /containers/one/kill)"
	wait_for sh -c '[ "$(box-inspect one | jq -r .State.Status)" = exited ]'
	kill -0 $list
	[ ! -s "$T/list" ]
	touch "$T/go"
	wait $holder
	wait $list
	jq -e '.[0].RepoTags == ["bb:latest"]' "$T/list" >/dev/null
	# Nor does it keep the server from ending.
	hold_store
	api GET /images/bb/json >"$T/list" &
	pid=$!
	wait_for sh -c "[ \$(ls /proc/$APID/task | wc -l) -gt $threads ]"
	apid_end
	wait $pid || :
	touch "$T/go"
	wait $holder
	apid_start
}
@test "while the store is taken by another: a request for images waits, all else goes on" {
	requires curl flock
	served seized
}

# A registry whose manifests take an hour to come, a little at a time.
slow_start() {
	cat >"$T/slow.py" <<-'END'
		import http.server, time
		class Slow(http.server.BaseHTTPRequestHandler):
		    def do_GET(self):
		        self.send_response(200)
		        self.send_header("Content-Length", "0" if self.path == "/v2/" else "3600000")
		        self.end_headers()
		        try:
		            while self.path != "/v2/":
		                self.wfile.write(b" " * 100)
		                time.sleep(0.1)
		        except OSError:
		            pass
		server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow)
		print(server.server_address[1], flush=True)
		server.serve_forever()
	END
	python3 "$T/slow.py" >"$T/port" 2>"$T/slow.log" &
	SLOW=$!
	wait_for test -s "$T/port"
}
pull_left() {
	local path client
	pulls() { pgrep -P "$APID" -x img-pull; }
	slow_start
	trap 'kill $SLOW' EXIT
	path="/images/create?fromImage=127.0.0.1:$(<"$T/port")/a/b&tag=1"
	curl -sS --unix-socket "${DOCKER_HOST#unix://}" -X POST "http://localhost$path" >"$T/list" 2>&1 &
	client=$!
	wait_for pulls
	kill $client
	wait_for sh -c "! pgrep -P $APID -x img-pull"
	# So it is when the server is asked to end.
	curl -sS --unix-socket "${DOCKER_HOST#unix://}" -X POST "http://localhost$path" >"$T/list" 2>&1 &
	client=$!
	wait_for pulls
	apid_end
	wait $client || :
	apid_start
}
@test "a client that leaves before a pull has begun ends it, and so does the server's end" {
	requires curl python3
	served pull_left
}
