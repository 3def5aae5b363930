#!/usr/bin/env bats
load helpers

setup_file() { tb_setup_file; }
teardown_file() { tb_teardown_file; }
setup() { tb_setup; }
teardown() { tb_teardown; }

@test "@TOOL@ makes a directory and prints its name" {
	run @TOOL@ "$T/d"
	[ "$status" -eq 0 ]
	[ "$output" = "$T/d" ]
	[ -d "$T/d" ]
}

@test "@TOOL@ --private keeps others out" {
	run @TOOL@ --private "$T/d"
	[ "$(stat -c %a "$T/d")" = 700 ]
}

@test "@TOOL@ -n prints a script that does the same" {
	@TOOL@ -n "$T/d" >"$T/script"
	[ ! -e "$T/d" ]
	run sh "$T/script"
	[ "$status" -eq 0 ]
	[ "$output" = "$T/d" ]
	[ -d "$T/d" ]
}

@test "@TOOL@ names what it could not make" {
	run @TOOL@ "$T/absent/d"
	[ "$status" -eq 1 ]
	[ "${lines[0]}" = "@TOOL@: cannot make directory $T/absent/d: No such file or directory (ENOENT)" ]
}

@test "@TOOL@ without a directory is a mistake" {
	run @TOOL@
	[ "$status" -eq 2 ]
}
