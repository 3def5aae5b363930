#!/usr/bin/env bats
# bats file_tags=cgroup
# shellcheck disable=SC2030,SC2031 # each test is a subshell of its own, as is meant
# Control groups: cg-freeze, cg-stat, cg-rm, and hosts with other trees than this one.
load helpers
load cg_helpers

setup_file() { cg_setup_file; }
teardown_file() { tb_teardown_file; }
setup() {
	tb_setup
	requires root cg-pids
	g=$TB_NAME-e
}
teardown() {
	end_groups
	tb_teardown
}

# counting NAME: a program in the group that counts in $T/count as fast as it can.
counting() {
	# shellcheck disable=SC2016 # for the inner shell
	in_background cg-exec "$1" -- bash -c 'while :; do echo $((n++)) >"$0"; done' "$T/count"
	wait_for test -s "$T/count"
}
counts() {
	local before
	before=$(<"$T/count")
	wait_for not_equal "$before"
}
not_equal() { [[ $(<"$T/count") && $(<"$T/count") != "$1" ]]; }
# Two looks, with more between them than a running counter needs for one step.
stands() {
	local before i
	before=$(<"$T/count")
	for ((i = 0; i < 50; i++)); do [[ $(<"$T/count") == "$before" ]] || return; done
}

sleeper() {
	in_background cg-exec "$1" -- sleep 600
	sleeper=$!
	wait_for in_group "$1" "$sleeper"
}
in_group() { grep -qx "$2" <(members "$1") && [[ $(<"/proc/$2/comm") == sleep ]]; }
frozen() { grep -qxs -e FROZEN -e 'frozen 1' "$CG_DIR_freezer/$1/freezer.state" "$CG_DIR_pids/$1/cgroup.events"; }

# ---- cg-freeze ----

@test "a frozen group stands still, with the groups below it, and goes on when thawed" {
	cg-create "$g/a"
	counting "$g/a"
	counts
	run -0 cg-freeze "$g"
	assert_eq '' "$output"
	frozen "$g"
	stands || fail "it goes on"
	run -0 cg-freeze "$g"
	run -1 cg-freeze --thaw -t 50ms "$g/a"
	assert_error cg-freeze "cannot thaw group $g/a: * (ETIMEDOUT)" '*above*'
	stands || fail "it goes on"
	cg-freeze --thaw "$g"
	counts
	cg-freeze --thaw "$g"
}

@test "a group without processes freezes too, and one that joins stops" {
	cg-create "$g"
	cg-freeze "$g"
	frozen "$g"
	# shellcheck disable=SC2016 # for the inner shell
	in_background cg-exec "$g" -- sh -c 'echo $$ >"$0"' "$T/pid"
	wait_for grep -q . "${CG_DIR_freezer:-$CG_DIR_pids}/$g/cgroup.procs"
	[[ ! -s $T/pid ]]
	cg-freeze --thaw "$g"
	wait_for test -s "$T/pid"
}

# bats test_tags=anywhere
@test "a freeze that fails leaves nobody frozen" {
	cg-create "$g"
	sleeper "$g"
	thawed() { ! frozen "$g" || fail "still frozen"; }
	faults_walk thawed -- cg-freeze "$g"
	((faults == 2))
	frozen "$g"
	cg-rm --kill "$g"
}

# ---- cg-rm ----

@test "a group with a process in it is in use, and stays whole" {
	cg-create -p 20 "$g/a"
	sleeper "$g/a"
	local before
	before=$(group_dirs "$g"; group_dirs "$g/a")
	TACKLEBOX_ERRORS=json run -1 cg-rm "$g"
	assert_like "${lines[0]}" "cg-rm: cannot remove group $g: 1 process ($sleeper) is in it: * (EBUSY)"
	assert_like "${lines[1]}" "hint: --kill *"
	jq -e '.class == "in-use"' <<<"${lines[2]}"
	assert_eq "$before" "$(group_dirs "$g"; group_dirs "$g/a")"
	kill -0 "$sleeper"
	cg-rm --kill "$g"
	status=0
	wait "$sleeper" || status=$?
	assert_eq 137 "$status"
	assert_eq '' "$(group_dirs "$g")"
}

@test "kill ends frozen processes, in groups below too, and those of the groups between" {
	cg-create "$g/a/b"
	cg-create "$g/c"
	# On v2 a group that has groups below it may hold none itself.
	[[ $CG_VERSION_pids == 2 ]] || sleeper "$g"
	sleeper "$g/a/b"
	sleeper "$g/c"
	cg-freeze "$g/a/b"
	cg-freeze "$g/c"
	cg-rm --kill "$g"
	assert_eq '' "$(group_dirs "$g")"
	wait || :
}

