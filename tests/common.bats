#!/usr/bin/env bats
# What every tool does alike. Each test goes through all programs in $BIN, and names those that fail.

load helpers
load examples

setup_file() { tb_setup_file; }
teardown_file() { tb_teardown_file; }
setup() { tb_setup; }
teardown() { tb_teardown; }

# each_tool FUNCTION: calls it with every tool, and goes on after a failure.
each_tool() {
	local path bad=0 n=0
	for path in "$BIN"/*; do
		[[ -f $path && -x $path ]] || continue
		n=$((n + 1))
		("$1" "${path##*/}") || { echo "^ ${path##*/}"; bad=1; }
	done
	((n > 0)) || fail "no tools in $BIN"
	((bad == 0))
}

# failure_of TOOL: its exit status for a mistake in the command line.
usage_status() {
	local failure
	failure=$(tool_failure "$1")
	((failure == 125)) && echo 125 || echo 2
}

prints_help() {
	local out
	out=$("$1" --help 2>"$T/err") || fail "--help fails" || return
	[[ ! -s $T/err ]] || fail "--help writes to stderr" || return
	[[ $out == "Usage: $1 "* && $out == *$'\n\nExample:\n  '* && $out == *"See $1(1)."* ]] ||
		fail "$out" || return
	# Docker's -h is another one, and so is that of box-run.
	"$1" --list-options | grep -q "^-h"$'\t'"--hostname" ||
		assert_eq "$out" "$("$1" -h)" "-h and --help differ" || return
	# Every option, each line of it fit for a terminal.
	"$1" --list-options | cut -f2 | while read -r option; do
		[[ $out =~ [\ ]$option([ =[]|$'\n'|$) ]] || fail "--help lacks $option" || return
	done || return
	[[ $(awk 'length > 160' <<<"$out") == '' ]] || fail "a line of more than 160 columns"
}

@test "--help goes to stdout, with usage, all options and an example" {
	each_tool prints_help
}

prints_version() {
	local out
	out=$("$1" --version 2>&1) || return
	[[ $out =~ ^"$1 (tacklebox) "[0-9]+\.[0-9] ]] || fail "$out" || return
	assert_eq "$out" "$("$1" -V)"
}

@test "--version" {
	each_tool prints_version
}

refuses_unknown_options() {
	local want out status option
	want=$(usage_status "$1")
	for option in --no-such-option --no-such=1 -Z --hel -; do
		status=0
		[[ $option != - ]] || continue
		out=$("$1" $option 2>&1 >"$T/out" </dev/null) || status=$?
		[[ $status == "$want" ]] || fail "$option: status $status, not $want" || return
		[[ ! -s $T/out ]] || fail "$option: something on stdout" || return
		[[ $(wc -l <<<"$out") == 2 && $out == "$1: unknown option '$option'"* ]] ||
			[[ $option == --no-such=1 && $out == "$1: unknown option '--no-such'"* ]] ||
			fail "$out" || return
		[[ $out == *$'\n'"Try '$1 --help'." ]] || fail "$out" || return
	done
	# The last one was nearly right.
	[[ $out == *"; did you mean --help?"* ]] || fail "$out"
}

@test "an unknown option: two lines, and the status of a usage mistake" {
	each_tool refuses_unknown_options
}

# As the man page says it: "chain-loads" goes with 125.
status_as_kind() {
	local page=$TB_TOP/tools/$1.1 kind
	[[ -e $page ]] || page=$TB_TOP/tools/$1/$1.1
	[[ -e $page ]] || fail "no man page" || return
	kind=$(tr '\n' ' ' <"$page" | grep -oE 'tool (of the kind )?that (chain-loads|acts|filters|shows|serves)')
	kind=${kind##* }
	[[ $kind ]] || fail "the man page does not say of which kind the tool is" || return
	if [[ $kind == chain-loads ]]; then
		assert_eq 125 "$(usage_status "$1")"
	else
		assert_eq 2 "$(usage_status "$1")"
	fi
}

@test "the status of a usage mistake is that of the kind of tool" {
	each_tool status_as_kind
}

fails_on_a_full_disk() {
	local want out status option
	want=$(tool_failure "$1")
	for option in --help --version --list-options; do
		status=0
		out=$("$1" $option 2>&1 >/dev/full) || status=$?
		[[ $status == "$want" ]] || fail "$option: status $status, not $want" || return
		assert_eq "$1: cannot write to standard output: No space left on device (ENOSPC)" \
			"$out" || return
		status=0
		out=$("$1" $option 2>&1 >&-) || status=$?
		[[ $status == "$want" && $out == "$1: cannot write to standard output: "*"(EBADF)" ]] ||
			fail "closed stdout, $option: $status $out" || return
	done
}

@test "what cannot be written to stdout is a failure" {
	each_tool fails_on_a_full_disk
}

refuses_nonsense_faults() {
	local want out status=0
	want=$(usage_status "$1")
	out=$(TACKLEBOX_FAIL=nonsense "$1" 2>&1 </dev/null) || status=$?
	[[ $status == "$want" && $out == *TACKLEBOX_FAIL* ]] || fail "$status $out"
}

@test "a TACKLEBOX_FAIL that is none is refused: no test passes because of a slip" {
	each_tool refuses_nonsense_faults
}

reports_as_json() {
	local out want status=0
	want=$(usage_status "$1")
	out=$(TACKLEBOX_ERRORS=json "$1" --no-such-$'\e' 2>&1 </dev/null) || status=$?
	[[ $out != *$'\e'* ]] || fail "a control character reaches the terminal" || return
	jq -se --arg tool "$1" --argjson status "$want" 'length == 1 and (.[0] |
		.tool == $tool and .class == "invalid" and .status == $status and .errno == "" and
		(.message | startswith("unknown option")) and
		(keys == ["call", "class", "errno", "hint", "message", "object", "status", "tool"]))
		' <<<"${out##*$'\n'}" >/dev/null || fail "$out" || return
	# And to a descriptor, with no people's text around it.
	out=$(TACKLEBOX_STATUS_FD=7 "$1" --no-such 7>&1 >/dev/null 2>&1 </dev/null) || :
	jq -e --arg tool "$1" '.tool == $tool and .class == "invalid"' <<<"$out" >/dev/null ||
		fail "status descriptor: $out"
}

@test "errors for programs: the last line of stderr, and the status descriptor" {
	each_tool reports_as_json
}

# ---- examples ----

runs_its_examples() {
	local name=${1//-/_} words word
	for word in $(! declare -F "needs_$name" >/dev/null || "needs_$name"); do
		if ! tb_has "$word"; then
			echo "$1 needs $word" >>"$T/passed-over"
			return 0
		fi
	done
	words=$("$1" --help | sed -n '/^Example:/,/^$/s/^  //p' |
		example_names "$1")
	[[ $words ]] || fail "no example" || return
	in_fresh '--net --uts' run_example "$name" "$words"
}

run_example() {
	local status=0
	export TACKLEBOX_ROOT=$T/here/state
	! declare -F "before_$1" >/dev/null || "before_$1" || status=$?
	((status == 0)) || fail "cannot prepare: before_$1"
	if ((status == 0)); then
		sh -ec "$2" >"$T/example.out" 2>&1 </dev/null || status=$?
	fi
	! declare -F "after_$1" >/dev/null || "after_$1"
	((status == 0)) || fail "status $status:"$'\n'"$2"$'\n'"$(<"$T/example.out")"
}

@test "the examples of --help run" {
	each_tool runs_its_examples
	[[ ! -e $T/passed-over ]] || tb_skip "examples: $(paste -sd';' "$T/passed-over")"
}
