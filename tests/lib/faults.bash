# shellcheck shell=bash
# Every step of a tool made to fail, one after the other.

# tool_failure TOOL: the status of its own failures: 1, for chain-loaders 125. Told by how it takes
# an unknown option, which is a failure of any tool.
tool_failure() {
	local got=0
	"$1" --no-such-option-at-all >/dev/null 2>&1 || got=$?
	[[ $got == 125 ]] && echo 125 || echo 1
}

# faults_walk [-e ERRNO] [-c] [-w BEFORE] CLEAN_FN -- TOOL ARGS…
#
# Runs the tool with its first step failing, then with its second, and so on until a run succeeds.
# After each failure: the status is that of the tool's own failures (126 where the exec of a
# chain-loader failed), stderr is one line "TOOL: … (EIO)" with at most a hint below, nothing is on
# stdout, and CLEAN_FN (called without arguments, silent success) finds nothing left.
# The run that succeeds must not have told more steps than had failed before: a step whose failure
# goes unnoticed would end the walk too early. -c: that need not be so, for the tool counts its steps
# in several processes or has steps that it can do without.
# What the successful run made is the caller's to take away. $faults is the number of failures.
faults_walk() {
	local errno=EIO clean n tool want out=$T/faults.out msg=$T/faults.err status=0 count=1 told
	local before=()
	while [[ $1 == -* ]]; do
		case $1 in
		-e) errno=$2; shift ;;
		-c) count= ;;
		-w) read -ra before <<<"$2"; shift ;;
		*) fail "faults_walk: what is $1?" || return ;;
		esac
		shift
	done
	clean=$1
	[[ $2 == -- ]] || fail "faults_walk CLEAN_FN -- TOOL ARGS" || return
	shift 2
	tool=${1##*/}
	want=$(tool_failure "$1")
	faults=0
	for ((n = 1; n <= 2000; n++)); do
		status=0
		# Told beside stderr, as a tool before it in a chain would ask for it.
		TACKLEBOX_FAIL=step:$errno@$n TACKLEBOX_EXPLAIN=fd:9, "${before[@]}" "$@" >"$out" 2>"$msg" </dev/null \
			9>"$T/faults.told" || status=$?
		((status != 0)) || break
		faults=$n
		fault_was_told "$tool" "$want" "$status" "$errno" "$msg" "$out" &&
			"$clean" || fail "after step $n failed with $errno: $*"$'\n'"$(<"$msg")" || return
	done
	((faults > 0)) || fail "the first step did not fail: $*" || return
	((n <= 2000)) || fail "never succeeds: $*" || return
	told=$(grep -c '^# [0-9.]*\. ' "$T/faults.told")
	[[ ! $count ]] || ((told <= faults)) ||
		fail "$told steps were told, and only $faults can fail: $*"$'\n'"$(<"$T/faults.told")"
}

fault_was_told() {
	local tool=$1 want=$2 status=$3 errno=$4 msg=$5 out=$6 lines
	mapfile -t lines <"$msg"
	[[ $status == "$want" || ( $want == 125 && $status == 126 ) ]] ||
		fail "exit status $status, not $want" || return
	[[ ${lines[0]} == *": cannot "*" ($errno)" ]] ||
		fail "the message does not name $errno and what could not be done" || return
	((${#lines[@]} == 1)) || [[ ${#lines[@]} == 2 && ${lines[1]} == "hint: "* ]] ||
		fail "more than an error and a hint" || return
	[[ ! -s $out ]] || fail "a failure printed a result on stdout: $(<"$out")"
}
