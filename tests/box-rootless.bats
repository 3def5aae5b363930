#!/usr/bin/env bats
# Boxes of an ordinary user: in namespaces of his own, with a range of ids and with one id only.
load helpers
load box_helpers

setup_file() { boxer_setup_file; }
teardown_file() { boxer_teardown_file; }
setup() { boxer_test_setup; }
teardown() {
	rm -rf "/tmp/tacklebox-$((20000 + TBID % 10000))"
	boxer_test_teardown
}

@test "a user's box: root inside, his own ids outside, no right of the host's" {
	as_boxer box-run --rm --network none bb sh -c 'id -u; cat /proc/self/uid_map; grep CapBnd /proc/self/status;
		stat -c %u:%g /data/file; echo x >/data/new; ls /proc/self/fd; hostname other 2>&1; true' >"$T/out"
	run -0 cat "$T/out"
	[ "${lines[0]}" = 0 ]
	[[ ${lines[1]} =~ ^\ +0\ +65534\ +1$ ]]
	[[ ${lines[2]} =~ ^\ +1\ +500000\ +65536$ ]]
	[ "${lines[3]}" = $'CapBnd:\t00000000a80425fb' ]
	[ "${lines[4]}" = 7:8 ]
	# 3 is ls's own: the socket that keeps the namespaces does not come along.
	[ "${lines[*]:5:4}" = "0 1 2 3" ]
	assert_like "${lines[9]}" "hostname:*not permitted*"
	# What belongs to 7 inside is 500006's on the host: nobody can touch it but from within.
	run -0 find "$TB_DIR/home/.local/share/tacklebox/layers" -name file -printf '%U:%G\n'
	[ "$output" = 500006:500007 ]
}

# All of a user namespace's, whatever the host's root lacks.
@test "a user's privileged box has every capability, and who comes into it" {
	local words
	for words in --privileged '--cap-add ALL'; do
		# shellcheck disable=SC2086
		as_boxer box-run -d --name one --network none $words bb sh -c 'grep Cap[EB] /proc/self/status; exec sleep 60' >/dev/null
		wait_for as_boxer sh -c 'box-logs one | grep -q CapBnd'
		assert_eq 'CapEff: 000001ffffffffff CapBnd: 000001ffffffffff' "$(as_boxer box-logs one | xargs)" "$words"
		run -0 as_boxer box-exec one sed -n '/^Cap[EB]/p' /proc/self/status
		assert_eq 'CapEff: 000001ffffffffff CapBnd: 000001ffffffffff' "$(xargs <<<"$output")" "$words, box-exec"
		as_boxer box-rm -f one >/dev/null
	done
}

@test "a user's box lives: start, exec, logs, cp, ps, top, stats, diff, commit, stop, rm" {
	as_boxer box-run -d --name one --network none bb sh -c 'trap "exit 7" TERM; echo ready; while :; do sleep 0.05; done' >/dev/null
	wait_for as_boxer sh -c 'box-logs one | grep -q ready'
	run -0 as_boxer box-exec -u bob one id -u
	[ "$output" = 1000 ]
	run -0 as_boxer box-ps --json
	assert_json '.State == "running"'
	echo text >"$TB_DIR/home/file" && chmod 644 "$TB_DIR/home/file"
	as_boxer sh -c 'cd && box-cp file one:/data/cp'
	run -0 as_boxer box-exec one cat /data/cp
	[ "$output" = text ]
	run -0 as_boxer sh -c 'box-cp one:/data - | tar -t'
	assert_line data/cp
	run -0 as_boxer box-top one
	assert_like "$output" "*sh -c trap*"
	run -0 as_boxer box-stats --no-stream --json one
	assert_json '(.pids_stats.current // .PIDs // .pids // 1) | tonumber >= 1'
	run -0 as_boxer box-diff one
	assert_line "A /data/cp"
	as_boxer box-commit --no-pause one own >/dev/null 2>&1 || as_boxer box-commit one own >/dev/null
	run -0 as_boxer box-run --rm --network none own cat /data/cp
	[ "$output" = text ]
	as_boxer box-stop one >/dev/null
	run -0 as_boxer box-inspect one
	assert_json '(if type == "array" then .[0] else . end).State.ExitCode == 7'
	as_boxer box-start one >/dev/null
	as_boxer box-restart -t 0 one >/dev/null
	as_boxer box-kill one >/dev/null
	run -137 as_boxer box-wait one || :
	as_boxer box-rm one >/dev/null
	as_boxer img-rm own >/dev/null
}

