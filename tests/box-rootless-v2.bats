#!/usr/bin/env bats
# bats file_tags=cgroup
# Limits of an ordinary user's boxes, in a part of the cgroup v2 tree that was given to him as systemd
# gives it: user@UID.service is his, and what he runs is in a scope below it.
load helpers
load box_helpers

setup_file() {
	boxer_setup_file
	export V2 GIVEN
	V2=$(cg_dir unified)
	GIVEN=$V2/$TB_NAME.slice/user@.service
	[[ $EUID == 0 && $V2 && $(cg_version memory) == 2 ]] || return 0
	echo "+memory +cpu +pids" >"$V2/cgroup.subtree_control"
	mkdir -p "$GIVEN/app.slice/one.scope"
	echo "+memory +cpu +pids" >"$V2/$TB_NAME.slice/cgroup.subtree_control"
	chown -R nobody "$GIVEN"
	chown root "$GIVEN"/{memory,pids,cpu}.*
}
teardown_file() {
	[[ ! -d $GIVEN ]] || rmdir "$GIVEN"/app.slice/{one.scope,} "$GIVEN"/{tacklebox,} "$V2/$TB_NAME.slice"
	boxer_teardown_file
}
setup() {
	boxer_test_setup
	requires cg2-memory cg2-pids cg2-cpu
}
teardown() { boxer_test_teardown; }

# as_given CMD…: by the user, in his scope.
as_given() {
	(echo "$BASHPID" >"$GIVEN/app.slice/one.scope/cgroup.procs" && as_boxer "$@")
}
# value BOX FILE: of the box's group.
value() {
	cat "$GIVEN/tacklebox/$(as_boxer box-inspect "$1" | jq -r .Id)/$2"
}

@test "limits: in the group, changed while it runs, without a warning; the group goes with the box" {
	run -0 --separate-stderr as_given box-run -d --name one --network none -m 64m --memory-swap 64m --cpus 0.5 --pids-limit 30 bb sleep 1000
	assert_eq '' "$stderr"
	assert_eq $((64 << 20)) "$(value one memory.max)"
	assert_eq 0 "$(value one memory.swap.max 2>/dev/null || echo 0)"
	assert_eq '50000 100000' "$(value one cpu.max)"
	assert_eq 30 "$(value one pids.max)"
	assert_eq "$(as_boxer box-inspect one | jq .State.Pid)" "$(value one cgroup.procs | tail -1)"
	as_given box-update -m 80m --memory-swap 80m --pids-limit 40 one >/dev/null
	assert_eq "$((80 << 20)) 40" "$(value one memory.max) $(value one pids.max)"
	as_given box-exec one sh -c 'cat /proc/self/cgroup' >"$T/inside"
	run -0 as_given box-stats --no-stream --json one
	assert_json '(.memory_stats.limit // .memory.limit // 0) == 83886080'
	as_given box-pause one >/dev/null
	assert_eq 1 "$(value one cgroup.freeze)"
	run -0 as_given box-ps --json
	assert_json '.State == "paused"'
	as_given box-unpause one >/dev/null
	assert_eq 0 "$(value one cgroup.freeze)"
	as_given box-rm -f one >/dev/null
	assert_eq '' "$(find "$GIVEN/tacklebox" -mindepth 1 -type d)"
}

@test "limits are kept: memory, processes" {
	run as_given box-run --name eater --network none -m 16m --memory-swap 16m bb sh -c 'x=$(head -c 60000000 /dev/zero | tr "\0" x); echo "${#x}"'
	[[ $output != *60000000* ]]
	run -0 as_boxer box-inspect eater
	assert_json '(if type == "array" then .[0] else . end).State.OOMKilled'
	run as_given box-run --rm --network none --pids-limit 4 bb sh -c 'for i in 1 2 3 4 5 6; do sleep 1 & done; wait'
	assert_like "$output" "*can't fork*"
}

@test "a controller that was not given: an error that names it, and a box without that limit runs" {
	local dir more
	for dir in "$GIVEN/tacklebox" "$GIVEN" "$V2/$TB_NAME.slice"; do
		echo "-cpu" >"$dir/cgroup.subtree_control"
	done
	run --separate-stderr as_given box-run --rm --network none --cpus 0.5 bb echo runs
	more=$(as_given box-run --rm --network none -m 64m bb echo runs 2>&1) || :
	as_given tb-doctor --json >"$T/doctor" || :
	echo "+cpu" >"$V2/$TB_NAME.slice/cgroup.subtree_control"
	assert_eq 125 "$status"
	assert_like "$stderr" "*cpu*"
	assert_eq runs "$more"
	jq -se 'map(select(.word == "cg-user")) | .[0] | (.yes | not) and (.mend | test("Delegate=cpu"))' "$T/doctor"
}

@test "in a session that nothing was given to: a warning, and no group" {
	run -0 --separate-stderr as_boxer box-run --rm --network none -m 64m bb echo runs
	assert_eq runs "$output"
	assert_like "$stderr" "box-start: warning: its limits are not kept: *"
	run -0 as_boxer box-run --rm --network none bb echo runs
	assert_eq runs "$output"
}

@test "dfile-build -m: the group of the build, which goes with it" {
	printf '%s\n' 'FROM bb' 'RUN x=$(head -c 60000000 /dev/zero | tr "\0" x); echo "${#x}"' >"$T/Dockerfile"
	run ! as_given dfile-build -m 16m --memory-swap 16m --network none - <"$T/Dockerfile"
	assert_like "$output" '*input:2: The command*137'
	assert_eq '' "$(find "$GIVEN/tacklebox" -mindepth 1 -type d)"
}

@test "given: the examples of the tools that the README says so of" {
	local tool dir=$TB_DIR/home/given bad=
	for tool in $(rows given); do
		as_boxer mkdir "$dir"
		BOXER_TIME=300 as_given bash "$TB_TESTS/rootless-example.sh" "$tool" given "$dir" "$TB_TOP" >"$T/out" 2>&1 ||
			bad+="$tool: $(<"$T/out")"$'\n'
		as_boxer rootless-exec -- rm -rf "$dir"
	done
	[ -z "$bad" ] || fail "$bad"
}

# As systemd's user@.service has it (OOMScoreAdjust=100): below what somebody with the right for it set, the
# kernel lets nobody without that right go (proc(5)).
@test "a session with a floor of oom_score_adj: a box has it too, and who comes into it" {
	requires resource
	floored() { (echo 100 >"/proc/$BASHPID/oom_score_adj" && as_given "$@"); }
	floored box-run -d --name one --network none bb sh -c 'cat /proc/self/oom_score_adj; exec sleep 1000' >/dev/null
	wrote() { [[ $(as_given box-logs one) ]]; }
	wait_for wrote
	assert_eq 100 "$(as_given box-logs one)"
	assert_eq 100 "$(floored box-exec one cat /proc/self/oom_score_adj)"
	assert_eq 300 "$(floored box-run --rm --network none --oom-score-adj 300 bb cat /proc/self/oom_score_adj)"
	as_given box-rm -f one >/dev/null
}
