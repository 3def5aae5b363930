#!/usr/bin/env bats
# bats file_tags=chain
# The whole chain, as `make demo` walks it: an image's layers are mounted, a group is made, a process
# starts in both, and all of it goes again. Each tool has its own file; here they are one.

load helpers

setup_file() {
	tb_setup_file
	# One image for all tests: what they start from is read only.
	export STORE=$TB_DIR/store
	if ((EUID == 0)) || [[ -w $TB_DIR ]]; then
		make_root "$TB_DIR/rootfs"
		tar -C "$TB_DIR/rootfs" -c . | TACKLEBOX_ROOT=$STORE TACKLEBOX_RUN=$TB_DIR/run img-import \
			--cmd '["/bin/sh"]' chain >/dev/null
		chmod -R a+rX "$STORE"
	fi
}
teardown_file() { tb_teardown_file; }
setup() {
	tb_setup
	export TACKLEBOX_ROOT=$STORE
	G=$TB_NAME-$BATS_TEST_NUMBER
	cd "$T" || return
}
teardown() {
	cg-rm --kill "$G" >/dev/null 2>&1 || :
	tb_teardown
}

# up_and_down N COMMAND…: the chain around a command, number N so that several can stand side by side.
# Its status is the command's, 99 where something around it failed.
up_and_down() {
	local n=$1 status=0
	shift
	img-layers chain | ufs-mount -u "up$n" -w "work$n" "root$n" >/dev/null || return 99
	cg-create -m 64M -p 100 "$G/$n" >/dev/null || return 99
	cg-exec "$G/$n" -- ns-exec --all --root "root$n" --hostname "box$n" -- "$@" || status=$?
	cg-rm "$G/$n" || return 99
	ufs-mount --umount "root$n" || return 99
	rm -rf "up$n" "work$n" || return 99
	[[ ! -d root$n ]] || rmdir "root$n" || return 99
	return $status
}

# All that could be left of it on this host, by whatever name.
left_of_it() {
	grep -F "$T" /proc/self/mountinfo
	find /sys/fs/cgroup -type d -path "*$G/*"
	find "$TACKLEBOX_RUN" "$T" -mindepth 1 ! -name out ! -path "$TACKLEBOX_RUN" -print 2>/dev/null
	find "$STORE" | sort
	pgrep -f "root[0-9]* --hostname box"
	find /proc/self/fd -mindepth 1 -printf x
}

@test "the chain comes up, runs, and leaves nothing: round after round" {
	requires root overlay cg-memory
	local i before status
	cg-create "$G" >/dev/null
	before=$(left_of_it || :)
	for ((i = 1; i <= $(rounds); i++)); do
		status=0
		# shellcheck disable=SC2016 # the shell inside expands it
		up_and_down 1 sh -c 'echo $$ $(hostname) >/note; cat /note; exit 7' >"$T/out" || status=$?
		((status == 7)) || fail "round $i: status $status" || return
		assert_eq "1 box1" "$(<"$T/out")" "round $i" || return
	done
	assert_eq "$before" "$(left_of_it || :)" "left behind"
}

@test "eight chains side by side do not disturb each other" {
	requires root overlay cg-memory
	local i pids=() status bad=0 before
	cg-create "$G" >/dev/null
	before=$(left_of_it || :)
	for i in {1..8}; do
		up_and_down "$i" sh -c "hostname; exit 4$i" >"out.$i" 2>&1 3>&- &
		pids+=($!)
	done
	for i in {1..8}; do
		status=0
		wait "${pids[i - 1]}" || status=$?
		[[ $status == 4$i && $(<"out.$i") == "box$i" ]] || { echo "chain $i: $status"; cat "out.$i"; bad=1; }
	done
	rm -f out.*
	((bad == 0))
	assert_eq "$before" "$(left_of_it || :)" "left behind"
}