@test "a user's volume has files of ids inside, and goes without root" {
	as_boxer vol-create data >/dev/null
	as_boxer box-run --rm --network none -v data:/v -u bob --tmpfs /x bb sh -c 'echo nothing' >/dev/null
	as_boxer box-run --rm --network none -v data:/v bb sh -c 'mkdir -m 700 /v/d && touch /v/d/f && chown -R bob /v/d'
	run -0 find "$TB_DIR/home/.local/share/tacklebox/volumes/data/_data/d" -printf '%U\n'
	[ "${lines[0]}" = 500999 ]
	as_boxer vol-rm data >/dev/null
}

@test "a user's published port: on the host, gone with the box, refused when in use" {
	as_boxer box-run -d --name web -p 127.0.0.1:8080:80 -p 8081:81/udp bb sh -c \
		'mkdir /w; echo page >/w/index.html; exec httpd -f -p 80 -h /w' >/dev/null
	wait_for as_boxer busybox wget -qO- http://127.0.0.1:8080
	run -0 as_boxer busybox wget -qO- http://127.0.0.1:8080
	[ "$output" = page ]
	run -0 as_boxer box-port web
	assert_line "80/tcp -> 127.0.0.1:8080"
	assert_line "81/udp -> 0.0.0.0:8081"
	# From an address that is not published it is not there.
	run ! as_boxer timeout 2 busybox wget -qO- http://192.0.2.2:8080
	run ! as_boxer box-run --rm -p 127.0.0.1:8080:80 bb true
	assert_like "$output" "*port is already allocated*"
	run -125 as_boxer box-run --rm -p 99999:80 bb true
	as_boxer box-rm -f web >/dev/null
	run ! as_boxer busybox wget -qO- http://127.0.0.1:8080
	as_boxer box-run --rm -p 127.0.0.1:8080:80 bb true
}

@test "much goes through a published port whole, both ways, and ends where it ends" {
	as_boxer box-run -d --name cat -p 127.0.0.1:8080:80 bb sh -c 'while :; do nc -lp 80 -e cat; done' >/dev/null
	run -0 as_boxer python3 - <<-'END'
		import socket, threading, os, time, hashlib
		data = os.urandom(8 << 20)
		for i in range(100):
		    try:
		        s = socket.create_connection(("127.0.0.1", 8080)); s.sendall(data[:1]); assert s.recv(1) == data[:1]; break
		    except (OSError, AssertionError): s.close(); time.sleep(0.1)
		t = threading.Thread(target=lambda: (s.sendall(data[1:]), s.shutdown(socket.SHUT_WR))); t.start()
		got = data[:1]
		while True:
		    b = s.recv(65536)
		    if not b: break
		    got += b
		t.join()
		print(hashlib.sha256(got).digest() == hashlib.sha256(data).digest(), len(got))
	END
	[ "$output" = "True 8388608" ]
}

@test "out: pasta leads to the host's network, and its loopback is not ours" {
	# The address of the host is also that of the boxes' network: so another one is asked.
	nsenter --target "$(<"$TB_DIR/boxer/pid")" --net ip addr add 192.0.2.9/24 dev out
	mkdir "$T/www" && echo outside >"$T/www/index.html"
	as_boxer busybox httpd -p 192.0.2.9:8089 -h "$T/www" 3>&-
	as_boxer busybox httpd -p 127.0.0.1:8090 -h "$T/www" 3>&-
	get='printf "GET / HTTP/1.0\r\n\r\n" | timeout 3 nc'
	wait_for as_boxer sh -c 'box-run --rm bb sh -c "$1 192.0.2.9 8089" | grep -q outside' - "$get"
	# Line by line, for a pasta of 2023 may send the same twice on a busy machine.
	run as_boxer box-run --rm bb sh -c "$get 127.0.0.1 8090; $get 10.88.0.1 8090; $get 192.0.2.1 8090; true"
	pkill -f "httpd -p .*$T/www"
	[[ $output != *outside* ]]
}

