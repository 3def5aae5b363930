#!/usr/bin/env bats
# bats file_tags=cgroup
# shellcheck disable=SC2030,SC2031 # each test is a subshell of its own, as is meant
# Control groups: cg-create, cg-set, cg-exec. (cg_end.bats: cg-freeze, cg-stat, cg-rm.)
# The same tests hold for cgroup v1 and v2: `value` reads a limit on either.
load helpers
load cg_helpers

setup_file() { cg_setup_file; }
teardown_file() { tb_teardown_file; }
setup() {
	tb_setup
	requires root cg-pids
	g=$TB_NAME-g
}
teardown() {
	end_groups
	tb_teardown
}

@test "a group is a directory in every tree, marked, and its directories are printed" {
	run -0 cg-create "$g"
	((${#lines[@]} >= 1))
	for dir in "${lines[@]}"; do
		[[ -d $dir ]] || fail "$dir is not there"
		assert_eq 1 "$(getfattr --absolute-names --only-values -n user.tacklebox "$dir")"
	done
	assert_eq "$output" "$(group_dirs "$g")"
	run -0 cg-rm "$g"
	assert_eq '' "$output$(group_dirs "$g")"
}

@test "each limit is written where this version has it" {
	requires cg-memory cg-cpu cg-cpuset
	cg-create -m 64M -c 1.5 -w 200 -p 32 --cpuset 0 --mems 0 "$g"
	assert_eq $((64 << 20)) "$(value memory "$g" memory.limit_in_bytes memory.max)"
	assert_eq 32 "$(value pids "$g" pids.max pids.max)"
	assert_eq 0 "$(value cpuset "$g" cpuset.cpus cpuset.cpus)"
	assert_eq 0 "$(value cpuset "$g" cpuset.mems cpuset.mems)"
	if [[ $CG_VERSION_cpu == 1 ]]; then
		assert_eq 150000 "$(value cpu "$g" cpu.cfs_quota_us -)"
		assert_eq 2048 "$(value cpu "$g" cpu.shares -)"
	else
		assert_eq '150000 100000' "$(value cpu "$g" - cpu.max)"
		assert_eq 200 "$(value cpu "$g" - cpu.weight)"
	fi
}

@test "v1 gets of a weight what the kernel makes of it on v2" {
	requires cg1-cpu
	cg-create "$g"
	while read -r weight shares; do
		cg-set -w "$weight" "$g"
		assert_eq "$shares" "$(value cpu "$g" cpu.shares -)" "weight $weight"
	done <<<'1 10
50 512
99 1014
100 1024
10000 102400'
}

@test "max lifts a limit, and what is not given stays" {
	requires cg-memory cg-cpu
	cg-create -m 64M -c 0.5 -p 32 "$g"
	cg-set -p max -c -1 "$g"
	assert_eq max "$(value pids "$g" pids.max pids.max)"
	assert_like "$(value cpu "$g" cpu.cfs_quota_us cpu.max)" '@(-1|max 100000)'
	assert_eq $((64 << 20)) "$(value memory "$g" memory.limit_in_bytes memory.max)"
	cg-set --memory max "$g"
	run -0 cg-stat --json "$g"
	assert_json '.memory_limit == null and .pids_limit == null'
}

@test "a quota keeps its meaning when somebody changed the period (v1)" {
	requires cg1-cpu
	cg-create "$g"
	echo 50000 >"$CG_DIR_cpu/$g/cpu.cfs_period_us"
	cg-set -c 0.5 "$g"
	assert_eq 25000 "$(value cpu "$g" cpu.cfs_quota_us -)"
}

@test "memory and swap: v1 counts them together, and they are written in the order it wants" {
	requires cg1-memory
	local both=memory.memsw.limit_in_bytes one=memory.limit_in_bytes
	[[ -e $CG_DIR_memory/$both ]] || skip "needs swap accounting"
	cg-create -m 10M --swap 5M "$g"
	assert_eq $((10 << 20)),$((15 << 20)) "$(value memory "$g" $one -),$(value memory "$g" $both -)"
	# Up, past the old sum; down again; the swap keeps its size.
	cg-set -m 40M "$g"
	assert_eq $((40 << 20)),$((45 << 20)) "$(value memory "$g" $one -),$(value memory "$g" $both -)"
	cg-set -m 8M "$g"
	assert_eq $((8 << 20)),$((13 << 20)) "$(value memory "$g" $one -),$(value memory "$g" $both -)"
	cg-set --swap 0 "$g"
	assert_eq $((8 << 20)) "$(value memory "$g" $both -)"
	cg-set --swap max "$g"
	(($(value memory "$g" $both -) > 1 << 60))
	cg-set --swap 1M -m 100M "$g"
	assert_eq $((101 << 20)) "$(value memory "$g" $both -)"
	cg-set -m max "$g"
	(($(value memory "$g" $both -) > 1 << 60))
	run ! cg-set --swap 1M "$g"
	assert_error cg-set 'cannot limit swap alone: *' '*-m*'
}

@test "memory, high and swap on v2" {
	requires cg2-memory
	cg-create -m 64M --memory-high 32M "$g"
	assert_eq $((64 << 20)),$((32 << 20)) "$(value memory "$g" - memory.max),$(value memory "$g" - memory.high)"
	[[ -e $CG_DIR_memory/$g/memory.swap.max ]] || skip "needs swap accounting"
	cg-set --swap 1M "$g"
	assert_eq $((1 << 20)) "$(value memory "$g" - memory.swap.max)"
}

@test "v2: a group with processes gives nothing to those below, and who gives holds no process" {
	requires cg2-pids
	cg-create "$g"
	in_background cg-exec "$g" -- sleep 600
	wait_for grep -q . "$CG_DIR_pids/$g/cgroup.procs"
	run -1 cg-create "$g/a"
	assert_error cg-create "cannot write '+*' to *$g/cgroup.subtree_control: * (EBUSY)" '*hold no process*'
	[[ ! -d $CG_DIR_pids/$g/a ]]
	cg-rm --kill "$g"
	cg-create "$g/a"
	run -125 cg-exec "$g" -- true
	assert_error cg-exec "cannot write '0' to *$g/cgroup.procs: * (EBUSY)" '*join one of those'
	cg-exec "$g/a" -- true
}

@test "what v1 cannot do is refused, and nothing stays" {
	requires cg1-memory
	run ! cg-create --memory-high 32M "$g"
	assert_error cg-create 'cannot set memory.high: *' '-m*'
	assert_eq '' "$(group_dirs "$g")"
}

@test "a limit of a disk, on one device in two options, and lifted again" {
	requires cg-"$(io_name)"
	local disk dev
	disk=$(first_disk) || skip "needs a disk"
	dev=$(<"/sys/block/$disk/dev")
	cg-create --io "$dev:rbps=1M,wiops=100" --io "$dev:wbps=2M" "$g"
	if [[ $(io_name) == blkio ]]; then
		assert_eq "$dev 1048576" "$(value blkio "$g" blkio.throttle.read_bps_device -)"
		assert_eq "$dev 2097152" "$(value blkio "$g" blkio.throttle.write_bps_device -)"
		assert_eq "$dev 100" "$(value blkio "$g" blkio.throttle.write_iops_device -)"
		assert_eq '' "$(value blkio "$g" blkio.throttle.read_iops_device -)"
	else
		assert_eq "$dev rbps=1048576 wbps=2097152 riops=max wiops=100" "$(value io "$g" - io.max)"
	fi
	cg-set --io "$dev:rbps=max,wbps=max,wiops=max" "$g"
	assert_eq '' "$(value "$(io_name)" "$g" blkio.throttle.read_bps_device io.max)"
	if [[ -b /dev/$disk ]]; then
		cg-set --io "/dev/$disk:riops=7" "$g"
		assert_like "$(value "$(io_name)" "$g" blkio.throttle.read_iops_device io.max)" "$dev *7*"
	fi
	run ! cg-set --io 511:77:rbps=1M "$g"
	assert_error cg-set "cannot write '511:77 *' to *: * (ENODEV)" '*lsblk*'
}

@test "--device: no device but those of the rules" {
	cg-create --device 'c 1:3 rwm' --device 'c 1:5 r' --device 'b *:* m' --device 'c 5:* w' "$g" >/dev/null
	cg-exec "$g" -- sh -c ': <>/dev/null && : </dev/zero'
	run -2 cg-exec "$g" -- sh -c ': <>/dev/zero'
	assert_like "$output" '*Operation not permitted'
	run -2 cg-exec "$g" -- sh -c ': </dev/random'
	cg-exec "$g" -- mknod "$T/b" b 7 0
	run -1 cg-exec "$g" -- mknod "$T/c" c 1 5
	# Those outside are not concerned, and a group without rules has all.
	: <>/dev/zero
	cg-rm "$g"
	cg-create "$g" >/dev/null
	cg-exec "$g" -- sh -c ': <>/dev/zero'
	run -2 cg-create --device 'x 1:3 r' "$g-x"
	run -2 cg-create --device 'c 1:3 rq' "$g-x"
	run -2 cg-create --device 'c 1 r' "$g-x"
}

@test "groups in groups: parents are made, those that were there stay as they are" {
	cg-create -p 50 "$g"
	cg-create -p 20 "$g/a/b"
	assert_eq 50,max,20 "$(value pids "$g" pids.max pids.max),$(value pids "$g/a" pids.max pids.max),$(
		value pids "$g/a/b" pids.max pids.max)"
	run -0 group_dirs "$g/a"
	for dir in "${lines[@]}"; do
		getfattr --absolute-names -n user.tacklebox "$dir" >/dev/null
	done
	run ! cg-create "$g/a"
	assert_error cg-create "cannot make directory *$g/a: * (EEXIST)" 'cg-set *'
	[[ -n $(group_dirs "$g/a/b") ]]
	run -0 cg-exec "$g/a/b" -- cat /proc/self/cgroup
	assert_like "$output" "*:/*$g/a/b*"
}

# bats test_tags=anywhere
@test "an existing group is a conflict, and a file is no group" {
	cg-create -p 32 "$g"
	local before
	before=$(state_cgroup "$g")
	TACKLEBOX_ERRORS=json run ! cg-create -p 10 "$g"
	tail -n 1 <<<"$output" | jq -e '.class == "conflict" and .errno == "EEXIST" and .status == 1'
	run -1 --separate-stderr cg-create -n "$g"
	assert_error cg-create '* (EEXIST)' 'cg-set *'
	unset stderr
	assert_eq "$before" "$(state_cgroup "$g")" "the group that was there"
	run ! cg-create "$g/cgroup.procs"
	assert_error cg-create '* (EEXIST)' '*control file*'
	run -125 cg-exec "$g/cgroup.procs" true
	assert_error cg-exec 'cannot find group *'
}

@test "limits the kernel refuses name the file and the errno, and leave nothing" {
	requires cg-cpuset
	run ! cg-create --cpuset 4000 "$g"
	assert_error cg-create "cannot write '4000' to *cpuset.cpus: * (E*)" '*cpuset.cpus*'
	run ! cg-create --mems 63 "$g"
	assert_error cg-create "cannot write '63' to *cpuset.mems: * (E*)" '*'
	assert_eq '' "$(group_dirs "$g")"
}

@test "less memory than is in use and cannot be given back (v1)" {
	requires cg1-memory
	[[ $(awk '/SwapTotal/{ print $2 }' /proc/meminfo) == 0 ]] || skip "needs a host without swap"
	cg-create "$g"
	# shellcheck disable=SC2016 # for the inner shell
	in_background cg-exec "$g" -- bash -c 'x=$(head -c 12M /dev/zero | tr "\0" x); echo "${#x}"; read -r <"$0"' "$T/fifo" >"$T/ready"
	mkfifo "$T/fifo"
	wait_for test -s "$T/ready"
	run ! cg-set -m 4M "$g"
	assert_error cg-set "cannot write '4194304' to *: * (EBUSY)" '*in use*'
	(($(value memory "$g" memory.limit_in_bytes memory.max) > 1 << 60))
}

@test "a set that fails half-way puts the former values back" {
	requires cg-memory cg-cpu cg-cpuset
	cg-create -m 64M --cpuset 0 -p 32 -w 300 "$g"
	before=$(state_cgroup "$g")
	run ! cg-set -m 128M -w 50 -p 9 --cpuset 4000 "$g"
	assert_error cg-set "cannot write '4000' *"
	assert_eq "$before" "$(state_cgroup "$g")"
	had=$(all_limits "$g")
	unchanged() { assert_eq "$had" "$(all_limits "$g")" "not as it was"; }
	faults_walk unchanged -- cg-set -m 20M --swap 2M -c 0.5 -w 50 -p 9 --cpuset 0 --mems 0 "$g"
	((faults >= 5))
}

# bats test_tags=anywhere
@test "a group that is missing is not found, whatever is to be done with it" {
	for tool in 'cg-set -p 1' cg-freeze cg-rm cg-stat; do
		# shellcheck disable=SC2086 # words
		TACKLEBOX_ERRORS=json run -1 $tool "$g"
		assert_like "${lines[0]}" "${tool%% *}: cannot find group $g: *"
		jq -e '.class == "not-found"' <<<"${lines[-1]}" >/dev/null
	done
	run -125 cg-exec "$g" true
	assert_error cg-exec "cannot find group $g: * (ENOENT)" "cg-create $g makes it"
}

# ---- cg-exec ----

@test "the program is in the group in every tree, and its children with it" {
	cg-create "$g"
	run -0 cg-exec "$g" -- sh -c 'cat /proc/self/cgroup'
	local want
	want=$(group_dirs "$g" | wc -l)
	assert_eq "$want" "$(grep -c ":/.*$g\$\|:/$g\$" <<<"$output")" "trees it is in"
}

# bats test_tags=anywhere
@test "the program gets no descriptor and no variable of ours" {
	requires jq
	cg-create "$g"
	local open
	open=$("$PROBE" 2>&1 3>&- 7>&- | jq -c '.fds | keys')
	run -0 --separate-stderr env TACKLEBOX_EXPLAIN=fd:8, TACKLEBOX_STATUS_FD=7 TACKLEBOX_FAIL=mount:EIO \
		cg-exec "$g" -- "$PROBE" 7>"$T/status" 8>"$T/told" 3>&-
	assert_json '(.fds | keys) - $open == []' --argjson open "$open"
	[[ -s $T/told ]]
	assert_json '[.env | keys[] | select(startswith("TACKLEBOX_"))] == []'
	[[ ! -s $T/status ]]
	run -125 env TACKLEBOX_STATUS_FD=7 cg-exec "$g-not" -- true 7>"$T/status"
	jq -e '.tool == "cg-exec" and .class == "not-found" and .status == 125' "$T/status"
}

@test "no process is made, and joining is one write a tree" {
	requires strace
	cg-create "$g"
	strace -f -o "$T/trace" cg-exec "$g" -- "$PROBE" >/dev/null
	! grep -E '\b(clone3?|v?fork)\(' "$T/trace" || fail "a process was made"
	assert_eq "$(group_dirs "$g" | wc -l)" "$(grep -c 'write([0-9]*, "0", 1)' "$T/trace")"
}

@test "every other limit does what it says" {
	requires cg-memory cg-cpu cg-cpuset
	cg-create -m 16M --swap 0 "$g" || cg-create -m 16M "$g"
	run -137 cg-exec "$g" -- sh -c 'head -c 64M /dev/zero | tail'
	cg-create -p 4 "$g-p"
	run cg-exec "$g-p" -- sh -c 'for i in 1 2 3 4 5 6; do sleep 60 >/dev/null 2>&1 & done'
	((status != 0))
	assert_like "$output" '*ork*'
	cg-create --cpuset 0 "$g-c"
	run -0 cg-exec "$g-c" -- nproc
	assert_eq 1 "$output"
	cg-create -c 0.1 "$g-q"
	run -124 timeout 1 cg-exec "$g-q" -- sh -c 'while :; do :; done'
	run -0 cg-stat --json "$g" "$g-p" "$g-q"
	assert_eq 3 ${#lines[@]}
	jq -e --arg g "$g" '.name == $g and .oom_kills >= 1 and .memory_limit == 16777216 and
		(.memory_peak == null or .memory_peak <= 16777216)' <<<"${lines[0]}"
	jq -e '.pids_limit == 4 and .pids_denied >= 1' <<<"${lines[1]}"
	jq -e '.throttled >= 3 and .throttled <= .periods and .throttled_usec > 100000
		and .cpu_usec < 400000 and .cpu_usec > 20000' <<<"${lines[2]}"
	cg-rm --kill "$g" "$g-p" "$g-c" "$g-q"
}

@test "what a limit of memory keeps out goes to swap; without swap it is the end" {
	requires cg-memory swap
	cg-create -m 16M "$g"
	run -0 cg-exec "$g" -- sh -c 'head -c 48M /dev/zero | tail | wc -c'
	assert_eq $((48 << 20)) "$output"
	cg-create -m 16M --swap 0 "$g-0"
	run -137 cg-exec "$g-0" -- sh -c 'head -c 48M /dev/zero | tail'
	run -0 cg-stat --json "$g" "$g-0"
	jq -se '.[0].oom_kills == 0 and .[1].oom_kills == 1 and .[1].swap == 0' <<<"$output"
}

# ---- explained, replayed, failed ----

@test "replay: the scripts of cg-create, cg-set and cg-exec are true" {
	requires cg-memory cg-cpu cg-cpuset
	local n=$g clean
	clean="cg-rm --kill $g"
	replay_same -c "$clean" "state_cgroup $g" -- cg-create "$g"
	replay_same -c "$clean" "state_cgroup $g" -- cg-create -m 64M -c 1.5 -w 30 -p 20 --cpuset 0 --mems 0 "$g/a/b"
	made() { cg-create -m 10M -p 30 "$n" >/dev/null; }
	replay_same -p made -c "$clean" "state_cgroup $g" -- cg-set -m 20M -c max -w 30 -p 20 "$g"
	replay_same -p made -c "$clean" state_none -- cg-exec "$g" -- sh -c 'cat /proc/self/cgroup; exit 7'
}

@test "what is told is what happens" {
	requires strace cg-memory cg-cpu
	told_same -- cg-create -m 64M -p 9 "$g/a"
	told_same -- cg-set -m 128M -w 50 "$g/a"
	told_same -- cg-exec "$g/a" -- true
	told_same -- cg-freeze "$g"
	told_same -- cg-freeze --thaw "$g"
	told_same -- cg-rm "$g"
}

@test "every step fails once: nothing is left of a group half made" {
	requires cg-memory cg-cpu cg-cpuset
	none() { [[ -z $(group_dirs "$g") ]] || fail "left: $(group_dirs "$g")"; }
	faults_walk none -- cg-create -m 64M -c 1.5 -p 20 --cpuset 0 "$g/a"
	((faults >= 6))
	cg-rm "$g"
	faults_walk -e ENOSPC none -- cg-create "$g"
	nobody_in_it() { ! grep -rqs . "$CG_DIR_pids/$g/cgroup.procs"; }
	faults_walk nobody_in_it -- cg-exec "$g" -- true
}

# bats test_tags=anywhere
@test "marks where the kernel has no user attributes: root's attribute, or a note" {
	TACKLEBOX_FAIL=setxattr:EOPNOTSUPP run -0 cg-create "$g"
	getfattr --absolute-names -n trusted.tacklebox "${lines[0]}"
	cg-rm "$g"
	TACKLEBOX_FAIL=setxattr:EOPNOTSUPP@1,setxattr:EPERM@2 run -0 cg-create "$g"
	assert_eq "cgroup ${lines[0]}" "$(cat "$TACKLEBOX_RUN"/made/cgroup-*)"
	cg-rm "$g"
	assert_eq '' "$(ls "$TACKLEBOX_RUN/made")"
}

@test "rounds of making, joining and removing leave nothing" {
	local i
	for ((i = 0; i < $(rounds); i++)); do
		cg-create -p 10 "$g/a" >/dev/null
		cg-exec "$g/a" -- true
		cg-rm "$g"
	done
	assert_eq '' "$(group_dirs "$g")"
}

# ---- who may, and where ----

@test "an ordinary user is told whose the groups are" {
	! grep -q '^0::/.*[a-z]' /proc/self/cgroup || skip "needs a session without a v2 group of its own"
	run ! as_nobody cg-create "$g"
	assert_error cg-create 'cannot make directory *: * (EACCES)' '*ordinary user*'
	cg-create "$g"
	run -125 as_nobody cg-exec "$g" -- true
	assert_error cg-exec "cannot write '0' to *: * (EACCES)" '*ordinary user*'
	run ! as_nobody cg-set -p 5 "$g"
	assert_error cg-set '* (EACCES)' '*ordinary user*'
}

@test "a user makes groups in the part of the v2 tree that was delegated to it" {
	requires cg2
	g=$g unshare --mount bash -c "$(declare -f delegated as_nobody only_v2 fail assert_eq); delegated" 3>&-
	cg_v2=$CG_DIR_unified
	rmdir "$cg_v2/$g/top/own" "$cg_v2/$g/top" "$cg_v2/$g"
}

# The user's shell is in own; the group goes beside it, in top, the topmost that the user may write to.
delegated() {
	set -eE
	trap 'echo "failed: $BASH_COMMAND" >&2' ERR
	local dir made
	only_v2
	dir=$v2/$g
	mkdir -p "$dir/top/own"
	chown nobody "$dir/top" "$dir/top/own" "$dir/top/cgroup.procs" "$dir/top/cgroup.subtree_control" \
		"$dir/top/own/cgroup.procs"
	echo $$ >"$dir/top/own/cgroup.procs"
	made=$(as_nobody cg-create x/y)
	assert_eq "$dir/top/x/y" "$made"
	assert_eq "0::/$g/top/x/y" "$(as_nobody cg-exec x/y -- grep ^0:: /proc/self/cgroup)"
	as_nobody cg-exec x/y -- cg-stat --json x/y | jq -e '.cpu_usec > 0'
	as_nobody cg-rm x
	[[ ! -e $dir/top/x ]]
	echo $$ >"$v2/cgroup.procs"
}
