# shellcheck shell=bash
# Where a test runs: its directory, its environment, what it needs of the host.

# tb_base: a directory on a tmpfs in which programs may run, for what the tests make. ext4 is slow
# at making files, and knows no trusted.* attribute inside containers.
tb_base() {
	local dir
	for dir in /dev/shm /run /tmp "${TMPDIR:-/tmp}"; do
		[[ -w $dir && $(stat -f -c %T "$dir") == tmpfs ]] || continue
		(($(stat -f -c '%a*%S' "$dir") > 256 << 20)) || continue
		[[ ,$(findmnt -n -o OPTIONS -T "$dir"), == *,noexec,* ]] && continue
		echo "$dir"
		return
	done
	echo "${TMPDIR:-/tmp}"
}

# tb_program NAME: where the program of tests/NAME.c is; it is built now unless make has done it.
tb_program() {
	local source=$TB_TESTS/$1.c program=$TB_OUT/tests/$1
	if [[ ! -x $program || $source -nt $program ]]; then
		mkdir -p "${program%/*}" 2>/dev/null && [[ -w ${program%/*} ]] || program=$TB_DIR/$1
		"${CC:-gcc}" -std=gnu17 -D_GNU_SOURCE -O1 -static -o "$program.$$" "$source" || return
		mv "$program.$$" "$program"
	fi
	echo "$program"
}

tb_setup_file() {
	export TBID=$$ TB_DIR
	export TB_NAME=tbtest-$TBID TB_IF=tb$TBID
	TB_DIR=$(tb_base)/tb.$TBID
	mkdir "$TB_DIR"
	chmod 0711 "$TB_DIR"
	[[ ! ${TB_RUN_DIRS:-} ]] || echo "$TB_DIR" >>"$TB_RUN_DIRS" # for run.sh
	echo $$ >"$TB_DIR/pids"
	tb_clean_env
	PROBE=$(tb_program probe)
	export PROBE
	ledger >"$TB_DIR/ledger.before"
}

tb_teardown_file() {
	local status=0
	tb_ours "${TB_DIR-}" || return # the setup did not get that far
	ledger_settled >"$TB_DIR/ledger.after"
	# What was there before and has gone is nothing that was left: a process that was just ending.
	diff -U0 "$TB_DIR/ledger.before" "$TB_DIR/ledger.after" >"$TB_DIR/ledger.diff" || :
	if grep -q '^+[^+]' "$TB_DIR/ledger.diff"; then
		echo "# left behind by ${BATS_TEST_FILENAME##*/}:" >&3
		sed -n '/^+[^+]/s/^/# /p' "$TB_DIR/ledger.diff" >&3
		ledger_clean "$TB_DIR/ledger.diff"
		status=1
	fi
	rm -rf --one-file-system "$TB_DIR"
	return $status
}

# tb_clean_env: nothing of the caller's environment that would change what the tools do.
tb_clean_env() {
	local name
	for name in "${!TACKLEBOX_@}"; do
		unset "$name"
	done
	unset XDG_DATA_HOME XDG_RUNTIME_DIR
	export LC_ALL=C
	umask 022
	[[ $PATH == "$BIN":* ]] || PATH=$BIN:$PATH
	[[ :$PATH: == *:/usr/sbin:* ]] || PATH=$PATH:/usr/sbin:/sbin
	export PATH
}

tb_setup() {
	tb_clean_env
	echo $$ >>"$TB_DIR/pids"
	export T=$TB_DIR/$BATS_TEST_NUMBER
	mkdir "$T"
	export TACKLEBOX_ROOT=$T/state TACKLEBOX_RUN=$T/run
}

tb_teardown() {
	local left failed=
	tb_ours "${T-}" || return
	cd "$TB_TOP" || return
	[[ ! ${BATS_TEST_COMPLETED:-} || ! -e $T/failed ]] || failed=1
	[[ ! $failed ]] || { echo "failed before its end, and went on:"; cat "$T/failed"; }
	left=$(mounts_below "$T")
	if [[ $left ]]; then
		echo "still mounted after the test:"
		echo "$left"
		umount_below "$T"
	fi
	rm -rf --one-file-system "$T"
	[[ ! $left && ! $failed && ! -e $T ]]
}

rounds() {
	echo "${TEST_ROUNDS:-20}"
}

# wait_for CMD…: until it succeeds. 10 seconds are ages for everything we wait for, even on a busy
# machine of one processor; TB_WAIT (seconds) changes them.
wait_for() {
	# shellcheck disable=SC2034 # fail looks at it
	local end=$((SECONDS + ${TB_WAIT:-10})) tb_trying=1
	until "$@" >/dev/null 2>&1; do
		if ((SECONDS > end)); then
			echo "waited in vain for: $*"
			return 1
		fi
		sleep 0.02
	done
}

# wait_inside PIDFILE: until the program that ns-exec started runs; $inside is its number. The file is
# written before the root is made, so a number in it does not say yet that there is a root to join.
wait_inside() {
	wait_for test -s "$1"
	inside=$(<"$1")
	wait_for is_program "$inside"
}
# Its process 1 (--init) stays ns-exec; then its child is the program.
is_program() {
	local child
	[[ $(readlink "/proc/$1/exe") == */ns-exec ]] || return 0
	child=$(<"/proc/$1/task/$1/children")
	[[ $child && $(readlink "/proc/${child%% *}/exe") != */ns-exec ]]
}

# as_nobody CMD…: without root's rights, with places of its own below $T/nobody, which it owns.
# For an ordinary user it is a plain call: there is nothing to give up.
as_nobody() {
	local home=$T/nobody env=()
	((EUID == 0)) || { "$@"; return; }
	if [[ ! -d $home ]]; then
		mkdir -p "$home/run" && chmod 0700 "$home/run"
		chown -R nobody:nogroup "$home"
	fi
	env=(HOME="$home" USER=nobody LOGNAME=nobody TMPDIR="$home" XDG_RUNTIME_DIR="$home/run"
		TACKLEBOX_ROOT="$home/state" TACKLEBOX_RUN="$home/run/tacklebox")
	env -- "${env[@]}" setpriv --reuid nobody --regid nogroup --clear-groups "$@"
}

# requires WORD…: skips the test, saying what is missing.
requires() {
	local word
	for word in "$@"; do
		tb_has "$word" || tb_skip "needs $word"
	done
}

tb_skip() {
	if [[ ${TEST_STRICT:-} == 1 ]] && ! skip_is_listed "${BATS_TEST_FILENAME##*/}" "$1"; then
		echo "skipped in strict mode, and not listed in tests/skips.txt: $1"
		exit 1
	fi
	skip "$1"
}

# skip_is_listed FILE REASON: lines of skips.txt are FILE:REASON: why that is accepted
skip_is_listed() {
	grep -v '^#' "$TB_TESTS/skips.txt" 2>/dev/null | grep -qF -- "$1:$2:"
}

tb_has() {
	local word=$1
	case $word in
	root) ((EUID == 0)) ;;
	user) ((EUID != 0)) ;;
	userns) as_user_of_tests unshare --user --map-root-user true 2>/dev/null ;;
	overlay) tb_overlay '' ;;
	overlay-user) tb_overlay userxattr ;;
	net) unshare --user --map-root-user --net true 2>/dev/null ;;
	resource) (ulimit -n 100 && ulimit -n 101) 2>/dev/null ;;
	swap) (($(awk '/^SwapFree:/{ print $2 }' /proc/meminfo) >= 65536)) ;;
	user-xattr) : >"$TB_DIR/xattr" && setfattr -n user.test -v 1 "$TB_DIR/xattr" 2>/dev/null ;;
	tmpfs) [[ $(stat -f -c %T "$TB_DIR") == tmpfs ]] ;;
	cg) [[ -d $(cg_dir pids) && -w $(cg_dir pids) ]] ;;
	cg1) grep -q ' - cgroup ' /proc/self/mountinfo ;;
	cg2) grep -q ' - cgroup2 ' /proc/self/mountinfo ;;
	cg1-*) [[ $(cg_dir "${word#*-}") && $(cg_version "${word#*-}") == 1 ]] ;;
	cg2-*) [[ $(cg_dir "${word#*-}") && $(cg_version "${word#*-}") == 2 ]] ;;
	cg-*) [[ $(cg_dir "${word#*-}") ]] ;;
	*) command -v "$word" >/dev/null ;;
	esac
}