@test "three services of an ordinary user: up, scaled, killed, restarted, down" {
	cp "$TB_TESTS/three-services.sh" "$TB_DIR/home/" && chmod 755 "$TB_DIR/home/three-services.sh"
	as_boxer bash "$TB_DIR/home/three-services.sh" bb 8080
	run -0 as_boxer box-ps -aq
	[ -z "$output" ]
}

@test "the keeper killed: boxes go on, the next tool finds them, and all ends" {
	as_boxer box-run -d --name one --network none bb sleep 1000 >/dev/null
	as_boxer box-run -d --name two bb sleep 1000 >/dev/null
	local keeper
	keeper=$(pgrep -u nobody -f "rootless-keep .*$TB_DIR/home")
	kill -9 "$keeper"
	run -0 as_boxer box-exec one id -u
	[ "$output" = 0 ]
	run -0 as_boxer box-exec two ip addr show eth0
	as_boxer box-run --rm --link two:two bb ping -c 1 -W 5 two >/dev/null
	as_boxer box-rm -f one two >/dev/null
	wait_for boxer_is_gone
}

@test "box-mon killed: the box is over, and box-rm takes everything away without root" {
	as_boxer box-run -d --name one -p 127.0.0.1:8080:80 bb sleep 1000 >/dev/null
	kill -9 "$(pgrep -u nobody -f "^box-mon .*$TB_DIR/home")"
	wait_for as_boxer sh -c 'box-ps -a --json | grep -q exited'
	as_boxer box-rm one >/dev/null
	wait_for boxer_is_gone
	# The port is free, and so is the address.
	as_boxer box-run --rm -p 127.0.0.1:8080:80 bb true
}

@test "box-run killed at any moment leaves nothing that box-rm does not take" {
	local i pid
	for ((i = 0; i < $(rounds) / 2; i++)); do
		as_boxer box-run --name k --rm bb sleep 0.01 >/dev/null 2>&1 3>&- &
		pid=$!
		sleep "0.0$((i * 9 % 100 / 10))$((i % 10))"
		pkill -9 -P "$pid" 2>/dev/null || :
		kill -9 "$pid" 2>/dev/null || :
		wait "$pid" 2>/dev/null || :
		as_boxer box-rm -f k >/dev/null 2>&1 || :
		wait_for sh -c "! pgrep -u nobody -f '^box-mon .*$TB_DIR/home'"
	done
	as_boxer bash -c 'box-ps -aq | xargs -r box-rm -f' >/dev/null
	wait_for boxer_is_gone
}

@test "the host's network, processes and names for a user's box" {
	run -0 as_boxer box-run --rm --network host bb ip -o addr show out
	assert_like "$output" "*192.0.2.2/24*"
	run -0 as_boxer box-run --rm --network none --pid host bb sh -c 'test -d /proc/1 && echo yes'
	[ "$output" = yes ]
	run -0 as_boxer box-run --rm --network none --ipc host --uts host bb hostname
	[ "$output" = "$(hostname)" ]
}

@test "rootless-exec: root over one's own ids, tools find the way, one's places stay" {
	run -0 as_boxer rootless-exec -- id -u
	[ "$output" = 0 ]
	run -0 as_boxer sh -c 'cd && rootless-exec -- sh -c "touch a; chown 5:6 a; pwd; img-ls -q | wc -l; rootless-exec -- stat -c %u:%g a; rm a"'
	[ "${lines[0]}" = "$TB_DIR/home" ]
	[ "${lines[1]}" = 1 ]
	[ "${lines[2]}" = 5:6 ]
	run -7 as_boxer rootless-exec -- sh -c 'exit 7'
	run -127 as_boxer rootless-exec -- no-such-command
	run -125 as_boxer rootless-exec
	run -0 as_boxer rootless-exec --net -- ip -o addr show
	assert_like "$output" "*192.0.2.2*"
	# Root is there already.
	run -0 rootless-exec -- id -u
	[ "$output" = 0 ]
}

