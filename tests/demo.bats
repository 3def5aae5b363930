#!/usr/bin/env bats
# The walk of `make demo`: as root, as nobody, with another root file system, and interrupted.
load helpers

setup_file() { tb_setup_file; }
teardown_file() { tb_teardown_file; }
setup() { tb_setup; }
teardown() { tb_teardown; }

# In a network of its own, with a place of its own for the names of networks.
in_network() {
	TMPDIR=$T O=$TB_OUT unshare --net --mount sh -c 'mount -t tmpfs run /run && exec "$@"' - "$@"
}

demo() {
	in_network "$TB_TOP/tutorial/demo" "$@"
}

# Nothing of it stays: no directory, no mount, and the ledger was the last word.
nothing_left() {
	[ -z "$(ls -A "$T")" ] || fail "left: $(ls -A "$T")"
	! grep -q "$T" /proc/self/mountinfo
}

@test "the demo as root: a container with its own name, process 1, limit and network" {
	requires root cg1-memory overlay
	run demo
	assert_status 0
	assert_line 'box: process 1 of /proc/1 network lo'
	assert_line '100 MiB of memory: exit status 137'
	assert_line 'hello'
	[[ $output == *', 1 packets received, '* ]]
	[[ $output == *'$ tb-ledger'* ]]
	nothing_left
}

@test "the commands of the demo, typed by hand, do the same" {
	requires root cg1-memory overlay
	run demo
	assert_status 0
	# A command begins with "$ " and may go on over lines, up to the next line of another kind.
	printf '%s\n' "${lines[@]}" | sed -n 's/^\$ //p' >"$T/typed"
	(($(wc -l <"$T/typed") <= 15)) || fail "more lines than a person copies"
	run in_network bash -e "$T/typed"
	assert_status 0
	assert_line 'box: process 1 of /proc/1 network lo'
	assert_line '100 MiB of memory: exit status 137'
	rm "$T/typed"
	nothing_left
}

@test "the demo as nobody: the same without a group, in a user namespace" {
	requires userns
	run as_nobody env O="$TB_OUT" "$TB_TOP/tutorial/demo"
	assert_status 0
	assert_line 'box: process 1 of /proc/1 network lo'
	assert_line 'hello'
	[ -z "$(find "$T/nobody" -name 'tmp.*')" ]
}

@test "the demo with a root file system of one's own" {
	requires root cg1-memory overlay
	make_root "$T/mine"
	tar -C "$T/mine" -cf "$T/mine.tar" .
	rm -r "$T/mine"
	run demo "$T/mine.tar"
	assert_status 0
	assert_line 'box: process 1 of /proc/1 network lo'
	[[ $output == *"$ img-import demo <$T/mine.tar"* ]]
	rm "$T/mine.tar"
	nothing_left
}

@test "the demo takes everything away when it fails, and when it is interrupted" {
	requires root cg1-memory overlay
	echo 'this is no tar' >"$T/bad.tar"
	run demo "$T/bad.tar"
	assert_status 1
	rm "$T/bad.tar"
	nothing_left
	# A container that waits: the interrupt comes in the middle of everything.
	make_root "$T/mine"
	rm "$T/mine/bin/sh"
	printf '#!/bin/busybox sh\n: >/waiting; sleep 60\n' >"$T/mine/bin/sh"
	chmod +x "$T/mine/bin/sh"
	tar -C "$T/mine" -cf "$T/mine.tar" .
	rm -r "$T/mine"
	TMPDIR=$T O=$TB_OUT setsid unshare --net --mount sh -c \
		'mount -t tmpfs run /run && exec "$@"' - "$TB_TOP/tutorial/demo" "$T/mine.tar" \
		>"$T/out" 2>&1 3>&- &
	local pid=$! ended=0
	wait_for eval "test -e $T/tmp.*/upper/waiting"
	kill -TERM -- -$pid
	wait $pid || ended=$?
	[ $ended -ne 0 ]
	rm "$T/mine.tar" "$T/out"
	nothing_left
}

@test "where the host forbids user namespaces, the demo says so, and how to allow them" {
	requires userns
	run as_nobody env TACKLEBOX_FAIL=unshare:EPERM O="$TB_OUT" "$TB_TOP/tutorial/demo"
	[ "$status" -ne 0 ]
	[[ $output == *'ns-exec: cannot '*'(EPERM)'* ]]
	[[ $output == *'What this host allows, and how to allow the rest:'*' userns '* ]]
	[ -z "$(find "$T/nobody" -name 'tmp.*')" ]
}
