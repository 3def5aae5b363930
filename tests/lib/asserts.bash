# shellcheck shell=bash
# Assertions that say what they saw. They look at $status, $output, $stderr and $lines as bats' run
# leaves them.

# What failed is noted, too: where a failure ends nothing (bash forgets -e in a function whose status is
# asked for), the teardown finds the note of a test that went on to its end.
fail() {
	printf '%s\n' "$*"
	[[ ${tb_trying:-} || ! ${T:-} ]] || printf '%s\n' "$*" 2>/dev/null >>"$T/failed" || :
	return 1
}

# assert_eq WANT GOT [WHAT]
assert_eq() {
	[[ $1 == "$2" ]] || fail "${3:-values differ}"$'\n'"  wanted: $1"$'\n'"  got:    $2"
}

# assert_like TEXT GLOB
assert_like() {
	# shellcheck disable=SC2053 # a pattern is meant
	[[ $1 == $2 ]] || fail "no match"$'\n'"  pattern: $2"$'\n'"  text:    $1"
}

# assert_status N: of the last run.
assert_status() {
	# shellcheck disable=SC2154 # set by run
	[[ $status == "$1" ]] ||
		fail "exit status $status, not $1"$'\n'"$output"${stderr:+$'\n'stderr: $stderr}
}

# assert_line TEXT: a whole line of the last output.
assert_line() {
	grep -qxF -- "$1" <<<"$output" || fail "no line '$1' in:"$'\n'"$output"
}

# assert_error TOOL GLOB [HINTGLOB]: the last output (or stderr, with --separate-stderr) is one line
# "TOOL: GLOB", and where a hint is wanted a second one "hint: HINTGLOB", and nothing more.
assert_error() {
	local text=${stderr:-$output} first second
	first=${text%%$'\n'*}
	assert_like "$first" "$1: $2" || return
	second=
	[[ $text != *$'\n'* ]] || second=${text#*$'\n'}
	if (($# > 2)); then
		assert_like "$second" "hint: $3"
	else
		[[ ! $second || ( $second == hint:* && $second != *$'\n'* ) ]] ||
			fail "more than an error and a hint:"$'\n'"$text"
	fi
}

# assert_json FILTER [JQ-ARG…]: jq -e FILTER holds for the last output.
assert_json() {
	local filter=$1
	shift
	jq -e "$@" "$filter" <<<"$output" >/dev/null && return
	fail "not so: $filter"
	# The probe says much: of each thing the filter names, what there is.
	jq -c --arg filter "$filter" 'if type != "object" then . else
		with_entries(select(.key as $k | $filter | contains($k))) end' <<<"$output" || echo "$output"
	return 1
}

# on_terminal COMMAND: in a shell on a terminal of its own, its output on ours. The terminal's input
# stays open and silent: at the end of its own, script(1) would type an end-of-file character.
on_terminal() {
	local silent status=0
	mkfifo "$T/silent.$BASHPID"
	exec {silent}<>"$T/silent.$BASHPID"
	rm "$T/silent.$BASHPID"
	script -qec "$1" "$T/typescript" <&"$silent" >/dev/null || status=$?
	exec {silent}<&-
	sed -e 1d -e '$d' -e 's/\r$//' "$T/typescript"
	return "$status"
}