@test "many at once make one keeper, and it ends with the last" {
	local i
	for i in 1 2 3 4 5 6; do
		as_boxer box-run --rm --network none bb true 3>&- &
	done
	wait
	wait_for boxer_is_gone
}

@test "-x of a user's tool tells how it gets in, and then what root's tells" {
	run -0 --separate-stderr as_boxer box-run -x --rm --network none bb true
	assert_like "$stderr" "*exec *rootless-exec -- *box-run -x --rm*box-create*box-start*"
	run -0 as_boxer box-run -n --rm --network none bb true
	assert_like "$output" "*exec *rootless-exec -- *box-run -n --rm*"
}

@test "one id only: boxes run, other users cannot, and the reason is said" {
	run -0 as_nobody env -u TACKLEBOX_ROOT -u TACKLEBOX_RUN img-import --cmd '["/bin/sh"]' bb <"$TB_DIR/rootfs.tar"
	run -0 as_nobody env -u TACKLEBOX_ROOT -u TACKLEBOX_RUN box-run --rm --network none bb sh -c 'id -u; stat -c %u /data/file' || echo "$output"
	[ "${lines[0]}" = 0 ]
	[ "${lines[1]}" = 0 ]
	run -125 as_nobody env -u TACKLEBOX_ROOT -u TACKLEBOX_RUN box-run --rm --network none -u bob bb true
	assert_like "$output" "*cannot become group 1000*"
	as_nobody env -u TACKLEBOX_ROOT -u TACKLEBOX_RUN img-rm bb >/dev/null
	wait_for sh -c "! pgrep -u nobody -f 'rootless-keep .*$T/nobody'"
}

@test "dfile-build: owners, users, the cache, a network; nothing of it is left" {
	mkdir "$TB_DIR/home/context"
	echo text >"$TB_DIR/home/context/f"
	chown -R nobody "$TB_DIR/home/context"
	cat >"$TB_DIR/home/context/Dockerfile" <<-'END'
		FROM bb
		RUN id -u >/who; touch /a; chown 7:8 /a
		COPY --chown=bob f /f
		USER bob
		RUN ip route >/tmp/route
		CMD stat -c '%n %u:%g' /a /f /who /tmp/route; cat /who; grep -c ^default /tmp/route
	END
	as_boxer dfile-build -t mine "$TB_DIR/home/context" >"$T/out" 2>&1 || fail "$(<"$T/out")"
	grep -qx "Successfully tagged mine:latest" "$T/out"
	run -0 as_boxer dfile-build -q --network none -t mine "$TB_DIR/home/context"
	run -0 as_boxer box-run --rm --network none mine
	[ "$output" = $'/a 7:8\n/f 1000:1000\n/who 0:0\n/tmp/route 1000:1000\n0\n1' ]
	# What fails leaves nothing either; limits are kept, or it is said that they are not.
	printf 'FROM bb\nRUN exit 3\n' >"$TB_DIR/home/context/Dockerfile"
	run -1 as_boxer dfile-build -m 64m --network none "$TB_DIR/home/context"
	assert_like "$output" '*limits of the build are not kept*'
	assert_like "$output" '*Dockerfile:2*'
	as_boxer img-rm mine >/dev/null
	rm -r "$TB_DIR/home/context"
	wait_for boxer_is_gone
}

