#!/usr/bin/env bats
# bats file_tags=chain
# A wrapper is transparent: every exit status 0 to 255 and every death by signal 1 to 64 comes through
# it, and every signal goes in. With TEST_ROUNDS below 20, some of them do. What is tagged "anywhere"
# differs from its neighbours by the wrapper only: on another kernel one of them is enough.

load helpers

setup_file() { tb_setup_file; }
teardown_file() {
	cg-rm --kill "$TB_NAME-exits" 2>/dev/null || :
	tb_teardown_file
}
setup() {
	tb_setup
	W=()
}
teardown() {
	[[ ! ${TARGET-} ]] || kill -9 "$TARGET"
	tb_teardown
}

# target: a process in namespaces of its own, to be entered; its number is in TARGET.
target() {
	ns-exec --all -- "$PROBE" sleep >"$T/target.out" 2>/dev/null 3>&- &
	TARGET=$!
	wait_for grep -qx ready "$T/target.out" || return
	INSIDE=$(pgrep -P $TARGET)
}

# wrapper NAME: sets W to the command line before the program, and PROG to the probe as it is called
# behind it.
wrapper() {
	PROG=$PROBE
	case $1 in
	cg) W=(cg-exec "$TB_NAME-exits" --) ;;
	uts) W=(ns-exec --uts --) ;;
	user) W=(ns-exec --user --uts --) ;;
	pid) W=(ns-exec --pid --) ;;
	init) W=(ns-exec --pid --init --) ;;
	root) W=(ns-exec --all --root "$T/root" --) ;;
	cg+root+init) W=(cg-exec "$TB_NAME-exits" -- ns-exec --all --init --root "$T/root" --) ;;
	uts+pid) W=(ns-exec --uts -- ns-exec --pid --mount --) ;;
	pid+cg) W=(ns-exec --pid -- cg-exec "$TB_NAME-exits" --) ;;
	init+init) W=(ns-exec --pid --init -- ns-exec --pid --init --) ;;
	enter) requires root && target && W=(ns-enter "$INSIDE" --) ;;
	enter-uts) requires root && target && W=(ns-enter "$INSIDE" --uts --net --) ;;
	cg+enter+init) requires root && target &&
		W=(cg-exec "$TB_NAME-exits" -- ns-enter "$INSIDE" -- ns-exec --pid --init --) ;;
	esac
	case $1 in
	*cg*)
		requires root cg-pids
		cg-create "$TB_NAME-exits" >/dev/null 2>&1 || [[ -d $(cg_dir pids)/$TB_NAME-exits ]]
		;;
	user) requires userns ;;
	*) requires root ;;
	esac
	if [[ $1 == *root* ]]; then
		PROG=/probe
		[[ -d $T/root ]] || make_root "$T/root"
	fi
}

# few: whether short loops will do.
few() { (($(rounds) < 20)); }

every_status() {
	local n status list
	wrapper "$1"
	list=$(few && echo 0 1 2 124 125 126 127 128 129 137 255 || echo {0..255})
	for n in $list; do
		status=0
		"${W[@]}" "$PROG" exit $n || status=$?
		((status == n)) || fail "${W[*]}: exit status $n came out as $status" || return
	done
}

@test "every exit status through cg-exec" { every_status cg; }
@test "every exit status through cg-exec ns-exec --all --init --root" { every_status cg+root+init; }
# bats file_tags=chain,anywhere
@test "every exit status through ns-exec --uts" { every_status uts; }
@test "every exit status through ns-exec --user" { every_status user; }
@test "every exit status through ns-exec --pid" { every_status pid; }
@test "every exit status through ns-exec --pid --init" { every_status init; }
@test "every exit status through ns-exec --all --root" { every_status root; }
@test "every exit status through ns-exec ns-exec --pid" { every_status uts+pid; }
@test "every exit status through ns-exec --pid cg-exec" { every_status pid+cg; }
@test "every exit status through ns-exec --pid --init, twice" { every_status init+init; }
@test "every exit status through ns-enter" { every_status enter; }
@test "every exit status through ns-enter --uts --net" { every_status enter-uts; }
@test "every exit status through cg-exec ns-enter ns-exec --init" { every_status cg+enter+init; }
# bats file_tags=chain

# What a signal without a handler does: end the process, nothing, or stop it (signal(7)).
ends() {
	case $1 in
	17 | 18 | 23 | 28) return 1 ;; # CHLD CONT URG WINCH: nothing
	19 | 20 | 21 | 22) return 1 ;; # STOP TSTP TTIN TTOU: stopped, not ended
	esac
}

