#!/usr/bin/env bats
# Boxes of an ordinary user under strain: at random, with what he uses killed, with another program that
# leads out; and that nothing of it is left.
load helpers
load box_helpers

setup_file() { boxer_setup_file; }
teardown_file() { boxer_teardown_file; }
setup() { boxer_test_setup; }
teardown() { boxer_test_teardown; }

@test "ten boxes on three networks, connected, disconnected, killed and started at random" {
	requires python3
	cp "$TB_TESTS/random-days.sh" "$TB_TESTS/dns.py" "$TB_DIR/home/"
	BOXER_TIME=$((${TEST_DAYS:-0} + 300)) as_boxer bash "$TB_DIR/home/random-days.sh" bb $(($(rounds) * 2)) "${TEST_DAYS:-0}" \
		"$TB_DIR/home/run/tacklebox" >"$T/out" || fail "$(<"$T/out")"
	[[ $(<"$T/out") =~ ^[0-9]+' steps in ' ]]
	wait_for boxer_is_gone
}

@test "the host's network after another one: in one build, and of boxes started together" {
	local host
	host=$(readlink "/proc/$(<"$TB_DIR/boxer/pid")/ns/net")
	mkdir "$TB_DIR/home/context"
	printf '%s\n' 'FROM bb' 'RUN ip route | grep -c ^default >/a' 'RUN --network=host readlink /proc/self/ns/net >/b' \
		'RUN --network=none ls /sys/class/net >/c' 'RUN ip route | grep -c 10.88 >/d' >"$TB_DIR/home/context/Dockerfile"
	chown -R nobody "$TB_DIR/home/context"
	as_boxer dfile-build -q --allow network.host -t mine "$TB_DIR/home/context" >"$T/out" 2>&1 || fail "$(<"$T/out")"
	rm -r "$TB_DIR/home/context"
	run -0 as_boxer box-run --rm --network none mine cat /a /b /c /d
	assert_eq "1 $host lo 2" "$(xargs <<<"$output")"
	as_boxer img-rm mine >/dev/null
	as_boxer box-create --name one bb sleep 1000 >/dev/null
	as_boxer box-create --name two --network host bb sleep 1000 >/dev/null
	as_boxer box-start one two >/dev/null
	assert_eq "$host" "$(as_boxer box-exec two readlink /proc/self/ns/net)"
	[ "$host" != "$(as_boxer box-exec one readlink /proc/self/ns/net)" ]
}

# without_pasta COMMAND…: where there is no pasta, and slirp4netns leads out.
without_pasta() {
	local at=("nsenter" --target "$(<"$TB_DIR/boxer/pid")" --mount --) got=0
	"${at[@]}" mount --bind /dev/null "$(readlink -f "$(command -v pasta)")"
	set +e
	(set -e; "$@")
	got=$?
	as_boxer bash -c 'box-ps -aq | xargs -r box-rm -f' >/dev/null
	wait_for boxer_is_gone || got=1
	"${at[@]}" umount "$(readlink -f "$(command -v pasta)")"
	return $got
}
by_slirp() {
	as_boxer box-run -d --name web -p 127.0.0.1:8080:80 bb sh -c \
		'mkdir /w; echo page >/w/index.html; exec httpd -f -p 80 -h /w' >/dev/null
	pgrep -u nobody -f "slirp4netns .*$TB_DIR/home"
	wait_for as_boxer busybox wget -qO- http://127.0.0.1:8080
	assert_eq page "$(as_boxer busybox wget -qO- http://127.0.0.1:8080)"
	# A stream of a megabyte, out and back.
	as_boxer box-exec web sh -c 'head -c 1000000 /dev/zero >/w/much'
	assert_eq 1000000 "$(as_boxer busybox wget -qO- http://127.0.0.1:8080/much | wc -c)"
	as_boxer busybox httpd -p 192.0.2.2:8089 -h "$T/www" 3>&-
	as_boxer busybox httpd -p 127.0.0.1:8090 -h "$T/www" 3>&-
	wait_for as_boxer box-exec web timeout 3 wget -qO- http://192.0.2.2:8089
	assert_eq outside "$(as_boxer box-exec web timeout 3 wget -qO- http://192.0.2.2:8089)"
	# Not what listens on the host's loopback, by no name of it.
	as_boxer box-exec web sh -c 'for a in 127.0.0.1 10.0.2.2 10.88.0.1; do timeout 3 wget -qO- http://$a:8090; done; true' >"$T/loopback" 2>&1
	pkill -f "httpd -p .*$T/www"
	grep -q . "$T/loopback"
	[[ $(<"$T/loopback") != *outside* ]]
	as_boxer box-rm -f web >/dev/null
	as_boxer bash "$TB_DIR/home/three-services.sh" bb 8080
}