@test "the rest of what the README says a user may: net-*, vol-*, rename, export, events, attach, health, df, prune" {
	as_boxer net-create front >/dev/null
	as_boxer vol-create data >/dev/null
	as_boxer box-run -d --name one --network none -v data:/data --health-cmd true --health-interval 100ms bb \
		sh -c 'trap "exit 0" TERM; read line; echo got $line; while :; do sleep 0.05; done' >/dev/null
	as_boxer box-run -dit --name two --network front bb sh >/dev/null
	wait_for as_boxer sh -c 'box-inspect one | grep -q "\"Status\": \"healthy\""'
	as_boxer net-create back >/dev/null
	as_boxer net-connect --alias other back two
	run -0 as_boxer net-inspect back
	assert_json '[.Containers[].Name] == ["two"]'
	run -0 as_boxer box-exec two ls /sys/class/net
	assert_line eth1
	as_boxer net-disconnect back two
	run -0 as_boxer box-exec two ls /sys/class/net
	[[ $output != *eth1* ]]
	as_boxer box-resize two 31 97
	run -0 as_boxer box-exec -t two stty size -F /dev/pts/0
	assert_like "$output" '31 97*'
	as_boxer box-rename one uno
	run -0 as_boxer bash -c 'box-export uno | tar -t | grep -c "^data/file$"'
	[ "$output" = 1 ]
	run -0 as_boxer vol-ls -q
	[ "$output" = data ]
	run -0 as_boxer vol-inspect data
	assert_json '.Name == "data"'
	run -0 as_boxer box-events --since 1h --until 0s --json --filter event=rename
	assert_json '.Actor.Attributes.name == "uno"'
	run -0 as_boxer tb-df --json
	as_boxer box-rm -f two >/dev/null
	as_boxer box-stop -t 5 uno >/dev/null
	run -0 as_boxer tb-prune --json
	assert_json '.ContainersDeleted | length == 1'
	as_boxer vol-rm data >/dev/null
	as_boxer sh -c 'net-prune >/dev/null'
	wait_for boxer_is_gone
}

@test "root of a user namespace, as in a container without root: boxes run, in no group; what asks for one is warned" {
	cat >"$T/try" <<-'SH'
		img-import bb <"$1" >/dev/null || exit
		box-run -d --name one --network none bb sleep 1000 >/dev/null && box-exec one id -u && box-top one | tail -n 1
		box-run --rm --network none -m 64m bb echo more
		printf 'FROM bb\nRUN echo built >/built\n' | dfile-build --network none -q -t built - >/dev/null
		box-run --rm --network none built cat /built
		box-rm -f one
	SH
	run -0 as_nobody unshare --user --map-root-user --mount sh "$T/try" "$TB_DIR/rootfs.tar"
	assert_eq 0 "${lines[0]}"
	assert_like "${lines[1]}" '*sleep 1000'
	assert_like "$output" '*limits are not kept*more*built*one'
}

@test "further ids that no program here may map are none: his own alone" {
	# No newuidmap on this path.
	run -0 as_boxer env PATH="$BIN" TACKLEBOX_ROOT="$TB_DIR/home/alone" img-import alone <"$TB_DIR/rootfs.tar"
	run -0 find "$TB_DIR/home/alone/layers" -name file -printf '%u\n'
	[ "$output" = nobody ]
	rm -rf "$TB_DIR/home/alone"
}

@test "limits: a warning where no group is his, and nothing to pause" {
	run -0 --separate-stderr as_boxer box-run --rm --network none -m 64m bb true
	assert_like "$stderr" "box-start: warning: its limits are not kept: *"
	as_boxer box-run -d --name one --network none bb sleep 1000 >/dev/null
	run -1 as_boxer box-pause one
	run -0 as_boxer box-ps --json
	assert_json '.State == "running"'
}

@test "faults: whatever step of a user's box fails, nothing is left" {
	local n status
	for n in 1 2 3 4 6 8 11 14 18 22; do
		status=0
		as_boxer env TACKLEBOX_FAIL="step:EIO@$n" box-run --rm bb true >/dev/null 2>&1 || status=$?
		as_boxer bash -c 'box-ps -aq | xargs -r box-rm -f' >/dev/null
		wait_for boxer_is_gone || boxer_is_gone
	done
}

