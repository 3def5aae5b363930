#!/usr/bin/env bats
# bats file_tags=apid
# apid and the real docker CLI: containers run, seen, attached to, stopped, removed.
load helpers
load box_helpers
load apid_helpers

setup_file() { box_setup_file; }
teardown_file() { tb_teardown_file; }
setup() {
	box_setup
	needs_client
}
teardown() { tb_teardown; }

run_once() {
	docker version >"$T/version"
	grep -q tacklebox "$T/version"
	docker info >"$T/info"
	grep -q 'Server Version' "$T/info"
	assert_eq b "$(docker run --rm --network none bb sh -c 'echo "$A"')"
	try docker run --rm --network none bb sh -c 'echo out; echo err >&2; exit 7'
	assert_eq 7 "$status"
	assert_eq out "$(docker run --rm --network none bb sh -c 'echo out; echo err >&2' 2>"$T/err")"
	assert_eq err "$(<"$T/err")"
	no_box_left
}
@test "docker run --rm: output, errors, status, and nothing is left" {
	served 'clients run_once'
}

statuses() {
	local n
	for n in 0 1 2 125 126 127 128 130 200 255; do
		try docker run --rm --network none bb sh -c "exit $n"
		assert_eq "$n" "$status"
	done
	try docker run --rm --network none bb nothing
	assert_eq 127 "$status"
	assert_like "$output" '*executable file not found*'
	assert_eq 1 "$(grep -c 'cannot run nothing' <<<"$output")"
	try docker run --rm --network none bb /etc/passwd
	assert_eq 126 "$status"
	try docker run --rm --network none --name x/y bb true
	assert_eq 125 "$status"
	try docker run --rm --network none -v relative:/:x bb true
	assert_eq 125 "$status"
	no_box_left
}
@test "docker run: exit statuses, those of failures too" {
	served statuses
}

input() {
	head -c 3000000 /dev/urandom >"$T/data"
	docker run -i --rm --network none bb cat <"$T/data" | cmp - "$T/data"
	assert_eq 3000000 "$(docker run --rm --network none bb sh -c 'yes | head -c 3000000' | wc -c)"
	assert_eq "" "$(docker run --rm --network none bb cat </dev/null)"
	# Its input ends long before its output does.
	assert_eq late "$(echo x | docker run -i --rm --network none bb sh -c 'cat >/dev/null; sleep 0.5; echo late')"
	docker run --rm --network none bb sh -c 'yes | head -c 300000' | head -n 1 >"$T/one"
	assert_eq y "$(<"$T/one")"
}
@test "docker run -i: input, all of it, and its end; a reader who leaves" {
	served 'clients input'
}

terminal() {
	tmux_start "docker run --name term -it --network none bb sh"
	wait_for seen '#'
	$s send-keys 'stty size; echo $((40+2)); tty' Enter
	wait_for seen '^30 90'
	wait_for seen '^42'
	wait_for seen '^/dev/pts/0'
	$s resize-window -x 100 -y 40
	# The client tells it by a request of its own, which may come after the keys.
	$s send-keys 'clear; until stty size | grep "^40 100"; do sleep 0.05; done' Enter
	wait_for seen '^40 100'
	$s send-keys C-p C-q
	wait_for seen 'left 0'
	$s kill-server
	assert_eq running "$(docker inspect -f '{{.State.Status}}' term)"
	tmux_start "docker attach term"
	wait_for seen '#'
	$s send-keys 'exit 5' Enter
	wait_for seen 'left 5'
	$s kill-server
	docker rm term
}
@test "docker run -it: its size, from the first moment and changed; detaching, docker attach, its status" {
	requires tmux
	served terminal
}

exec_in() {
	docker run -d --name one --network none bb sleep 1000
	try docker exec one sh -c 'echo out; exit 3'
	assert_eq 3 "$status"
	assert_eq out "$output"
	assert_eq hello "$(echo hello | docker exec -i one cat)"
	head -c 2000000 /dev/urandom >"$T/data"
	docker exec -i one cat <"$T/data" | cmp - "$T/data"
	assert_eq "1 /tmp x" "$(docker exec -u 1 -w /tmp -e V=x one sh -c 'echo $(id -u) $(pwd) $V')"
	docker exec -d one sh -c 'echo z >/tmp/z'
	wait_for docker exec one test -s /tmp/z
	try docker exec one nothing
	assert_eq 127 "$status"
	try docker exec nobody true
	assert_eq 1 "$status"
	assert_like "$output" '*No such container: nobody*'
	docker pause one
	try docker exec one true
	assert_like "$output" '*paused*'
	docker unpause one
	docker stop -t 0 one
	try docker exec one true
	assert_like "$output" '*is not running*'
	docker rm one
}
@test "docker exec: streams, status, user, directory; in the background; what cannot be" {
	served 'clients exec_in'
}