# The program dies of every signal that kills.
every_death() {
	local n status list
	wrapper "$1"
	list=$(few && echo 1 2 9 11 15 31 34 64 || echo {1..64})
	for n in $list; do
		ends $n || continue
		status=0
		# In a shell of its own, whose stderr has the notices ("Killed") in it.
		(exec 2>/dev/null; "${W[@]}" "$PROG" kill $n; exit $?) || status=$?
		((status == 128 + n)) || fail "${W[*]}: signal $n came out as $status" || return
	done
}

@test "death by every signal through cg-exec ns-exec --all --init --root" { every_death cg+root+init; }
# bats file_tags=chain,anywhere
@test "death by every signal through cg-exec" { every_death cg; }
@test "death by every signal through ns-exec --uts" { every_death uts; }
@test "death by every signal through ns-exec --user" { every_death user; }
@test "death by every signal through ns-exec --pid --init" { every_death init; }
@test "death by every signal through ns-exec --pid --init, twice" { every_death init+init; }
@test "death by every signal through ns-enter" { every_death enter; }
@test "death by every signal through ns-enter --uts --net" { every_death enter-uts; }
@test "death by every signal through cg-exec ns-enter ns-exec --init" { every_death cg+enter+init; }
# bats file_tags=chain

# Process 1 of a namespace is spared by signals of its own making (pid_namespaces(7)): it dies of
# faults, and of SIGKILL from outside.
deaths_of_process_1() {
	local status=0 pid
	wrapper "$1"
	(exec 2>/dev/null; "${W[@]}" "$PROG" kill 15; exit $?) || status=$?
	assert_eq 0 "$status" "SIGTERM by process 1 to itself" || return
	(exec 2>/dev/null; "${W[@]}" "$PROG" crash segv; exit $?) || status=$?
	assert_eq 139 "$status" "segmentation fault" || return
	status=0
	(exec 2>/dev/null; "${W[@]}" "$PROG" crash ill; exit $?) || status=$?
	assert_eq 132 "$status" "illegal instruction" || return
	"${W[@]}" "$PROG" sleep >"$T/out" 2>/dev/null 3>&- &
	pid=$!
	wait_for grep -qx ready "$T/out" || return
	kill -9 "$(innermost $pid)"
	status=0
	wait $pid 2>/dev/null || status=$?
	assert_eq 137 "$status" "killed from outside"
}

# innermost PID: the last of a line of only children: the program behind its wrappers.
innermost() {
	local pid=$1 child
	while child=$(pgrep -P "$pid"); do
		pid=$child
	done
	echo "$pid"
}

@test "deaths of process 1 through ns-exec --pid cg-exec" { deaths_of_process_1 pid+cg; }
# bats file_tags=chain,anywhere
@test "deaths of process 1 through ns-exec --pid" { deaths_of_process_1 pid; }
@test "deaths of process 1 through ns-exec --all --root" { deaths_of_process_1 root; }
@test "deaths of process 1 through ns-exec ns-exec --pid" { deaths_of_process_1 uts+pid; }
# bats file_tags=chain

# Every signal that can be sent to the wrapper arrives in the program, once, and in order. SIGKILL and
# SIGSTOP nobody can hand on; SIGCHLD tells the wrapper of its own child; 32 and 33 belong to the C
# library (nptl(7)).
every_signal_in() {
	local n pid status=0 want=ready list
	wrapper "$1"
	list=$(few && echo 1 2 10 18 20 28 34 64 || echo {1..8} {10..14} 16 18 {20..31} {34..64})
	"${W[@]}" "$PROG" signals >"$T/out" 2>/dev/null 3>&- &
	pid=$!
	wait_for grep -qx ready "$T/out" || return
	for n in $list 15; do
		kill -"$n" $pid
		want+=$'\n'$n
		wait_for same_text "$want" "$T/out" || fail "${W[*]}: signal $n: $(<"$T/out")" || return
	done
	wait $pid || status=$?
	assert_eq 0 "$status"
}

same_text() { [[ $(<"$2") == "$1" ]]; }

@test "every signal into cg-exec ns-exec --all --init --root" { every_signal_in cg+root+init; }
# bats file_tags=chain,anywhere
@test "every signal into ns-exec --pid" { every_signal_in pid; }
@test "every signal into ns-exec --pid --init" { every_signal_in init; }
@test "every signal into ns-exec --user" { every_signal_in user; }
@test "every signal into ns-exec --pid --init, twice" { every_signal_in init+init; }
@test "every signal into ns-enter" { every_signal_in enter; }
@test "every signal into cg-exec ns-enter ns-exec --init" { every_signal_in cg+enter+init; }
# bats file_tags=chain