@test "tb-ledger of a user: what he has is listed, and nothing afterwards" {
	as_boxer box-run -d --name one bb sleep 1000 >/dev/null
	run as_boxer tb-ledger
	assert_like "$output" "*rootless-keep*"
	as_boxer box-rm -f one >/dev/null
	wait_for boxer_is_gone
	run as_boxer tb-ledger --json
	! grep -F "$TB_DIR/home" <<<"$output" || fail "$output"
}

# as_plain CMD…: as a user who has but one id, and no place that is his alone for what runs.
as_plain() {
	env -u TACKLEBOX_RUN -u XDG_RUNTIME_DIR HOME="$T" TMPDIR="$T" TACKLEBOX_ROOT="$T/state" TACKLEBOX_LINGER=0s \
		setpriv --reuid "$plain" --regid "$plain" --clear-groups timeout 30 "$@"
}

@test "below /tmp, where anybody may have been first, the place of what runs has to be the user's own" {
	local plain=$((20000 + TBID % 10000)) other run
	other=$((plain + 10000)) run=/tmp/tacklebox-$plain
	[ "$(stat -c %a /tmp)" = 1777 ] || skip "/tmp is not sticky"
	chmod 711 "$T"
	rm -rf "$run"
	setpriv --reuid "$other" --regid "$other" --clear-groups mkdir -m 777 "$run"
	mkdir "$T/kept" "$run/made"
	printf 'copy %s\n' "$T/kept" >"$run/made/copy-0000000000000000"
	run -125 --separate-stderr as_plain rootless-exec -- id -u
	[ -z "$output" ]
	assert_like "$stderr" "rootless-exec: cannot use $run: it belongs to uid $other, not to you"$'\n'"hint: *XDG_RUNTIME_DIR*"
	run -1 --separate-stderr as_plain tb-ledger --json
	assert_like "$stderr" "tb-ledger: cannot use $run: *"
	run -125 --separate-stderr as_plain env TACKLEBOX_ERRORS=json rootless-exec -- id -u
	[ "$(jq -r .class <<<"${stderr_lines[-1]}")" = denied ]
	# His own, but open to all.
	rm -rf "$run"
	as_plain mkdir -m 777 "$run"
	chmod 777 "$run"
	run -125 --separate-stderr as_plain rootless-exec -- id -u
	assert_like "$stderr" "rootless-exec: cannot use $run: others may write to it"$'\n'*
	# A way to somewhere else, though it be his own.
	rm -rf "$run"
	install -d -m 700 -o "$plain" -g "$plain" "$T/elsewhere"
	setpriv --reuid "$other" --regid "$other" --clear-groups ln -s "$T/elsewhere" "$run"
	run -125 --separate-stderr as_plain rootless-exec -- id -u
	assert_like "$stderr" "rootless-exec: cannot use $run: it is no directory"$'\n'*
	# What he makes himself is right.
	rm -rf "$run"
	run -0 as_plain rootless-exec -- id -u
	[ "$output" = 0 ]
	run -0 stat -c %u:%a "$run"
	[ "$output" = "$plain:700" ]
	wait_for plain_is_gone
	rm -rf "$run"
}
plain_is_gone() {
	! pgrep -u "$plain" >/dev/null
}

@test "who listens in the keeper's place and is another user is not asked, and not waited for" {
	local plain=$((20000 + TBID % 10000)) other pid
	other=$((plain + 10000))
	chmod 711 "$T"
	mkdir "$T/shared" && chmod 1777 "$T/shared"
	setpriv --reuid "$other" --regid "$other" --clear-groups env PATH=/usr/bin:/bin python3 - "$T/shared/rootless.sock" <<-'END' 3>&- &
		import os, socket, sys, time
		s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
		s.bind(sys.argv[1]); os.chmod(sys.argv[1], 0o777); s.listen(64)
		open(sys.argv[1] + ".ready", "w").close()
		time.sleep(3600)
	END
	pid=$!
	wait_for test -e "$T/shared/rootless.sock.ready"
	run --separate-stderr as_plain env TACKLEBOX_RUN="$T/shared" rootless-exec -- id -u
	kill "$pid"
	assert_status 125
	assert_like "$stderr" "rootless-exec: *"
	wait_for plain_is_gone
}