# as_user_of_tests CMD…: root's user namespaces say nothing about everybody else's.
as_user_of_tests() {
	if ((EUID == 0)); then
		setpriv --reuid nobody --regid nogroup --clear-groups "$@"
	else
		"$@"
	fi
}

# tb_overlay OPTION: tried, not guessed, in namespaces of its own.
tb_overlay() {
	local dir=$TB_DIR/overlay.try options
	mkdir -p "$dir"/{l,u,w,m}
	options=lowerdir=$dir/l,upperdir=$dir/u,workdir=$dir/w${1:+,$1}
	unshare --user --map-root-user --mount \
		mount -t overlay -o "$options" tbtest "$dir/m" 2>/dev/null ||
		{ [[ ! $1 && $EUID == 0 ]] && unshare --mount \
			mount -t overlay -o "$options" tbtest "$dir/m" 2>/dev/null; }
}

# cg_dir CONTROLLER: the root directory of the hierarchy that has it; empty where there is none.
# "unified" stands for the version 2 hierarchy itself.
cg_dir() {
	local dir
	dir=$(awk -v want="$1" '
		{ for (i = 1; i <= NF; i++) if ($i == "-") break }
		$(i + 1) == "cgroup" && ("," $(i + 3) ",") ~ ("," want ",") { print $5; exit }
		$(i + 1) == "cgroup2" && want == "unified" { print $5; exit }
	' /proc/self/mountinfo)
	if [[ ! $dir ]]; then
		dir=$(awk '/ - cgroup2 /{ print $5; exit }' /proc/self/mountinfo)
		grep -qw -- "$1" "$dir/cgroup.controllers" 2>/dev/null || dir=
	fi
	echo "$dir"
}

# cg_version CONTROLLER: 1 or 2.
cg_version() {
	local dir
	dir=$(cg_dir "$1")
	[[ -e $dir/cgroup.controllers ]] && echo 2 || echo 1
}