# Of those with a name: what runs the tests may ignore some that the C library has for itself.
ignores_none() {
	local mask
	mask=$(sed 's/SigIgn:[[:space:]]*/0x/')
	(((mask & 0x7fffffff) == 0)) || fail "ignored: $mask"
}
# A program there has the signals of a fresh one, and what is told before it runs is for people.
exec_fresh() {
	docker run -d --name one --network none bb sleep 1000
	try timeout 20 docker exec one sh -c 'while :; do echo x; done | head -n 1'
	assert_eq "0 x" "$status $output"
	docker exec one grep SigIgn /proc/self/status >"$T/ignored"
	ignores_none <"$T/ignored"
	# Detached, and as the container's own program, too.
	docker exec -d one sh -c 'grep SigIgn /proc/self/status >/signals; echo end >>/signals'
	wait_for docker exec one grep -q end /signals
	docker exec one head -n 1 /signals >"$T/ignored"
	ignores_none <"$T/ignored"
	docker run --rm --network none bb grep SigIgn /proc/self/status >"$T/ignored"
	ignores_none <"$T/ignored"
	for option in '-u nosuch' '-w /etc/passwd'; do
		# shellcheck disable=SC2086 # two words
		try docker exec $option one true
		((status != 0)) || fail "$option: $output"
		assert_like "$output" '*: *'
		case $output in *'{'*) fail "$option: $output" ;; esac
	done
}
@test "docker exec: no signal is ignored, and a failure is told to people" {
	served 'clients exec_fresh'
}

exec_events() {
	local box id
	box=$(docker run -d --name one --network none bb sleep 1000)
	try docker exec one sh -c 'exit 3'
	assert_eq 3 "$status"
	# Of what is younger than a second the client asks nothing.
	events() { docker events --since 1h --until 0s --filter container="$box" --format '{{json .}}' | grep exec_ >"$T/events"; }
	ended() { events && [ "$(jq -r '.Actor.Attributes.exitCode // empty' "$T/events" | sort -n | tr '\n' ' ')" = "$1" ]; }
	wait_for ended '3 '
	assert_eq "exec_create: sh -c 'exit 3'
exec_start: sh -c 'exit 3'
exec_die" "$(jq -r .Action "$T/events")"
	assert_eq '"3"' "$(jq '.Actor.Attributes.exitCode // empty' "$T/events")"
	id=$(jq -r .Actor.Attributes.execID "$T/events" | sort -u)
	assert_eq 3 "$(api GET "/exec/$id/json" | jq .ExitCode)"
	# In the background too, and when there is no such program.
	docker exec -d one sh -c 'exit 4'
	try docker exec one nothing
	wait_for ended '3 4 127 '
}
@test "docker events: exec_create, exec_start and exec_die, by one id" {
	served exec_events
}

contexts() {
	local socket=$DOCKER_HOST
	docker run --name one --network none bb true
	unset DOCKER_HOST
	docker context create here --docker "host=$socket"
	docker context use here
	assert_eq here "$(docker context inspect --format '{{.Name}}')"
	assert_eq one "$(docker ps -a --format '{{.Names}}')"
	docker context use default
	docker context rm here
	export DOCKER_HOST=$socket
	docker rm one
}
@test "docker context use" {
	served 'clients contexts'
}

exec_terminal() {
	docker run -d --name one --network none bb sleep 1000
	tmux_start "docker exec -it one sh"
	wait_for seen '#'
	$s send-keys 'stty size; echo $((40+2))' Enter
	wait_for seen '^30 90'
	wait_for seen '^42'
	$s resize-window -x 100 -y 40
	# The client tells it by a request of its own, which may come after the keys.
	$s send-keys 'clear; until stty size | grep "^40 100"; do sleep 0.05; done' Enter
	wait_for seen '^40 100'
	$s send-keys 'exit 6' Enter
	wait_for seen 'left 6'
	$s kill-server
}
@test "docker exec -it: a terminal, its size" {
	requires tmux
	served exec_terminal
}

