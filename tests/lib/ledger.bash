# shellcheck shell=bash
# What is on the host and belongs to this test file. Several files run at the same time, so
# "ours" is told by names: everything a test makes bears $TBID, the process number of the test
# that made it, or lies below $TB_DIR.

# ledger: one line a thing, sorted.
ledger() {
	local processes
	# Before the pipeline, which has processes of its own.
	processes=$(ledger_processes)
	{
		[[ ! $processes ]] || echo "$processes"
		ledger_mounts
		ledger_cgroups
		ledger_netns
		ledger_links
		ledger_loops
	} | sort -u
}

# ledger_settled: the same once it stands still. Processes that were killed take a moment to go,
# and take with them the last reference to mounts and namespaces.
ledger_settled() {
	local end=$((SECONDS + ${TB_SETTLE:-5})) now
	while now=$(ledger) && [[ $now ]] && ((SECONDS < end)); do
		sleep 0.1
	done
	[[ ! $now ]] || echo "$now"
}

# our_name TEXT: whether a name is one of this file's: ends in, or goes on after, one of our numbers.
our_name() {
	local pid
	while read -r pid; do
		[[ $1 =~ (^|[^0-9])$pid($|[^0-9]) ]] && return
	done <"$TB_DIR/pids"
	return 1
}

# tb_ours DIR: whether it is the directory of a test file, or below it. What follows unmounts and kills
# by that name: of an empty variable, "below it" would be all that the host has.
tb_ours() {
	[[ ${1-} =~ ^/.+/tb\.[0-9]+(/[^/]+)*$ && $1 != *..* ]] || fail "not a directory of the tests: '${1-}'"
}

mounts_below() {
	tb_ours "$1" || return
	awk -v dir="$1/" 'index($5 "/", dir) == 1 { print $5 }' /proc/self/mountinfo
}

umount_below() {
	tb_ours "$1" || return
	mounts_below "$1" | sort -r | while read -r point; do
		umount -l -- "$(printf %b "$point")"
	done
}

ledger_mounts() {
	awk -v dir="$TB_DIR/" 'index($0, dir) { sub(/.* - /, "" $5 " "); print "mount " $0 }' \
		/proc/self/mountinfo
}

# Every hierarchy: cgroup directories are few, and `find` does not go below those that are not ours.
ledger_cgroups() {
	local root dir
	awk '/ - cgroup2? /{ print $5 }' /proc/self/mountinfo | while read -r root; do
		find "$root" -mindepth 1 -type d -name 'tb*' 2>/dev/null
	done | while read -r dir; do
		! our_name "${dir##*/}" || echo "cgroup $dir"
	done
}

ledger_netns() {
	local file
	for file in /run/netns/*; do
		! [[ -e $file ]] || ! our_name "${file##*/}" || echo "netns $file"
	done
}

ledger_links() {
	local dir
	for dir in /sys/class/net/*; do
		! our_name "${dir##*/}" || echo "link ${dir##*/}"
	done
}

ledger_loops() {
	local file
	for file in /sys/block/loop*/loop/backing_file; do
		! grep -sqF "$TB_DIR/" "$file" || echo "loop ${file%/loop/*} $(<"$file")"
	done
}

# Processes that carry our variable, stand below our directory, or are in one of our groups, except
# those that run the tests. A zombie has none of these: its parent has yet to collect it.
ledger_processes() {
	local dir
	{
		grep -slzx "TBID=$TBID" /proc/[0-9]*/environ
		find /proc/[0-9]*/{exe,cwd,root} -maxdepth 0 -printf '%p %l/\n' |
			awk -v dir=" $TB_DIR/" 'index($0, dir) { print $1 }'
		grep -s tbtest- /proc/[0-9]*/cgroup | while IFS=: read -r dir _ _ group; do
			! our_name "${group##*tbtest-}" || echo "$dir"
		done
	} 2>/dev/null | cut -d/ -f3 | sort -u | while read -r pid; do
		[[ ! $(readlink "/proc/$pid/exe") ]] || is_harness "$pid" ||
			echo "process $pid $(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline")"
	done
}

# The shells of bats itself, and what this function runs in.
is_harness() {
	local pid=$1
	[[ $pid == "$$" || $pid == "$BASHPID" || $pid == "$PPID" ]] && return
	case $(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline") in
	*/bats-core/* | *bats-exec-* | *bats-format-*) return 0 ;;
	esac
	return 1
}

# ledger_clean DIFF: takes away what was left, so that one bad test does not spoil the files after it.
ledger_clean() {
	local kind what _
	tb_ours "$TB_DIR" || return
	sed -n 's/^+\([^+]\)/\1/p' "$1" | sort -r | while read -r kind what _; do
		case $kind in
		process) kill -9 "$what" ;;
		mount) umount -l -- "$(printf %b "$what")" ;;
		cgroup) wait_for find "$what" -depth -type d -exec rmdir {} + ;;
		netns) ip netns delete "${what##*/}" ;;
		link) ip link delete "$what" ;;
		loop) losetup -d "/dev/${what##*/}" ;;
		esac
	done >/dev/null 2>&1
	umount_below "$TB_DIR"
	return 0
}
