# shellcheck shell=bash disable=SC2034,SC2154 # the parts of walk share their variables
# In the lab: the shell of the lesson, and what it is asked.

# The lesson's commands run in a shell of their own session: what they set stays, what they break is
# theirs. It takes the name of a file a line, runs what is in it and answers with the status.
# shellcheck disable=SC2016 # it is for that shell
lesson_shell='
	exec 62<&0 63>&1 </dev/null >/dev/null 2>&1
	trap : INT
	_walk_status=0
	_walk_again() { return $_walk_status; }
	while read -r -u 62 _walk_file; do
		_walk_text=$(<"$_walk_file")
		_walk_again
		eval "$_walk_text" >"$_walk_file.out" 2>&1 62<&- 63<&-
		_walk_status=$?
		echo $_walk_status >&63
	done'

start_shell() {
	desk=/run/walk asked=0
	mkdir $desk
	echo "$lesson_shell" >$desk/lesson
	# A job in the background would not hear Ctrl-C, nor would what it runs.
	coproc lesson {
		exec env -i --default-signal=INT,QUIT,PIPE PATH="$lesson_path" HOME=/tmp/lab \
			TERM="${TERM:-dumb}" LC_ALL=C.UTF-8 TZ=UTC TACKLEBOX_ROOT=/tmp/tacklebox \
			TUTORIAL="$here" BUSYBOX="$busybox" PROPS="$out/props" setsid bash $desk/lesson
	}
	# shellcheck disable=SC2154 # coproc sets it
	shell_pid=$lesson_PID
	disown "$shell_pid"
	exec {ask}>&"${lesson[1]}" {answer}<&"${lesson[0]}"
}

# Runs $1 in the lesson's shell; status and got[], the lines it printed, tell how it went. When $2
# seconds are over, everything that the lesson has running is killed.
ask_shell() {
	local file=$desk/$((++asked))
	status='' got=()
	if kill -0 "$shell_pid" 2>/dev/null; then
		printf '%s\n' "$1" >"$file"
		: >"$file.out"
		echo "$file" >&"$ask"
		until read -r -t "${2:-$limit}" status <&"$answer"; do
			kill -0 "$shell_pid" 2>/dev/null || break
			[[ $mode != guide ]] || continue
			echo "walk: not done after ${2:-$limit} s" >>"$file.out"
			kill -KILL -- "-$shell_pid"
			break
		done
		# bash says on which line of its input it was; in a terminal it does not.
		mapfile -t got < <(tr -d '\0' <"$file.out" | sed -E 's,^(bash|/run/walk/lesson): (eval: )?line [0-9]+: *,bash: ,')
	fi
	status=${status:-the shell of the lesson has ended}
	while ((${#got[@]})) && [[ ! ${got[-1]} ]]; do
		unset 'got[-1]'
	done
}

# Whether this machine, in this lab, has what $1 (a,b,c) names; REPLY becomes what it lacks.
has() {
	local fact
	for fact in ${1//,/ }; do
		REPLY=$fact
		case $fact in
		root) [[ $(id -u) == 0 && $(</proc/self/uid_map) == *4294967295* ]] ;;
		userns) unshare --user --map-root-user true ;;
		overlay) unshare --mount sh -c 'cd $(mktemp -d) && mkdir l u w m && mount -t overlay -o lowerdir=l,upperdir=u,workdir=w t m && rmdir m/../l' ;;
		swap) [[ $(wc -l </proc/swaps) -gt 1 ]] ;;
		noswap) [[ $(wc -l </proc/swaps) -le 1 || $(<"/sys/fs/cgroup/memory.swap.max") == 0 ]] ;;
		disk) lsblk -nslo TYPE "$(findmnt -nvo SOURCE / | tail -n 1)" | grep -qx disk ;;
		cg) has cg1-memory || has cg2-memory ;;
		cg-*) has "cg1-${fact#cg-}" || has "cg2-${fact#cg-}" ;;
		cg1-*) awk -v c="${fact#cg1-}" '$3 == "cgroup" && $4 ~ "(^|,)" c "(,|$)" { print $2 "/tasks" }' \
			/proc/self/mounts | grep -q . && [[ -w $(awk -v c="${fact#cg1-}" '$3 == "cgroup" && $4 ~ "(^|,)" c "(,|$)" { print $2 "/tasks"; exit }' /proc/self/mounts) ]] ;;
		cg2-*) local dir
			dir=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
			[[ -w $dir/cgroup.procs ]] && grep -qw "${fact#cg2-}" "$dir/cgroup.controllers" ;;
		*) PATH=$lesson_path command -v "$fact" ;;
		esac >/dev/null 2>&1 || { REPLY=$fact && return 1; }
	done
}

