# shellcheck shell=bash
# What every test file loads: `load helpers`. The interface, in one place:
#
#   setup_file()    { tb_setup_file; }       # the ledger before; builds what is missing
#   teardown_file() { tb_teardown_file; }    # the ledger after: what is left fails the file
#   setup()         { tb_setup; }            # fresh $T, clean environment
#   teardown()      { tb_teardown; }         # nothing mounted below $T; $T goes
#
# Variables in a test:
#   $T        a fresh directory on a tmpfs (0755, removed after the test)
#   $BIN      the built programs, first in PATH
#   $PROBE    static program that prints as JSON what it sees (tests/probe.c)
#   $TBID     unique for the run of this file; $TB_NAME is "tbtest-$TBID", $TB_IF "tb$TBID"
#             (short enough for an interface name with two characters more). Everything a test makes
#             on the host bears one of them, or "tbtest-$$": the ledger counts what is ours by that.
#   $TB_TOP   the source tree
#
# Functions (each file of tests/lib says more above its functions):
#   requires WORD…       skip unless all are there: root user userns cg1 cg2 cg cg1-CTRL cg2-CTRL
#                        cg-CTRL overlay overlay-user user-xattr net tmpfs swap, or the name
#                        of a command
#   make_root DIR        a root directory: busybox with all its applets, /etc/passwd, /probe
#   rounds               how often long loops go round: TEST_ROUNDS, 20
#   as_nobody CMD…       as uid nobody without groups, with a state, run and home directory of its own
#   wait_for CMD…        until CMD succeeds; a failure after 10 s
#   replay_same, state_* `tool -n | sh` leaves what `tool` leaves (lib/replay.bash)
#   faults_walk          every step of a tool fails once (lib/faults.bash)
#   told_same            what -x tells is what strace sees (lib/told.bash)
#   golden FILE          a transcript of golden/ (lib/golden.bash)
#   in_fresh OPTIONS CMD…  in new namespaces, in an empty tmpfs (lib/replay.bash)
#   assert_eq WANT GOT [WHAT], assert_like TEXT GLOB, assert_status N, assert_line TEXT,
#   assert_error TOOL GLOB [HINTGLOB], assert_json FILTER [JQ-ARG…], fail TEXT…
#
# A test is not skipped silently: with TEST_STRICT=1 a skip that does not stand in tests/skips.txt
# with its reason is a failure.

bats_require_minimum_version 1.5.0

TB_TESTS=${BASH_SOURCE[0]%/*}
TB_TOP=${TB_TESTS%/*}
[[ $TB_TESTS == /* ]] || { TB_TESTS=$(cd "$TB_TESTS" && pwd) && TB_TOP=${TB_TESTS%/*}; }
TB_OUT=${O:-build}
[[ $TB_OUT == /* ]] || TB_OUT=$TB_TOP/$TB_OUT
BIN=${TB_BIN:-$TB_OUT/bin}
PROBE=$TB_OUT/tests/probe
export TB_TESTS TB_TOP TB_OUT BIN PROBE

for tb_part in env ledger asserts root replay faults told golden; do
	# shellcheck source=/dev/null
	. "$TB_TESTS/lib/$tb_part.bash"
done
unset tb_part