@test "kill ends a program that makes new ones as fast as it can" {
	cg-create -p 60 "$g"
	# shellcheck disable=SC2016 # for the inner shell
	in_background cg-exec "$g" -- bash -c 'f() { : >"$0.$BASHPID"; f & f & }; f 2>/dev/null' "$T/bomb"
	wait_for compgen -G "$T/bomb.*"
	cg-rm --kill "$g"
	assert_eq '' "$(group_dirs "$g")"
}

@test "kill finds a process that somebody put into one tree alone by hand (v1)" {
	requires cg1-memory
	cg-create "$g"
	in_background sleep 600
	local pid=$!
	echo "$pid" >"$CG_DIR_memory/$g/tasks"
	run -1 cg-rm "$g"
	assert_error cg-rm "*1 process ($pid) is in it*" '*'
	cg-rm --kill "$g"
	status=0
	wait "$pid" || status=$?
	assert_eq 137 "$status"
}

@test "kill and freeze from inside are refused" {
	cg-create "$g"
	run -1 timeout -s KILL 20 cg-exec "$g" -- cg-rm --kill "$g"
	assert_error cg-rm "cannot kill the processes of group $g: this one is among them"
	run -1 timeout -s KILL 20 cg-exec "$g" -- cg-freeze "$g"
	assert_error cg-freeze "cannot freeze the processes of group $g: this one is among them"
	[[ -n $(group_dirs "$g") ]]
}

# bats test_tags=anywhere
@test "several groups, and the first that fails ends it" {
	cg-create "$g-1" && cg-create "$g-2" && cg-create "$g-3"
	cg-rm "$g-1" "$g-2"
	assert_eq '' "$(group_dirs "$g-1")$(group_dirs "$g-2")"
	run -1 cg-rm "$g-1" "$g-3"
	assert_error cg-rm "cannot find group $g-1: *" '*'
	[[ -n $(group_dirs "$g-3") ]]
	cg-rm "$g-3"
}

@test "a removal that fails half-way can be done again" {
	made() { cg-create "$g/a" >/dev/null; }
	again() {
		[[ ! $(group_dirs "$g") ]] || cg-rm --kill "$g" || return
		assert_eq '' "$(group_dirs "$g")" && made
	}
	made
	faults_walk again -- cg-rm "$g"
	assert_eq '' "$(group_dirs "$g")"
	occupied() {
		! frozen "$g" || fail "left frozen" || return
		again && sleeper "$g/a"
	}
	made
	sleeper "$g/a"
	faults_walk occupied -- cg-rm --kill "$g"
	((faults >= 3))
	assert_eq '' "$(group_dirs "$g")"
}

@test "replay: the scripts of cg-rm and cg-freeze are true" {
	made() { cg-create "$g/a" >/dev/null; }
	busy() {
		made
		cg-exec "$g/a" -- sleep 600 </dev/null >/dev/null 2>&1 3>&- &
		sleeper=$!
		wait_for in_group "$g/a" "$sleeper"
	}
	busy_and_frozen() { busy && cg-freeze "$g/a"; }
	away() { cg-rm --kill "$g"; }
	state() { ! frozen "$g" || echo frozen; }
	here() { group_dirs "$g"; }
	replay_same -p made here -- cg-rm "$g"
	replay_same -p busy here -- cg-rm --kill "$g"
	replay_same -p busy_and_frozen here -- cg-rm --kill "$g"
	replay_same -p busy -c away state -- cg-freeze "$g"
	frozen_all() { busy && cg-freeze "$g"; }
	replay_same -p frozen_all -c away state -- cg-freeze --thaw "$g"
}

# ---- cg-stat ----

@test "figures as JSON: every key, whatever this host counts" {
	cg-create -p 9 "$g"
	run -0 cg-stat --json "$g"
	assert_json 'keys == ["cpu_usec", "memory", "memory_inactive", "memory_limit", "memory_peak", "name", "oom_kills",
		"periods", "pids", "pids_denied", "pids_limit", "read_bytes", "reads", "swap",
		"system_usec", "throttled", "throttled_usec", "user_usec", "write_bytes", "writes"]'
	assert_json '.pids == 0 and .pids_limit == 9 and .pids_denied == 0'
	assert_json '[.[] | select(. != null and type != "number" and type != "string")] == []'
	sleeper "$g"
	run -0 cg-stat --json "$g"
	assert_json '.pids == 1'
	cg-rm --kill "$g"
}