@test "slirp4netns leads out where there is no pasta, which comes first" {
	requires slirp4netns
	mkdir "$T/www" && echo outside >"$T/www/index.html"
	cp "$TB_TESTS/three-services.sh" "$TB_DIR/home/"
	as_boxer box-run -d --name first bb sleep 1000 >/dev/null
	run -0 pgrep -u nobody -f "pasta .*--netns $TB_DIR/home"
	run -1 pgrep -u nobody -f "slirp4netns .*$TB_DIR/home"
	as_boxer box-rm -f first >/dev/null
	wait_for boxer_is_gone
	without_pasta by_slirp
}

# A name server of the host's loopback, as systemd-resolved's.
resolved() {
	local at=(nsenter --target "$(<"$TB_DIR/boxer/pid")" --mount --net --) got=0 server
	echo nameserver 127.0.0.1 >"$T/resolv"
	"${at[@]}" mount --bind "$T/resolv" /etc/resolv.conf
	"${at[@]}" python3 "$TB_TESTS/dns.py" serve 127.0.0.1 "$T/asked" 3>&- &
	server=$!
	set +e # what is behind it is to be taken away in any case
	(set -e; wait_for grep -q ready "$T/asked"; "$@")
	got=$?
	as_boxer bash -c 'box-ps -aq | xargs -r box-rm -f; net-prune' >/dev/null
	wait_for boxer_is_gone || got=1
	kill "$server"
	"${at[@]}" umount /etc/resolv.conf
	return $got
}
hears_the_host() {
	as_boxer net-create front >/dev/null
	as_boxer box-run --rm bb nslookup one.test >"$T/out" 2>&1 || fail "$(<"$T/out")"
	as_boxer box-run --rm --network front bb nslookup two.test >"$T/out" 2>&1 || fail "$(<"$T/out")"
	assert_like "$(<"$T/out")" "*192.0.2.9*"
	as_boxer box-run --rm --network host bb nslookup three.test >"$T/out" 2>&1 || fail "$(<"$T/out")"
	printf '%s\n' 'FROM bb' 'RUN nslookup four.test' >"$T/Dockerfile"
	as_boxer dfile-build -q --no-cache - <"$T/Dockerfile" >"$T/out" 2>&1 || fail "$(<"$T/out")"
	local name
	for name in one two three four; do
		grep -qx "$name.test" "$T/asked" || fail "nobody asked for $name.test"
	done
	# That is all of the loopback that is reached.
	assert_eq "nameserver 10.0.2.3" "$(as_boxer box-run --rm bb cat /etc/resolv.conf)"
	assert_eq "nameserver 127.0.0.1" "$(as_boxer box-run --rm --network host bb cat /etc/resolv.conf)"
}

@test "a name server on the host's loopback is heard in boxes, networks and builds: by pasta" {
	requires python3
	resolved hears_the_host
}

@test "the same by slirp4netns" {
	requires python3 slirp4netns
	without_pasta resolved hears_the_host
}

# own CMD…: with a state of its own, which is to go altogether.
own() { as_boxer env TACKLEBOX_ROOT="$TB_DIR/home/own" TACKLEBOX_RUN="$TB_DIR/home/own.run" "$@"; }
nothing_of_own_runs() { ! pgrep -u nobody -f "$TB_DIR/home/own"; }

