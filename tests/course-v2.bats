#!/usr/bin/env bats
# bats file_tags=cgroup
# The lessons on control groups, where controllers are on v2: their blocks for v1 run in `make
# check-tutorial` on machines that have those there.
load helpers

setup_file() { tb_setup_file; }
teardown_file() { tb_teardown_file; }
setup() {
	tb_setup
	requires root cg2-memory cg2-cpu cg2-pids cg2-cpuset cg2-io
	export O=$TB_OUT TMPDIR=$T WALK_LIMIT=$TB_WAIT
}
teardown() { tb_teardown; }

@test "lessons 5 and 6, with what they show of v2" {
	run "$TB_TOP/tutorial/walk" -t 5 6
	assert_eq 0 "$status" "$output"
	assert_like "${lines[-1]}" '*[0-9] passed, 0 failed, *'
	# What is v1's has a block in its place; a disk that can be slowed down is not everywhere.
	assert_eq "" "$(grep ' # skip' <<<"$output" | grep -v 'needs disk')"
}