# The word of item $1's attributes that begins with $2=, without that.
attr() {
	[[ " ${attrs[$1]}" =~ [[:space:]]$2=([^[:space:]]*) ]] && REPLY=${BASH_REMATCH[1]}
}

# Whether item $1 is not for this machine: REPLY is what it lacks, or nothing where another block is
# in its place.
left_out() {
	local lacks
	attr "$1" unless && has "$REPLY" && REPLY='' && return
	attr "$1" needs && ! has "$REPLY" || return 1
	lacks=$REPLY
	REPLY=
	[[ " ${attrs[$1]} " == *' or-else '* ]] || REPLY=$lacks
}

tell() {
	printf '%s\n' "$*" >&"$report"
}

# result WORD N WHAT...: one line for a step, in test mode.
result() {
	local word=$1 n=$2
	shift 2
	tell "$word"
	[[ $mode != test ]] || case $word in
	pass) echo "ok - $name:${line[n]} $*" ;;
	fail) echo "not ok - $name:${line[n]} $*" ;;
	skip) echo "ok - $name:${line[n]} # skip $*" ;;
	esac
}

show_difference() {
	diff -U99 --label expected <(printf '%s\n' ${want[@]+"${want[@]}"} "[$want_status]") \
		--label got <(printf '%s\n' ${got[@]+"${got[@]}"} "[$status]") | sed '1,3d; s/^/    /'
}

# The outcome that item $1 expects, in want[] and want_status.
expected() {
	want=("${lines[@]:from[$1]:till[$1]-from[$1]}") want_status=0
	while ((${#want[@]})) && [[ ! ${want[-1]} ]]; do
		unset 'want[-1]'
	done
	if ((${#want[@]})) && [[ ${want[-1]} =~ ^\[([0-9]+)\]$ ]]; then
		want_status=${BASH_REMATCH[1]}
		unset 'want[-1]'
	fi
}

# Runs the command of item $1 (or $2 instead); true if it went as expected. What it captured becomes
# variables of the lesson.
run_command() {
	local key assign=''
	expected "$1"
	attr "$1" time || REPLY=$limit
	ask_shell "${2:-${text[$1]}}" "$REPLY"
	shown=(${got[@]+"${got[@]}"}) shown_status=$status
	output_matches || return
	[[ $status == "$want_status" ]] || return
	for key in "${!found[@]}"; do
		captured[$key]=${found[$key]}
		printf -v assign '%s%s=%q;' "$assign" "$key" "${found[$key]}"
	done
	[[ ! $assign ]] || ask_shell "$assign(exit $want_status)"
}

# Runs what stands in a comment: setup, solution, cleanup.
run_hidden() {
	ask_shell "${text[$1]}" 60
	[[ $status == 0 ]]
}

# Whether the check of item $1 holds.
check() {
	ask_shell "(${text[$1]})" 60
	[[ $status == 0 ]]
}

clean_up() {
	local n
	for ((n = here_now; n >= 0; n--)); do
		[[ ${what[n]-} != cleanup ]] || run_hidden "$n"
	done
}
