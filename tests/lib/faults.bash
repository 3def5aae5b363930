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
	# CLEAN_FN sees these names: they are not those of a test.
	local tb_errno=EIO tb_clean tb_n tb_want tb_status tb_count=1 tb_told tb_before=()
	while [[ $1 == -* ]]; do
		case $1 in
		-e) tb_errno=$2; shift ;;
		-c) tb_count= ;;
		-w) read -ra tb_before <<<"$2"; shift ;;
		*) fail "faults_walk: what is $1?" || return ;;
		esac
		shift
	done
	tb_clean=$1
	[[ $2 == -- ]] || fail "faults_walk CLEAN_FN -- TOOL ARGS" || return
	shift 2
	tb_want=$(tool_failure "$1")
	faults=0
	for ((tb_n = 1; tb_n <= 2000; tb_n++)); do
		tb_status=0
		# Told beside stderr, as a tool before it in a chain would ask for it.
		TACKLEBOX_FAIL=step:$tb_errno@$tb_n TACKLEBOX_EXPLAIN=fd:9, "${tb_before[@]}" "$@" \
			>"$T/faults.out" 2>"$T/faults.err" </dev/null 9>"$T/faults.told" || tb_status=$?
		((tb_status != 0)) || break
		faults=$tb_n
		fault_was_told "$tb_want" "$tb_status" "$tb_errno" && "$tb_clean" ||
			fail "after step $tb_n failed with $tb_errno: $*"$'\n'"$(<"$T/faults.err")" || return
	done
	((faults > 0)) || fail "the first step did not fail: $*" || return
	((tb_n <= 2000)) || fail "never succeeds: $*" || return
	tb_told=$(grep -c '^# [0-9.]*\. ' "$T/faults.told")
	[[ ! $tb_count ]] || ((tb_told <= faults)) ||
		fail "$tb_told steps were told, and only $faults can fail: $*"$'\n'"$(<"$T/faults.told")"
}

fault_was_told() {
	local want=$1 status=$2 errno=$3 lines
	mapfile -t lines <"$T/faults.err"
	[[ $status == "$want" || ( $want == 125 && $status == 126 ) ]] ||
		fail "exit status $status, not $want" || return
	[[ ${lines[0]} == *": cannot "*" ($errno)" ]] ||
		fail "the message does not name $errno and what could not be done" || return
	((${#lines[@]} == 1)) || [[ ${#lines[@]} == 2 && ${lines[1]} == "hint: "* ]] ||
		fail "more than an error and a hint" || return
	[[ ! -s $T/faults.out ]] || fail "a failure printed a result on stdout: $(<"$T/faults.out")"
}
