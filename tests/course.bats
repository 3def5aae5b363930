#!/usr/bin/env bats
# bats file_tags=tutorial
# The lessons of the course under stress: killed in their middle, again and again, several at a time,
# without any network. `make check-tutorial` runs each of them once; here are a few, and all of them, as root
# and as an ordinary user, with
#	make check FILES=tests/course.bats TEST_ROUNDS=200
load helpers

setup_file() { tb_setup_file; }
teardown_file() { tb_teardown_file; }
setup() {
	tb_setup
	requires root userns overlay jq
	WALK=$TB_TOP/tutorial/walk
	export O=$TB_OUT
	chmod 755 "$T"
	mkdir -m 1777 "$T/tmp"
}
teardown() { tb_teardown; }

# become root|nobody: who[] is what a command line of his begins with.
become() {
	who=(env)
	[[ $1 == root ]] || who=(setpriv --reuid nobody --regid nogroup --clear-groups env HOME="$T/tmp")
	who+=(TMPDIR="$T/tmp")
}

# The process namespaces of what descends from process $1, other than our own.
namespaces_below() {
	local pid
	for pid in $(pgrep -P "$1"); do
		readlink "/proc/$pid/ns/pid" "/proc/$pid/ns/pid_for_children"
		namespaces_below "$pid"
	done | sort -u | grep -vFx "$(readlink /proc/self/ns/pid)"
}

nothing_left() {
	local group
	# Whatever ran in the lab's process namespace, and whatever has our directory among its words.
	[[ ! $spaces ]] || ! readlink /proc/[0-9]*/ns/pid 2>/dev/null | grep -qFx "$spaces" || return
	! pgrep -f "$T/lessons" >/dev/null || return
	[[ ! $(ls -A "$T/tmp") ]] || return
	for group in /sys/fs/cgroup/lab-* /sys/fs/cgroup/*/lab-*; do
		# One without its lab.
		[[ ! -d $group ]] || kill -0 "${group##*-}" 2>/dev/null || return
	done
}

# killed LESSON SIGNAL WHO
killed() {
	local walk who=()
	echo "# lesson $1, $2, as $3"
	# Of a session of its own: Ctrl-C goes to the whole group of processes, KILL to one.
	become "$3"
	"${who[@]}" setsid env --default-signal=INT "$WALK" -t "$T/lessons/$1" >"$T/out" 2>&1 3>&- &
	walk=$!
	wait_for grep -q "^ok" "$T/out" || { cat "$T/out" && return 1; }
	sleep "$((RANDOM % 3)).$((RANDOM % 10))"
	spaces=$(namespaces_below $walk) || : # none: it has ended
	if [[ $2 == INT ]]; then
		kill -INT -- -$walk 2>/dev/null || : # it may have ended
	else
		kill -KILL $walk 2>/dev/null || :
	fi
	wait $walk || :
	wait_for nothing_left || { ls -A "$T/tmp"; ls -d /sys/fs/cgroup/*/lab-*; fail "lesson $1, $2, as $3 leaves something"; }
}

@test "each lesson, killed at any moment, by KILL and by Ctrl-C, leaves nothing: as root and as a user" {
	local lesson signal who n=$(($(rounds) / 3)) all=()
	mkdir -m 755 "$T/lessons"
	cp "$TB_TOP"/tutorial/[0-9]*.md "$T/lessons"
	mapfile -t all < <(for lesson in "$T/lessons"/*.md; do
		for signal in KILL INT; do
			for who in root nobody; do
				echo "${lesson##*/} $signal $who"
			done
		done
	done | shuf | head -n $n)
	[[ ${#all[@]} -gt 3 ]]
	for lesson in "${all[@]}"; do
		# shellcheck disable=SC2086 # words
		killed $lesson
	done
}

@test "again and again, four at a time, without any network: as root and as a user" {
	local n name lessons=(0 2 3 7 9)
	(($(rounds) < 40)) || lessons=()
	for ((n = 0; n < ($(rounds) + 19) / 20; n++)); do
		for name in root nobody; do
			become $name
			who+=(unshare --net)
			[[ $name == root ]] || who+=(--user --map-current-user)
			run -0 "${who[@]}" "$WALK" -t -j4 "${lessons[@]}"
			assert_like "${lines[-1]}" '*[1-9] passed, 0 failed, *'
		done
	done
	[[ ! $(ls -A "$T/tmp") ]]
}
