#!/usr/bin/env bats
# bats file_tags=box
# Boxes when things go wrong, and boxes that mean harm.
load helpers
load box_helpers

setup_file() { box_setup_file; }
teardown_file() { tb_teardown_file; }
setup() { box_setup; }
teardown() {
	! mountpoint -q "$T/small" || umount -l "$T/small"
	box_teardown
}

mon_of() { pgrep -f "^[^ ]*box-mon .*$TACKLEBOX_ROOT/boxes/$(box-inspect "$1" | jq -r .Id)"; }

@test "a full disk: the log ends, the output does not; one error each, and nothing is left" {
	mkdir "$T/small"
	mount -t tmpfs -o size=8m tmpfs "$T/small"
	TACKLEBOX_ROOT=$T/small
	tar -C "$TB_DIR/rootfs" -c . | img-import --cmd '["/bin/sh"]' bb >/dev/null
	assert_eq 20000000 "$(timeout 30 box-run --name full --network none bb sh -c 'head -c 20000000 /dev/zero' | wc -c)"
	[ "$(stat -c %s "$T/small/names/full/log")" -lt 8000000 ]
	box-rm full >/dev/null
	dd if=/dev/zero of="$T/small/fill" bs=1k 2>/dev/null || :
	one_error() {
		local want=$1
		shift
		run "-$want" --separate-stderr "$@"
		assert_like "$stderr" '*(ENOSPC)*'
		assert_eq "" "$(find "$T/small/boxes" "$T/small/names" -mindepth 1)"
	}
	one_error 125 box-run --rm --network none bb true
	one_error 1 box-create --name one bb
	one_error 1 vol-create v
	rm "$T/small/fill"
	box-run --rm --network none bb true
	TACKLEBOX_ROOT=$TB_DIR/state
}

nothing_of() {
	! grep -F "$TACKLEBOX_ROOT" /proc/self/mountinfo || fail "mounted"
	[ -z "$(find /sys/fs/cgroup -type d -path "*tacklebox/$1*" 2>/dev/null)" ] || fail "a group"
	[ ! -e "$TACKLEBOX_RUN/${1:0:12}" ] || fail "its sockets: $(ls "$TACKLEBOX_RUN/${1:0:12}")"
}

@test "a parent that cannot begin: nothing is left, with --rm not even the box, and the next start works" {
	local id
	for how in box-start "box-start -a"; do
		id=$(box-create --name one --network none bb echo works)
		mkdir "$TACKLEBOX_ROOT/boxes/$id/log"
		run --separate-stderr -1 $how one
		assert_like "$stderr" "box-start: cannot start box ${id:0:12}: box-mon: cannot open */log: Is a directory (EISDIR)"
		[ -z "$output" ]
		nothing_of "$id"
		assert_eq created "$(state_of one Status)"
		rmdir "$TACKLEBOX_ROOT/boxes/$id/log"
		run -0 box-start -a one
		assert_eq works "$output"
		box-rm one >/dev/null
		id=$(box-create --rm --name two --network none bb echo works)
		mkdir "$TACKLEBOX_ROOT/boxes/$id/log"
		run --separate-stderr -1 $how two
		assert_like "$stderr" "box-start: cannot start box ${id:0:12}: box-mon: cannot open */log: Is a directory (EISDIR)"
		nothing_of "$id"
		assert_eq "" "$(find "$TACKLEBOX_ROOT/boxes" "$TACKLEBOX_ROOT/names" -mindepth 1)"
	done
}