# A shell sees a stopped job as stopped, and it goes on where it was.
stops_and_goes_on() {
	local pid
	wrapper "$1"
	"${W[@]}" "$PROG" sleep >"$T/out" 2>/dev/null 3>&- &
	pid=$!
	wait_for grep -qx ready "$T/out" || return
	kill -STOP "$(innermost $pid)"
	wait_for in_state T $pid || fail "the wrapper does not stop with its program" || return
	kill -CONT $pid
	wait_for in_state S $pid && wait_for in_state S "$(innermost $pid)" ||
		fail "SIGCONT does not reach the program" || return
	kill -KILL "$(innermost $pid)"
	wait $pid || [[ $? == 137 ]]
}

in_state() { grep -q "^State:[[:space:]]*$1" "/proc/$2/status"; }

@test "a stopped program is a stopped job, and goes on: ns-exec --pid" { stops_and_goes_on pid; }
# bats file_tags=chain,anywhere
@test "a stopped program is a stopped job, and goes on: ns-exec ns-exec --pid" { stops_and_goes_on uts+pid; }
@test "a stopped program is a stopped job, and goes on: ns-enter" { stops_and_goes_on enter; }
# bats file_tags=chain

# Whatever way the wrapper ends, nothing of it goes on.
killed_with_its_wrapper() {
	local pid inner
	wrapper "$1"
	"${W[@]}" "$PROG" sleep >"$T/out" 2>/dev/null 3>&- &
	pid=$!
	wait_for grep -qx ready "$T/out" || return
	inner=$(innermost $pid)
	kill -KILL $pid
	wait $pid || [[ $? == 137 ]]
	wait_for gone "$inner" || fail "the program outlives its wrapper: $(ps -o pid,ppid,args "$inner")"
}

gone() { [[ ! -e /proc/$1 ]] || in_state Z "$1"; }

@test "a killed wrapper takes its program along: cg-exec ns-exec" { killed_with_its_wrapper cg+root+init; }
# bats file_tags=chain,anywhere
@test "a killed wrapper takes its program along: ns-enter" { killed_with_its_wrapper enter; }
@test "a killed wrapper takes its program along: ns-exec --pid" { killed_with_its_wrapper pid; }
@test "a killed wrapper takes its program along: ns-exec --pid --init" { killed_with_its_wrapper init; }
# bats file_tags=chain

# ---- what cannot be run ----

cannot_be_run() {
	wrapper "$1"
	local dir=$T
	[[ $1 != *root* ]] || dir=$T/root/tmp
	echo text >"$dir/plain"
	printf 'text\n' >"$dir/text"
	printf '\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\363\0' >"$dir/riscv"
	printf '#!/no/such/shell\n' >"$dir/script"
	printf '#!/bin/sh\nexit $1\n' >"$dir/good"
	chmod +x "$dir"/{text,riscv,script,good}
	[[ $1 != *root* ]] || dir=/tmp
	local row
	for row in "127 $dir/missing ENOENT" "127 no-such-command-at-all ENOENT" "126 $dir/plain EACCES" \
		"126 $dir EACCES" "126 $dir/text ENOEXEC" "126 $dir/riscv ENOEXEC" "126 $dir/script ENOENT" \
		"127 $dir/plain/x ENOTDIR"; do
		# shellcheck disable=SC2086 # three words
		set -- $row
		run "-$1" "${W[@]}" "$2" || return
		assert_like "${lines[0]}" "[cn][gs]-e*: cannot run $2: * ($3)" || return
		((${#lines[@]} == 1)) || [[ ${#lines[@]} == 2 && ${lines[1]} == hint:* ]] || fail "$output" || return
	done
	run "${W[@]}" "$dir/good" 77
	assert_status 77
}

@test "not found is 127, found but not to be run is 126: cg-exec ns-exec --root" { cannot_be_run cg+root+init; }
# bats file_tags=chain,anywhere
@test "not found is 127, found but not to be run is 126: cg-exec" { cannot_be_run cg; }
@test "not found is 127, found but not to be run is 126: ns-exec --uts" { cannot_be_run uts; }
@test "not found is 127, found but not to be run is 126: ns-exec --pid" { cannot_be_run pid; }
@test "not found is 127, found but not to be run is 126: ns-exec --pid --init" { cannot_be_run init; }
@test "not found is 127, found but not to be run is 126: ns-exec --all --root" { cannot_be_run root; }
@test "not found is 127, found but not to be run is 126: ns-enter" { cannot_be_run enter; }
# bats file_tags=chain
