#!/usr/bin/env bats
load helpers

setup_file() { tb_setup_file; }
teardown_file() { tb_teardown_file; }
setup() { tb_setup; }
teardown() { tb_teardown; }

@test "dfile-parse makes a directory and prints its name" {
	run dfile-parse "$T/d"
	[ "$status" -eq 0 ]
	[ "$output" = "$T/d" ]
	[ -d "$T/d" ]
}

@test "dfile-parse --private keeps others out" {
	run dfile-parse --private "$T/d"
	[ "$(stat -c %a "$T/d")" = 700 ]
}

@test "dfile-parse -n prints a script that does the same" {
	dfile-parse -n "$T/d" >"$T/script"
	[ ! -e "$T/d" ]
	run sh "$T/script"
	[ "$status" -eq 0 ]
	[ "$output" = "$T/d" ]
	[ -d "$T/d" ]
}

@test "dfile-parse names what it could not make" {
	run dfile-parse "$T/absent/d"
	[ "$status" -eq 1 ]
	[ "${lines[0]}" = "dfile-parse: cannot make directory $T/absent/d: No such file or directory (ENOENT)" ]
}

@test "dfile-parse without a directory is a mistake" {
	run dfile-parse
	[ "$status" -eq 2 ]
}