seen_and_ended() {
	local id
	id=$(docker run -d --name one --network none -l k=v bb sh -c 'trap "exit 7" TERM; echo ready; echo oops >&2; while :; do sleep 0.05; done')
	[[ $id =~ ^[0-9a-f]{64}$ ]]
	wait_for sh -c 'docker logs one 2>/dev/null | grep -q ready'
	assert_eq oops "$(docker logs one 2>&1 >/dev/null)"
	docker logs -t one 2>/dev/null | grep -qE '^[0-9-]{10}T[0-9:]{8}\.[0-9]{9}Z ready$'
	assert_eq "$id" "$(docker ps -q --no-trunc --filter label=k=v)"
	assert_eq "" "$(docker ps -q --filter name=other)"
	try docker ps --filter bogus=1
	assert_like "$output" "*Invalid filter 'bogus'*"
	docker ps --format '{{.Names}} {{.Image}} {{.State}} {{.Status}}' | grep -q '^one bb running Up '
	try docker rm one
	assert_like "$output" "*You cannot remove a running container $id*"
	try docker run --name one bb true
	assert_like "$output" "*Conflict. The container name \"/one\" is already in use by container \"$id\"*"
	docker rename one two
	docker top two | grep -q trap
	docker pause two
	assert_eq paused "$(docker inspect -f '{{.State.Status}}' two)"
	docker unpause two
	docker update -m 64m two
	assert_eq 67108864 "$(docker inspect -f '{{.HostConfig.Memory}}' two)"
	docker stop two
	assert_eq 7 "$(docker inspect -f '{{.State.ExitCode}}' two)"
	assert_eq 7 "$(docker wait two)"
	docker start two
	docker restart -t 1 two
	docker kill -s KILL two
	assert_eq 137 "$(docker wait two)"
	try docker kill two
	assert_like "$output" '*is not running*'
	docker rm two
	try docker inspect two
	assert_eq 1 "$status"
}
@test "docker logs, ps, top, rename, pause, update, stop, wait, restart, kill, rm" {
	served 'clients seen_and_ended'
}

follows() {
	docker run -d --name one --network none bb sh -c 'for i in 1 2 3 4 5; do echo $i; sleep 0.2; done'
	assert_eq '1 2 3 4 5' "$(timeout 10 docker logs -f one | tr '\n' ' ' | sed 's/ $//')"
	assert_eq '4 5' "$(docker logs --tail 2 one | tr '\n' ' ' | sed 's/ $//')"
	# Who leaves in the middle leaves nothing behind.
	docker run -d --name two --network none bb sleep 1000
	timeout 0.5 docker logs -f two || :
	local threads
	threads=$(ls "/proc/$APID/task" | wc -l)
	for _ in 1 2 3 4 5; do timeout 0.3 docker logs -f two || :; done
	wait_for sh -c "[ \$(ls /proc/$APID/task | wc -l) -le $((threads + 1)) ]"
}
@test "docker logs -f ends with the container, and with its client" {
	served follows
}

waits() {
	local box
	docker run --name one --network none bb sh -c 'while [ ! -e /go ]; do sleep 0.05; done; echo hello; exit 9' >"$T/a" &
	wait_for sh -c '[ "$(docker inspect -f "{{.State.Status}}" one)" = running ]'
	docker attach one >"$T/b" &
	# By its id: other tests had one of that name.
	box=$(docker inspect -f '{{.Id}}' one)
	attached() { [ "$(docker events --since 1h --until 0s --filter container="$box" --filter event=attach | wc -l)" = 2 ]; }
	wait_for attached
	docker exec one touch /go
	assert_eq 9 "$(docker wait one)"
	wait_for test -s "$T/b"
	assert_eq "hello hello" "$(cat "$T/a" "$T/b" | tr '\n' ' ' | sed 's/ $//')"
	assert_eq hello "$(docker start -a one || :)"
	# A failed start of one with --rm ends whoever waits for its removal.
	try timeout 20 docker run --rm --network none bb nothing
	assert_eq 127 "$status"
	docker run -d --rm --name two --network none bb sleep 1000
	# Its head comes at once: from then on nothing is missed.
	api POST '/containers/two/wait?condition=removed' >"$T/status" &
	wait_for grep -q 'HTTP/1.1 200' "$T/head"
	docker kill two
	wait $!
	assert_eq 137 "$(jq .StatusCode "$T/status")"
	try docker inspect two
	assert_eq 1 "$status"
}
@test "attached twice, before the start; docker wait" {
	served waits
}