@test "a table for people: a line a group, the columns under their headings" {
	cg-create -p 9 "$g-1" && cg-create "$g-2"
	run -0 cg-stat "$g-1" "$g-2"
	assert_eq 3 ${#lines[@]}
	assert_like "${lines[0]}" 'NAME *MEMORY *PEAK *CPU *PIDS *MAX *READ *WRITTEN'
	assert_like "${lines[1]}" "$g-1 * 0 * 9 * 0 *"
	assert_like "${lines[2]}" "$g-2 * max *"
	run -1 --separate-stderr cg-stat "$g-1" "$g-none"
	assert_eq '' "$output" "printed before the error"
	unset stderr
	run -1 bash -c "cg-stat $g-1 >/dev/full"
	assert_error cg-stat 'cannot write to standard output: * (ENOSPC)'
}

@test "disk traffic is counted" {
	requires cg-"$(io_name)"
	local dir file=
	for dir in "$TB_OUT" /var/tmp; do
		[[ ! -w $dir || $(stat -f -c %T "$dir") == tmpfs ]] || file=$dir/$g
	done
	[[ $file ]] || skip "needs a disk"
	cg-create "$g"
	cg-exec "$g" -- dd if=/dev/zero of="$file" bs=64k count=4 oflag=direct 2>/dev/null || skip "needs a disk"
	rm "$file"
	run -0 cg-stat --json "$g"
	assert_json '.write_bytes >= 262144 and .writes >= 1'
}

@test "watching: so many looks, or until the group is gone" {
	cg-create "$g"
	run -0 cg-stat -w -c 3 -i 1ms --json "$g"
	assert_eq 3 ${#lines[@]}
	run -0 cg-stat -w -c 3 -i 1ms "$g"
	assert_eq 4 ${#lines[@]} "one heading where it is not a terminal"
	in_background cg-stat --watch --interval 10ms --json "$g" >"$T/out"
	wait_for test -s "$T/out"
	cg-rm "$g"
	wait $!
	jq -es 'length >= 1 and all(.name)' "$T/out"
	run -2 cg-stat -w -i 0 "$g"
	assert_like "${lines[0]}" 'cg-stat: --interval: *'
}

# ---- other hosts than this one: by mount namespaces ----

# on BODY: a function of this file, in a mount namespace whose cgroup mounts it may rearrange.
on() {
	declare -f >"$T/functions"
	# shellcheck disable=SC2016 # for the inner shell
	g=$g T=$T unshare --mount bash -c '. "$T/functions"
		set -eE; trap "echo failed: \$BASH_COMMAND >&2" ERR
		mount --make-rprivate /; '"$1" 3>&-
}

@test "v1 without a freezer: the v2 tree beside it freezes and kills" {
	requires cg1-freezer cg2
	on no_freezer
}
no_freezer() {
	umount "$(cg_dir freezer)"
	dirs=$(cg-create -p 20 "$g/a")
	[[ $dirs == *"$(cg_dir unified)/$g/a" ]]
	counting "$g/a"
	cg-freeze "$g"
	grep -qx 'frozen 1' "$(cg_dir unified)/$g/cgroup.events"
	stands
	cg-freeze --thaw "$g"
	counts
	cg-freeze "$g/a"
	cg-rm -x --kill "$g" 2>"$T/told"
	grep -q '^echo 1 > .*/cgroup.kill$' "$T/told"
	[[ ! $(group_dirs "$g") ]]
}

@test "v2 alone, without a controller: limits are refused, the rest works" {
	requires cg2 cg1
	on no_controller
}
no_controller() {
	only_v2
	[[ $(cg-create "$g") == "$v2/$g" ]]
	message=$(! cg-set -m 10M "$g" 2>&1)
	assert_like "$message" "cg-set: cannot limit memory of group $g: no memory controller"$'\n'"hint: *cgroup.controllers*"
	counting "$g"
	cg-freeze "$g"
	stands
	cg-stat --json "$g" | jq -e '.memory == null and .pids == null and .cpu_usec > 0'
	cg-stat "$g" | grep -q -- ' - '
	cg-rm --kill "$g"
	message=$(! cg-create -p 5 "$g" 2>&1)
	assert_like "$message" 'cg-create: cannot limit pids*'
	[[ ! -e $v2/$g ]]
}

@test "a host without any tree, and one with a tree in another place" {
	on no_tree
}
no_tree() {
	local place=$T/groups
	mkdir "$place"
	mount --bind "$(cg_dir pids)" "$place"
	awk '/ - cgroup2? /{ print $5 }' /proc/self/mountinfo | while read -r root; do
		[[ $root == "$place" ]] || umount -l "$root"
	done
	[[ $(cg-create -p 5 "$g") == "$place/$g" && $(<"$place/$g/pids.max") == 5 ]]
	cg-rm "$g"
	umount "$place"
	message=$(! cg-create "$g" 2>&1)
	assert_like "$message" 'cg-create: cannot find a tree of control groups: none is mounted'$'\n''hint: mount *'
}
