#!/usr/bin/env bats
# The test harness itself: that it sees what it is there to see. A tool of a few lines of sh plays
# one that errs; a test file that leaves things behind runs in a bats of its own.

load helpers

setup_file() { tb_setup_file; }
teardown_file() { tb_teardown_file; }
setup() {
	tb_setup
	cat >"$T/fake" <<'END'
#!/bin/bash
# fake [-x|-n] NAME: makes the directories NAME and NAME/sub, and prints NAME. $FAKE says how it errs.
n=0 mode=do
[[ ${TACKLEBOX_EXPLAIN-} == fd:9, ]] && mode=9
say() { case $mode in x) cat >&2 ;; n) cat ;; 9) cat >&9 ;; *) cat >/dev/null ;; esac; }
step() { # step CALL-TEXT COMMAND UNDO
	n=$((n + 1))
	if [[ ${TACKLEBOX_FAIL-} == step:*"@$n" ]]; then
		name=${TACKLEBOX_FAIL#step:} name=${name%@*}
		if [[ $FAKE == hides && $n == 2 ]]; then
			printf '# 2. hidden\n' | say
			return
		fi
		[[ $FAKE == leaves ]] || eval "${undo:-:}"
		[[ $FAKE == talks ]] && printf 'one\ntwo\n' >&2
		[[ $FAKE == anon ]] && name=EWHAT
		echo "fake: cannot do $1: Some text ($name)" >&2
		[[ $FAKE == status ]] && exit 3
		exit 1
	fi
	[[ $FAKE == untold && $n == 2 ]] ||
		printf '# %d. because\n#    %s = 0\n%s\n' "$n" "$1" "$2" | say
	[[ $FAKE != gap ]] || n=$((n + 1))
	[[ $mode == n ]] || eval "$2"
	undo="$3; ${undo-}"
}
case $1 in
--no-such-option-at-all) exit 2 ;;
-x) mode=x; shift ;;
-n) mode=n; shift; echo set -e ;;
esac
[[ $FAKE == drywrites && $mode == n ]] && mkdir "$1.dry"
step "mkdir(\"$1\")" "mkdir $1" "rmdir $1"
if [[ $FAKE == overtold ]]; then
	step "mkdir(\"$1/more\")" : :
fi
step "mkdir(\"$1/sub\")" "mkdir $1/sub" "rmdir $1/sub"
[[ $FAKE == xresult && $mode == x ]] && echo more
if [[ $mode == n ]]; then
	[[ $FAKE == shortscript ]] && echo "rmdir $1/sub"
	echo "echo $1"
else
	echo "$1"
fi
END
	chmod +x "$T/fake"
	cd "$T" || return
}
teardown() { tb_teardown; }

dirs() { find . -mindepth 1 -type d | sort; }
empty() { [[ ! $(find "$T" -name 'made*' -print -quit) ]]; }

# errs FAKE PATTERN CMD…: the check must fail with that, and not with something else.
errs() {
	export FAKE=$1
	local pattern=$2 tb_trying=1
	shift 2
	run "$@"
	((status != 0)) || fail "not noticed: $FAKE"
	assert_like "$output" "*$pattern*"
}

@test "replay: a true script passes" {
	replay_same dirs -- "$T/fake" made
	assert_eq "" "$(find "$T/here" -mindepth 1)" "left in the test's own directory"
}

@test "replay: a script that leaves less, a dry run that acts, -x that prints more" {
	errs shortscript "state of the script run differs" replay_same dirs -- "$T/fake" made
	errs drywrites "a dry run changed something" replay_same dirs -- "$T/fake" made
	errs xresult "out of the explained run differs" replay_same dirs -- "$T/fake" made
	errs gap "not numbered in a row" replay_same dirs -- "$T/fake" made
}

@test "faults: a tool that undoes everything passes" {
	faults_walk empty -- "$T/fake" "$T/made"
	assert_eq 2 "$faults"
	[[ -d $T/made/sub ]]
}

@test "faults: what is left, a wrong status, an unnamed errno, too many lines, a step that cannot fail" {
	errs leaves "after step 2 failed" faults_walk empty -- "$T/fake" "$T/made"
	rmdir "$T/made"
	errs status "exit status 3, not 1" faults_walk empty -- "$T/fake" "$T/made"
	errs anon "does not name EIO" faults_walk empty -- "$T/fake" "$T/made"
	errs talks "does not name EIO" faults_walk empty -- "$T/fake" "$T/made"
	errs hides "steps were told" faults_walk empty -- "$T/fake" "$T/made"
}