@test "what the program at the end of the chain sees" {
	requires root overlay cg-memory
	cg-create "$G" >/dev/null
	up_and_down 1 /probe a 'b c' '' >out 2>err </dev/null 5</dev/null
	assert_eq "" "$(<err)"
	output=$(<out)
	assert_json '.argv == ["/probe", "a", "b c", ""] and .pid == 1 and .cwd == "/" and .hostname == "box1"'
	assert_json '.uid == {real: 0, effective: 0, saved: 0, fs: 0} and .umask == "0022"'
	assert_json '.links == {lo: "up"}'
	assert_json '.cgroup | map(split(":")[2]) | unique == ["/"]'
	assert_json '.mounts[0].point == "/" and .mounts[0].fstype == "overlay" and .mounts[0].source == "tacklebox"'
	assert_json '[.mounts[].point] | contains(["/proc", "/dev", "/dev/pts", "/dev/shm", "/sys"])'
	# Nothing of the host shows, and nothing of ours.
	assert_json '[.mounts[].point | select(contains($t))] == []' --arg t "$T"
	assert_json '[.environ[] | select(startswith("TACKLEBOX_"))] == []'
	assert_json '.fds | keys == ["0", "1", "2"]'
	assert_json '.sig_ignored == ($here | fromjson) and .sig_blocked == []' \
		--arg here "$("$PROBE" | jq -c .sig_ignored)"
	assert_json '.cap_inh == [] and .cap_amb == []'
	local ns
	for ns in cgroup ipc mnt net pid uts; do
		assert_json ".ns.$ns != (\$here | tonumber)" --arg here "$(stat -L -c %i /proc/self/ns/$ns)"
	done
}

@test "the group's limits hold for the program: it is killed by its memory, not by others'" {
	requires root overlay cg-memory
	cg-create -m 20M "$G" >/dev/null
	run cg-exec "$G" -- "$PROBE" eat 200
	assert_status 137
	run cg-exec "$G" -- "$PROBE" eat 5
	assert_status 0
	cg-set -p 5 "$G"
	run cg-exec "$G" -- "$PROBE" fork 10
	assert_json '.forked < 10 and .errno == "EAGAIN"'
}

# ---- explained, failed, reported: through the chain ----

# bats test_tags=anywhere
@test "-x numbers the steps through the chain, and changes neither status nor output" {
	requires root cg-pids
	local n
	cg-create "$G" >/dev/null
	run --separate-stderr cg-exec -x "$G" -- ns-exec --uts --hostname tbtest -- ns-exec --pid -- \
		"$PROBE" exit 7
	assert_status 7
	assert_eq "" "$output"
	n=$(grep -c '^# [0-9]*\. ' <<<"$stderr")
	# The last step of one tool is the first number of all steps of the next.
	grep -q "^# $n\.1\. " <<<"$stderr" || fail "$stderr"
	[[ $(grep -cE "^# $n\.[0-9]+\. .*" <<<"$stderr") -gt 1 ]]
	[[ $(grep -cE "^# $n\.[0-9]+\.[0-9]+\. .*" <<<"$stderr") -gt 1 ]]
	printf '%s\n' "$stderr" >"$T/err"
	explained_well "$T/err"
	# Which of them is told is up to the first: without its -x nobody tells.
	run --separate-stderr cg-exec "$G" -- ns-exec --uts -- "$PROBE" exit 7
	assert_eq "" "$stderr"
}

# bats test_tags=anywhere
@test "the program is not told what the tools tell each other" {
	requires root cg-pids
	local fds
	cg-create "$G" >/dev/null
	"$PROBE" >out </dev/null 2>err 3>&-
	fds=$(jq -c '.fds | keys' out)
	TACKLEBOX_STATUS_FD=9 TACKLEBOX_ERRORS=json TACKLEBOX_FAIL=nothing:EIO@1 \
		cg-exec -x "$G" -- ns-exec --pid -- "$PROBE" >out </dev/null 2>err 3>&- 9>status
	output=$(<out)
	assert_json '[.environ[] | select(startswith("TACKLEBOX_"))] == []'
	assert_eq "$fds" "$(jq -c '.fds | keys' out)" "descriptors"
	[[ ! -s status ]] || fail "told of a failure: $(<status)"
}

