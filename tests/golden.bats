#!/usr/bin/env bats
# The golden transcripts in tests/golden: what tools print, to the letter (lib/golden.bash).

load helpers

setup_file() { tb_setup_file; }
teardown_file() { tb_teardown_file; }
setup() { tb_setup; }
teardown() { tb_teardown; }

@test "the transcripts of every tool" {
	local file bad=0
	for file in "$TB_TESTS"/golden/*.exp; do
		# Each in a place of its own, with nothing in its store.
		(T=$T/${file##*/} && mkdir "$T" && export TACKLEBOX_ROOT=$T/state TACKLEBOX_RUN=$T/run && golden "$file") || { echo "in ${file##*/}"; bad=1; }
	done
	((bad == 0))
}

@test "a transcript that is not true is seen" {
	printf '%s\n' '$ echo one; echo two' 'o<..>e' 'two' >"$T/good.exp"
	golden "$T/good.exp"
	printf '%s\n' '# c' '% touch here' '$ ls; exit 3' '<..>' '[3]' '$ ls' '<...>' '$ printf x; exit 1' 'x' '[1]' \
		'$ :' '$ echo "a.*[b](c)"; echo "$T"' 'a.*[b](c)' '$T' >"$T/good.exp"
	golden "$T/good.exp"
	# shellcheck disable=SC2034 # fail looks at it
	local bad tb_trying=1
	for bad in 'one' $'two' $'one\ntwo\n[1]' $'o.e\ntwo' $'one\n<..>three' $'<..>'; do
		printf '%s\n' '$ echo one; echo two' "$bad" >"$T/bad.exp"
		! golden "$T/bad.exp" || fail "not seen: $bad"
	done
	printf '%s\n' '% false' >"$T/bad.exp"
	run ! golden "$T/bad.exp"
	printf '%s\n' '$ exit 1' >"$T/bad.exp"
	run ! golden "$T/bad.exp"
}