@test "told: a tool that tells all passes, one that hides or invents a step does not" {
	requires strace
	told_same -- "$T/fake" made
	rm -r made
	errs untold "mkdir: made 2, told 1" told_same -- "$T/fake" made
	rm -r made
	errs overtold "mkdir: made 2, told 3" told_same -- "$T/fake" made
}

# leaves COMMANDS: a test file of its own, with one test of these commands.
leaves() {
	# bats looks for tests in here too: the word must not stand at the start of a line.
	local word=@test
	cat >"$T/inner.bats" <<-END
		load $TB_TESTS/helpers
		setup_file() { tb_setup_file; }
		teardown_file() { tb_teardown_file; }
		setup() { tb_setup; }
		teardown() { tb_teardown; }
		$word "it" {
		$1
		}
	END
	inner_bats
}

# Not the one in bats' own directory, which it puts first in PATH.
inner_bats() {
	local bats
	bats=$(type -ap bats | grep -v libexec | head -n 1)
	run env -i PATH="$PATH" HOME="$T" O="$TB_OUT" TB_SETTLE=1 "$bats" -F tap "$T/inner.bats"
}

# In namespaces of its own: were there no such check, what it would end and unmount is only theirs.
@test "ledger: without a directory of the tests nothing is unmounted and nobody is killed" {
	requires root
	in_fresh '--pid --fork --mount-proc' without_directory
}
without_directory() {
	# shellcheck disable=SC2034 # fail looks at it
	local tb_trying=1 before sleeper
	sleep 60 &
	sleeper=$!
	before=$(</proc/self/mountinfo)
	printf '+process %s\n+mount /proc\n' $sleeper >"$T/diff"
	for TB_DIR in '' / /dev/shm "$T/.." /dev/shm/tb.1/../..; do
		! ledger_clean "$T/diff" || exit 1
		! umount_below "$TB_DIR" || exit 1
		! T=$TB_DIR tb_teardown || exit 1
		! tb_teardown_file || exit 1
	done
	kill -0 $sleeper
	[[ $before == "$(</proc/self/mountinfo)" ]]
	kill $sleeper
}

@test "ledger: nothing left, nothing said" {
	leaves 'touch $T/file'
	assert_status 0
	assert_line "ok 1 it"
}

@test "an assertion that failed where bash forgets -e, and a body in namespaces that goes on, fail all the same" {
	leaves 'forgets() { assert_eq 1 2; true; }; forgets || true'
	assert_status 1
	assert_line "# failed before its end, and went on:"
	leaves 'inside() { false; true; }; in_fresh "" inside'
	assert_status 1
	leaves 'later() { [[ -e $T/now ]] || { : >$T/now; fail "not yet"; }; }; wait_for later'
	assert_status 0
}

@test "ledger: a mount, a group, a link, a network namespace, a process, a loop device" {
	requires root cg-pids
	local dir
	dir=$(cg_dir pids)
	leaves 'mkdir $T/m; mount -t tmpfs tbtest $T/m'
	assert_status 1
	assert_like "$output" "*still mounted*"
	leaves "mkdir -p $dir/tbtest-\$\$-left/sub"
	assert_status 1
	assert_like "$output" "*cgroup $dir/tbtest-*-left*"
	[[ $output =~ cgroup\ (/[^ ]*-left) && ! -e ${BASH_REMATCH[1]} ]]
	leaves 'ip link add ${TB_IF}a type bridge'
	assert_status 1
	assert_like "$output" "*link tb*a*"
	leaves 'ip netns add $TB_NAME-left'
	assert_status 1
	assert_like "$output" "*netns /run/netns/tbtest-*-left*"
	[[ $output =~ (/run/netns/[^ ]*-left) && ! -e ${BASH_REMATCH[1]} ]]
	leaves "setsid sleep 600.$TBID >/dev/null 2>&1 3>&- &"
	assert_status 1
	assert_like "$output" "*process * sleep 600.$TBID*"
	leaves "env -i setsid sleep 600.$TBID >/dev/null 2>&1 3>&- &"
	# Nothing marks it: the runner's subreaper finds it.
	assert_status 0
	run pgrep -fx "sleep 600.$TBID"
	kill "$output"
	leaves 'truncate -s 1M $TB_DIR/disk; losetup -f $TB_DIR/disk'
	assert_status 1
	assert_like "$output" "*loop *tb.*disk*"
}

@test "subreaper: names and kills what a command leaves, and ends one that hangs" {
	local sub=$TB_OUT/tests/subreaper
	[[ -x $sub ]] || skip "needs make test-programs"
	run "$sub" true
	assert_status 0
	run "$sub" sh -c 'exit 7'
	assert_status 7
	run "$sub" sh -c "env -i setsid sleep 600.$TBID >/dev/null 2>&1 3>&- & exit 0"
	assert_status 1
	assert_like "$output" "# left running: * sleep 600.$TBID*"
	run "$sub" -t 1 sh -c "setsid sleep 600.$TBID >/dev/null 2>&1 3>&- & sleep 600.$TBID 3>&-"
	assert_status 124
	assert_like "$output" "*time limit*"
	run pgrep -fx "sleep 600.$TBID"
	assert_status 1
}