@test "what could not be taken away after a start that failed is taken away by the next" {
	local id
	id=$(box-create --name one --network none bb echo works)
	mkdir "$TACKLEBOX_ROOT/boxes/$id/log"
	# A box-end that can do nothing.
	mkdir "$T/bin" && ln -s "$BIN"/* "$T/bin" && rm "$T/bin/box-end" "$T/bin/box-start"
	cp -L "$BIN/box-start" "$T/bin"
	printf '#!/bin/sh\nexit 1\n' >"$T/bin/box-end" && chmod +x "$T/bin/box-end"
	run ! "$T/bin/box-start" -a one
	grep -qF "$TACKLEBOX_ROOT" /proc/self/mountinfo
	rmdir "$TACKLEBOX_ROOT/boxes/$id/log"
	run -0 box-start -a one
	assert_eq works "$output"
	nothing_of "$id"
}

@test "after a reboot: what ran is seen as exited, and starts again" {
	box-run -d --name one --network none bb sleep 100 >/dev/null
	local id group mon
	id=$(box-inspect one | jq -r .Id)
	group=$(jq -r .linux.cgroupsPath "$TACKLEBOX_ROOT/boxes/$id/config.json")
	mon=$(mon_of one)
	# What a reboot does: no process, no group, no mount, no /run; the state stays.
	kill -9 "$mon"
	wait_for sh -c "! box-ps -q | grep -q ."
	cg-rm --kill "${group#/}" >/dev/null
	umount -l "$TACKLEBOX_ROOT/boxes/$id/root"
	rm -rf "$TACKLEBOX_RUN"
	assert_eq "exited 255 false" "$(box-inspect one | jq -r '"\(.State.Status) \(.State.ExitCode) \(.State.Running)"')"
	run -1 box-create --name one bb
	box-start one >/dev/null
	assert_eq running "$(box-inspect one | jq -r .State.Status)"
}

@test "after a reboot its pid may be anybody's: who holds its lock does not make that its process" {
	box-run -d --name one --network none bb sleep 100 >/dev/null
	local dir=$TACKLEBOX_ROOT/names/one victim copy group
	group=$(jq -r .linux.cgroupsPath "$dir/config.json")
	kill -9 "$(mon_of one)"
	wait_for sh -c "! box-ps -q | grep -q ."
	cg-rm --kill "${group#/}" >/dev/null
	umount -l "$dir/root"
	rm -rf "$TACKLEBOX_RUN"
	[ ! -e "$dir/exit" ]
	sleep 1000 3>&- & victim=$!
	echo "$victim" >"$dir/pid"
	# A copy that takes long holds the lock.
	mkfifo "$T/slow"
	exec 8<>"$T/slow"
	box-cp one:/bin - >&8 3>&- & copy=$!
	wait_for sh -c "! flock -n -s '$dir/lock' true"
	wait_for test -e "$dir/exit"
	assert_eq exited "$(box-inspect one | jq -r .State.Status)"
	run -1 box-kill one
	run -125 box-exec one true
	kill -0 "$victim"
	kill "$copy" "$victim"
	wait "$copy" "$victim" || :
	exec 8>&-
	assert_eq 255 "$(box-inspect one | jq .State.ExitCode)"
	box-rm one >/dev/null
}

@test "kill -9 of who attends: box-run goes, the box stays; a slow reader keeps nothing from the others" {
	box-run --name one --network none bb sh -c 'while :; do echo tick; sleep 0.05; done' >"$T/out" 3>&- & local client=$!
	wait_for grep -q tick "$T/out"
	kill -9 "$client"
	wait "$client" || :
	assert_eq running "$(box-inspect one | jq -r .State.Status)"
	# One that does not read at all, until its pipe is full, and then goes.
	mkfifo "$T/full"
	exec 8<>"$T/full"
	timeout -s KILL 10 box-attach one 3>&- </dev/null >&8 &
	timeout -s KILL 3 box-attach --no-stdin one >"$T/b" 3>&- </dev/null || :
	grep -q tick "$T/b"
	local before
	before=$(wc -l <"$TACKLEBOX_ROOT/names/one/log")
	wait_for sh -c "[ \$(wc -l <'$TACKLEBOX_ROOT/names/one/log') -gt $before ]"
	exec 8>&-
}

@test "races: removal with start, exec with stop, the image with run" {
	local i
	for i in $(seq "$(rounds)"); do
		box-create --name "r$i" --network none bb sleep 100 >/dev/null
		box-start "r$i" >/dev/null 2>&1 &
		box-rm -f "r$i" >/dev/null 2>&1 &
		wait
		box-rm -f "r$i" >/dev/null 2>&1 || :
		box-run -d --name "s$i" --network none bb sleep 100 >/dev/null
		for _ in 1 2 3; do box-exec "s$i" true >/dev/null 2>&1 & done
		box-stop -t 0 "s$i" >/dev/null 2>&1
		wait
		box-rm -f "s$i" >/dev/null
		img-tag bb "tmp:$i"
		box-run --rm --network none "tmp:$i" true >/dev/null 2>&1 &
		img-rm "tmp:$i" >/dev/null 2>&1 || :
		img-gc >/dev/null
		wait
	done
	box-run --rm --network none bb true
	assert_eq "" "$(box-ps -aq)"
}

@test "box-mon is small: ten of them take less than 300 kB each" {
	local i sum=0 n=0 pid
	for i in $(seq 10); do box-run -d --name "m$i" --network none bb sleep 100 >/dev/null; done
	for pid in $(pgrep -f "^[^ ]*box-mon .*$TACKLEBOX_ROOT/"); do
		sum=$((sum + $(awk '/^Pss:/ { print $2 }' "/proc/$pid/smaps_rollup")))
		n=$((n + 1))
	done
	assert_eq 10 "$n"
	[ $((sum / n)) -le 300 ] || [ -e "$TB_OUT/.san" ] || fail "$((sum / n)) kB each"
}

# HARDENING: runc 2016-9962, 2019-5736, 2021-43784 and its kin, 2022-29162, 2024-21626; moby 2018-10892,
# containerd 2020-15257.
@test "what a box sees of us: no descriptor, no program, no directory, no capability to inherit" {
	box-run -d --name one --network none bb sleep 100 >/dev/null
	for how in "box-run --rm --network none bb" "box-exec one" "box-exec --privileged one"; do
		# shellcheck disable=SC2086
		assert_eq "0 1 2 3" "$($how sh -c 'cd /proc/self/fd; echo *' </dev/null | xargs)" || return
		# shellcheck disable=SC2086
		assert_like "$($how grep CapInh /proc/self/status)" '*0000000000000000' || return
	done
	local n
	for n in 3 5 7 9 12; do
		run box-run --rm --network none -w "/proc/self/fd/$n" bb sh -c 'ls; pwd'
		[ "$status" -ne 0 ] || assert_eq "/" "$(realpath -m "${lines[-1]}")"
		run box-exec -w "/proc/self/fd/$n" one sh -c 'pwd; ls ..'
		[ "$status" -ne 0 ] || ! grep -q "$TACKLEBOX_ROOT" <<<"$output"
	done
	# Programs of ours that a box's own would run again, or write to.
	local sum
	sum=$(sha256sum "$BIN"/{ns-exec,ns-enter,box-exec,box-mon})
	box-exec one sh -c 'ln -sf /proc/self/exe /bin/evil; printf "#!/proc/self/exe\n" >/bin/evil2; chmod +x /bin/evil2'
	run timeout 5 box-exec one /bin/evil
	run timeout 5 box-exec one /bin/evil2
	box-exec one sh -c 'for p in /proc/[0-9]*; do (: >>$p/exe) 2>/dev/null; done; :'
	assert_eq "$sum" "$(sha256sum "$BIN"/{ns-exec,ns-enter,box-exec,box-mon})"
	# Masked and read-only, whatever the image says.
	run -0 box-exec one sh -c 'cat /proc/kcore /proc/keys /proc/timer_list 2>/dev/null | head -c 1 | wc -c; ls /sys/firmware | wc -l'
	assert_eq $'0\n0' "$output"
	run -1 box-exec one sh -c 'echo x >/proc/sysrq-trigger'
	! grep -q "@.*tacklebox\|@.*box" /proc/net/unix
}

@test "the state is closed to others, under any umask" {
	(umask 0; box-run -d --name one --network none -v vol:/v bb sleep 100 >/dev/null)
	local dir
	for dir in "$TACKLEBOX_ROOT/boxes" "$TACKLEBOX_ROOT/names/one/" "$TACKLEBOX_RUN"; do
		[ ! -d "$dir" ] || [ $(($(stat -c 0%a "$dir") & 07)) -eq 0 ] || [ $(($(stat -c 0%a "$dir") & 06)) -eq 0 ] ||
			fail "$dir: $(stat -c %a "$dir")"
	done
	box-exec one sh -c 'cp /bin/busybox /suid; chmod 4755 /suid'
	run -1 setpriv --reuid 65534 --regid 65534 --clear-groups stat "$TACKLEBOX_ROOT/names/one/upper/suid"
}

@test "who was attached and is killed takes nothing with him" {
	local i pids=()
	box-run -d --name one --network none bb sh -c 'while [ ! -e /end ]; do echo x; done; exit 5' >/dev/null
	for i in $(seq $(($(rounds) / 2 + 5))); do
		pids=()
		for _ in 1 2 3 4; do
			box-attach --no-stdin one >/dev/null 2>&1 &
			pids+=($!)
		done
		sleep "0.0$((RANDOM % 90 + 10))"
		kill -9 "${pids[@]}"
		wait "${pids[@]}" 2>/dev/null || :
	done
	assert_eq running "$(state_of one Status)"
	box-exec one touch /end
	assert_eq 5 "$(box-wait one)"
}

# Nothing more comes of it: its client reads nothing, and so it waits.
is_still() {
	local before
	before=$(stat -c %s "$TACKLEBOX_ROOT/names/one/log")
	sleep 0.1
	[ "$before" -gt 100000 ] && [ "$(stat -c %s "$TACKLEBOX_ROOT/names/one/log")" = "$before" ]
}

@test "a client that is stopped keeps no box from its end, and has all of it when it goes on" {
	local client end got
	for end in "box-stop -t 0 one" "box-kill one" "box-rm -f one"; do
		rm -f "$T/out"
		box-run --name one --network none bb sh -c 'echo error >&2; i=0; while :; do i=$((i + 1)); printf "%0200d\n" $i; done' \
			>"$T/out" 2>"$T/err" 3>&- &
		client=$!
		wait_for test -s "$T/out"
		kill -STOP "$client"
		wait_for is_still
		ln -f "$TACKLEBOX_ROOT/names/one/log" "$T/log"
		timeout -s KILL 10 $end >/dev/null || fail "$end: status $?"
		[[ $end == box-rm* ]] || assert_eq 137 "$(timeout -s KILL 10 box-wait one)"
		kill -CONT "$client"
		got=0
		wait "$client" || got=$?
		assert_eq 137 "$got"
		cmp <(jq -j 'select(.stream == "stdout").log' "$T/log") "$T/out"
		assert_eq error "$(<"$T/err")"
		[[ $end == box-rm* ]] || box-rm one >/dev/null
	done
}

@test "a client that reads when the program has ended already has all of it, and its status" {
	local client n got
	for n in 150000 200000 230000 260000 290000; do
		rm -f "$T/out"
		box-run --name one --network none bb sh -c \
			"echo begin; while [ ! -e /go ]; do sleep 0.02; done; head -c $n /dev/urandom; echo end >&2; exit 7" \
			>"$T/out" 2>"$T/err" 3>&- &
		client=$!
		wait_for grep -q begin "$T/out"
		kill -STOP "$client"
		box-exec one touch /go
		# How much fits on the way is the kernel's to say: the largest may wait for the client.
		TB_WAIT=1 wait_for test -e "$TACKLEBOX_ROOT/names/one/exit" >/dev/null || :
		kill -CONT "$client"
		n=$((n + 6))
		got=0
		wait "$client" || got=$?
		assert_eq 7 "$got"
		assert_eq "$n" "$(stat -c %s "$T/out")"
		assert_eq end "$(<"$T/err")"
		box-rm one >/dev/null
	done
}