options() {
	mkdir "$T/src"
	echo file >"$T/src/f"
	docker volume create v1
	docker run --name one --network none -v "$T/src:/mnt:ro" -v v1:/data --tmpfs /t -e X=y -w /data -h host -u 7 \
		--cpus 0.5 -m 32m --pids-limit 20 --read-only --cap-drop ALL --init -l a=b --restart no --stop-signal INT bb \
		sh -c 'cat /mnt/f; echo $X; pwd; hostname; id -u' >"$T/out"
	assert_eq "file y /data host 7" "$(tr '\n' ' ' <"$T/out" | sed 's/ $//')"
	docker inspect one | jq -e '.[0] | .HostConfig.NanoCpus == 500000000 and .HostConfig.Memory == 33554432 and
		.Config.StopSignal == "INT" and .HostConfig.ReadonlyRootfs and (.Mounts | length) == 2 and .Config.Labels.a == "b"' >/dev/null
	docker rm one
	try docker volume rm v1
	assert_eq v1 "$output"
	docker run -d --name two --network none --health-cmd true --health-interval 0.2s bb sleep 1000
	wait_for sh -c '[ "$(docker inspect -f "{{.State.Health.Status}}" two)" = healthy ]'
	wait_for sh -c 'docker ps | grep -q "(healthy)"'
	docker run -d --name three --network none --restart on-failure:1 bb false
	wait_for sh -c '[ "$(docker inspect -f "{{.RestartCount}} {{.State.Status}}" three)" = "1 exited" ]'
}
@test "docker run: mounts, limits, user, health, restart policy" {
	served options
}

copied() {
	local way
	docker run -d --name one --network none bb sh -c 'mkdir -p /dir/thing/sub; touch /dir/thing/sub/kept /dir/other; exec sleep 1000'
	wait_for docker exec one test -e /dir/other
	echo new >"$T/thing"
	mkdir -p "$T/other/sub"
	for way in running stopped; do
		[ $way = running ] || docker stop -t 0 one
		try docker cp "$T/thing" one:/dir
		assert_eq 1 "$status" "$output"
		assert_like "$output" '*cannot overwrite directory /dir/thing with non-directory thing'
		try docker cp "$T/other" one:/dir
		assert_eq 1 "$status" "$output"
		assert_like "$output" '*cannot overwrite non-directory /dir/other with directory other'
		docker cp one:/dir - | tar -t >"$T/list"
		assert_eq 'dir/ dir/other dir/thing/ dir/thing/sub/ dir/thing/sub/kept' "$(sort "$T/list" | xargs)"
	done
	docker cp "$T/thing" one:/dir/other
	assert_eq new "$(docker cp one:/dir/other - | tar -xO)"
	# Who does not ask for it gets what the tar has.
	tar -C "$T" -c thing >"$T/tar"
	assert_eq 400 "$(status_of PUT '/containers/one/archive?path=/dir&noOverwriteDirNonDir=1' -T "$T/tar")"
	assert_eq 200 "$(status_of PUT '/containers/one/archive?path=/dir&noOverwriteDirNonDir=0' -T "$T/tar")"
	assert_eq new "$(docker cp one:/dir/thing - | tar -xO)"
	rm -rf "$T/other" "$T/thing"
}
@test "docker cp: a directory gives way to no file, nor a file to a directory" {
	requires curl
	served 'clients copied'
}

published() {
	docker run -d --name web -p 127.0.0.1:8080:80 -p 81 bb sh -c 'echo hello >/tmp/w; exec httpd -f -p 80 -h /tmp'
	wait_for curl -fs http://127.0.0.1:8080/w
	assert_eq hello "$(curl -s http://127.0.0.1:8080/w)"
	assert_eq '127.0.0.1:8080' "$(docker port web 80)"
	docker port web 81 | grep -qE '^0.0.0.0:[0-9]+'
	docker ps | grep -q '127.0.0.1:8080->80/tcp'
	try docker run -d --name other -p 127.0.0.1:8080:80 bb sleep 10
	assert_eq 125 "$status"
	assert_eq created "$(docker inspect -f '{{.State.Status}}' other)"
}
@test "docker run -p, docker port" {
	served published
}