@test "run.sh: red fails; with TEST_AGAIN what is green alone is called unsteady, and what stays red is red" {
	mkdir -p "$T/o/tests" "$T/o/bin"
	ln -s "$TB_OUT/tests/subreaper" "$T/o/tests"
	printf '@test "first" {\n\t[ -e %q ] || { touch %q; false; }\n}\n@test "other" { true; }\n' "$T/been" "$T/been" >"$T/once.bats"
	printf '@test "never" { false; }\n' >"$T/red.bats"
	# again N FILE…: a run of its own, which leaves the log of the one that we are in alone.
	again() {
		local n=$1
		shift
		rm -f "$T/been"
		run env -u TEST_STRICT -u V -u TEST_TAGS "O=$T/o" TEST_AGAIN="$n" "$TB_TESTS/run.sh" "$@"
	}
	again 0 "$T/once.bats"
	assert_status 1
	assert_like "$output" '*1 passed, 1 failed, 0 skipped'
	again 1 "$T/once.bats"
	assert_status 0
	assert_like "$output" '*unsteady, red at first and green alone: once.bats*2 passed, 0 failed, 0 skipped'
	again 2 "$T/once.bats" "$T/red.bats"
	assert_status 1
	assert_like "$output" '*unsteady*: once.bats*2 passed, 1 failed, 0 skipped'
	# More than so many are no accident.
	again 1 "$T/once.bats" "$T/red.bats"
	assert_status 1
	assert_like "$output" '*1 passed, 2 failed, 0 skipped'
}

@test "requires: skips and says why; strict mode wants it listed" {
	leaves 'requires no-such-command'
	assert_status 0
	assert_line "ok 1 it # skip needs no-such-command"
	sed -i 's/requires/export TEST_STRICT=1; requires/' "$T/inner.bats"
	inner_bats
	assert_status 1
	assert_like "$output" "*not listed in tests/skips.txt*"
}

@test "as_nobody: no rights, places of its own" {
	run as_nobody "$PROBE"
	assert_json '.cap_eff == [] and .cap_prm == []'
	((EUID != 0)) || assert_json '.uid.real == 65534 and .gid.real == 65534 and .groups == []'
	((EUID != 0)) || assert_json '.env.TACKLEBOX_ROOT == "\($t)/nobody/state"' --arg t "$T"
}

@test "make_root: programs run in it, and two roots are two" {
	requires root
	make_root "$T/a"
	make_root "$T/b"
	run chroot "$T/a" /bin/sh -c 'rm /bin/ls; id -un; cat /etc/hostname; echo x >/etc/hostname'
	assert_eq $'root\ntbtest' "$output"
	run chroot "$T/b" /bin/ls /etc/hostname
	assert_status 0
	run chroot "$T/b" /probe a b
	assert_json '.argv == ["/probe", "a", "b"] and .cwd == "/"'
}

@test "probe: JSON whatever it is given" {
	local odd=$'\xff\xc3(\x01"\\\n\t\xc3\xa4'
	run env "ODD=$odd" "$PROBE" "$odd"
	assert_json '.argv[1] == "\ufffd\ufffd(\u0001\"\\\n\t\u00e4" and .env.ODD == .argv[1]'
	assert_json '.pid > 0 and (.mounts | length > 0) and .hostname and (.cap_bnd | type == "array")'
	assert_json '.umask == "0022" and .tty == [null, null, null]'
	run bash -c 'ulimit -n 77; umask 027; trap "" USR1; exec "$PROBE"'
	assert_json '.rlimits.nofile == [77, 77] and .umask == "0027" and (.sig_ignored | contains([10]))'
}

@test "probe: its modes" {
	run "$PROBE" exit 9
	assert_status 9
	run "$PROBE" kill 15
	assert_status 143
	run "$PROBE" call getpid nosuchcall
	assert_line '{"call":"getpid","errno":""}'
	assert_line '{"call":"nosuchcall","errno":"ENOSYS"}'
	run "$PROBE" read /etc/passwd /no/such
	assert_line '{"read":"/etc/passwd","errno":""}'
	assert_line '{"read":"/no/such","errno":"ENOENT"}'
	run "$PROBE" reap
	assert_json '.reaped'
	run "$PROBE" fork 3
	assert_json '.forked == 3 and .errno == ""'
	run "$PROBE" eat 2
	assert_eq eaten "$output"
}