@test "nothing is left, and nothing was for root to clean: boxes, volumes, networks, builds, then the images" {
	own img-import --cmd '["/bin/sh"]' bb <"$TB_DIR/rootfs.tar" >/dev/null
	own vol-create data >/dev/null
	own net-create front >/dev/null
	own box-run -d --name one --network front -v data:/v -p 127.0.0.1:8080:80 bb \
		sh -c 'mkdir -m 700 /v/d /d; touch /v/d/f /d/f; chown -R 1000:1000 /v/d /d; sleep 1000' >/dev/null
	own box-run -d --name two --restart always -u 1000 bb sleep 1000 >/dev/null
	run -3 own box-run --name three bb sh -c 'chown 5:6 /etc/passwd; exit 3'
	printf '%s\n' 'FROM bb' 'RUN touch /x; chown 7:8 /x' | own dfile-build -q -t mine - >/dev/null
	# Files of ids that are not the user's own: only from inside they go.
	wait_for sh -c "find '$TB_DIR/home/own/boxes' '$TB_DIR/home/own/volumes' -uid 500999 | grep -q ."
	own box-stop -t 0 one two >/dev/null
	own tb-prune --all --volumes >/dev/null
	own vol-prune --all >/dev/null
	wait_for nothing_of_own_runs
	assert_eq '' "$(find "$TB_DIR/home/own/"{boxes,names,volumes,nets,layers,build} "$TB_DIR/home/own.run" -mindepth 1 \
		! -type d ! -name '*.lock' ! -name .lock 2>/dev/null || :)"
	assert_eq '' "$(find "$TB_DIR/home/own/"{boxes,volumes,layers} -mindepth 1 -maxdepth 1 -type d)"
	assert_eq tacklebox0 "$(ls "$TB_DIR/home/own.run/leases")"
	assert_eq '' "$(grep -F "$TB_DIR/home/own" "/proc/$(<"$TB_DIR/boxer/pid")/mountinfo" || :)"
	# The rest is the user's alone, and a plain rm does it.
	as_boxer rm -rf "$TB_DIR/home/own" "$TB_DIR/home/own.run"
	[ ! -e "$TB_DIR/home/own" ] && [ ! -e "$TB_DIR/home/own.run" ]
}

# The keeper is killed at any moment: what runs goes on, the next tool starts another.
@test "kill -9 of rootless-keep at random: the next tools find their way, and all ends" {
	local i keeper
	as_boxer box-run -d --name stays --network none bb sleep 1000 >/dev/null
	as_boxer box-run -d --name linked bb sleep 1000 >/dev/null
	for ((i = 0; i < $(rounds); i++)); do
		as_boxer box-run --rm --network none bb true >/dev/null 2>&1 3>&- &
		sleep "0.0$((RANDOM % 10))"
		keeper=$(pgrep -u nobody -f "rootless-keep .*$TB_DIR/home" || :)
		# shellcheck disable=SC2086 # one a word
		[ -z "$keeper" ] || kill -9 $keeper 2>/dev/null || :
		wait $! || :
		assert_eq 0 "$(as_boxer box-exec stays id -u)"
		((i % 4)) || as_boxer box-run --rm --link linked:linked bb ping -c 1 -W 5 linked >/dev/null
	done
	as_boxer bash -c 'box-ps -aq | xargs box-rm -f' >/dev/null
	wait_for boxer_is_gone
}

# one PATTERN: the number of the one process of his that has it.
one() { pgrep -u nobody -f "$1" | { read -r pid && ! read -r _ && echo "$pid"; }; }

@test "what a box needs is there for the next one, for a while; what was killed of it comes back" {
	local keeper pasta
	BOXER_LINGER=30s as_boxer box-run --rm bb true
	keeper=$(one "rootless-keep .*$TB_DIR/home")
	pasta=$(one "pasta .*--netns $TB_DIR/home")
	as_boxer box-run --rm bb true
	assert_eq "$keeper $pasta" "$(one "rootless-keep .*$TB_DIR/home") $(one "pasta .*--netns $TB_DIR/home")"
	kill -9 "$pasta"
	wait_for sh -c "! kill -0 $pasta || grep -q ') Z ' /proc/$pasta/stat"
	as_boxer box-run --rm bb sh -c 'ip route | grep -q ^default'
	[ "$(one "pasta .*--netns $TB_DIR/home")" != "$pasta" ]
	assert_eq "$keeper" "$(one "rootless-keep .*$TB_DIR/home")"
	kill -9 "$keeper"
	as_boxer box-run --rm bb true
	wait_for boxer_is_gone
	# Without a word of how long it is a second.
	as_boxer env -u TACKLEBOX_LINGER box-run --rm bb true
	wait_for boxer_is_gone
	run -125 as_boxer env TACKLEBOX_LINGER=soon box-run --rm bb true
	assert_like "$output" "*linger*"
}