# bats test_tags=anywhere
@test "the one that fails says so on the status descriptor, in one line" {
	requires root cg-pids
	cg-create "$G" >/dev/null
	run -127 env TACKLEBOX_STATUS_FD=9 cg-exec "$G" -- ns-exec --pid -- ./none 9>status
	assert_eq 1 "$(wc -l <status)"
	jq -e '.tool == "ns-exec" and .call == "execve" and .errno == "ENOENT" and .status == 127 and
		.class == "not-found" and .object == "./none"' status
	run -125 env TACKLEBOX_STATUS_FD=9 cg-exec "$G-none" -- ns-exec --pid -- true 9>status
	jq -e '.tool == "cg-exec" and .class == "not-found" and .status == 125' status
	run -125 env TACKLEBOX_STATUS_FD=9 TACKLEBOX_FAIL=clone:EPERM,unshare:EPERM \
		cg-exec "$G" -- ns-exec --pid -- true 9>status
	jq -e '.tool == "ns-exec" and .class == "denied" and .errno == "EPERM" and .status == 125' status
}

# bats test_tags=anywhere
@test "-n of a chain tells its own steps and ends in the rest; nothing is run" {
	requires root cg-pids
	cg-create "$G" >/dev/null
	run -0 cg-exec -n "$G" -- ns-exec --pid -- touch "$T/made"
	[[ ${lines[-1]} == "exec ns-exec --pid -- touch $T/made" ]]
	[[ ! -e $T/made ]]
	printf '%s\n' "$output" | sh
	[[ -e $T/made ]]
}

# Descriptors and the working directory of a caller that has more than others.
# bats test_tags=anywhere
@test "a caller's descriptors stay outside of a new root, and so does its directory" {
	requires root overlay cg-memory
	cg-create "$G" >/dev/null
	mkdir secret
	(
		cd secret || exit
		exec 7</etc 8<.. 9>"$T/out9"
		img-layers chain | ufs-mount -u ../up -w ../work ../root
		cg-exec "$G" -- ns-exec --all --root ../root -- /probe >"$T/out" </dev/null 3>&-
		ufs-mount --umount ../root
	)
	output=$(<out)
	assert_json '.fds | keys == ["0", "1", "2"]'
	assert_json '.cwd == "/"'
}

# Everything around the program fails once: whatever the step, the chain comes down clean.
# bats test_tags=anywhere
@test "each tool of the chain fails at each of its first steps, and the others clean up" {
	requires root overlay cg-memory
	local n status before
	cg-create "$G" >/dev/null
	before=$(left_of_it || :)
	for n in 1 2 3 4 5 6 8 10 12 15 20 25 30; do
		status=0
		(
			export TACKLEBOX_FAIL=step:EIO@$n
			img-layers chain | ufs-mount -u up1 -w work1 root1 &&
				cg-create -m 64M "$G/1" &&
				cg-exec "$G/1" -- ns-exec --all --root root1 -- /bin/true
		) >/dev/null 2>err || status=$?
		((status != 0 || n > 12)) || fail "step $n failed, and nobody noticed" || return
		! mountpoint -q root1 || ufs-mount --umount root1
		rm -rf up1 work1 root1 err
		[[ ! -d $(cg_dir memory)/$G/1 ]] || cg-rm "$G/1"
		assert_eq "$before" "$(left_of_it || :)" "step $n" || return
	done
}

# ---- without root ----

@test "the chain without root: an overlay and all namespaces in a user namespace" {
	requires userns overlay-user
	cat >"$T/rootless" <<-'END'
		set -e
		layers=$(img-layers chain)
		ns-exec --user --mount -- sh -ec '
			ufs-mount -u up -w work root '"$layers"' >/dev/null
			exec ns-exec --all --root root --hostname box -- sh -c "echo new >/note; hostname; /probe"
		'
		cat up/note
		rm -rf up work
	END
	chmod 0777 "$T"
	run -0 as_nobody env TACKLEBOX_ROOT="$STORE" sh "$T/rootless"
	assert_eq box "${lines[0]}"
	assert_eq new "${lines[-1]}"
	output=${lines[1]}
	assert_json '.pid == 1 and .uid.real == 0 and .links == {lo: "up"} and .cwd == "/"'
	assert_json '.mounts[0].fstype == "overlay" and (.mounts[0].super | contains("userxattr"))'
}
