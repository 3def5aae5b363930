#!/usr/bin/env bats
# bats file_tags=chain
# ns-enter: into the namespaces of a process, or of files.

load helpers

setup_file() { tb_setup_file; }
teardown_file() { tb_teardown_file; }
setup() {
	tb_setup
	root=$T/root
}
teardown() {
	stop_running
	tb_teardown
}

# keep_running OPTIONS…: a container; $pid is ns-exec, $inside the program.
keep_running() {
	[[ -d $root ]] || make_root "${root:?}"
	ns-exec "$@" --root "$root" --pidfile "$T/pid" -- /bin/sleep 60 &
	pid=$!
	wait_inside "$T/pid"
}

stop_running() {
	[[ ${pid:-} ]] || return 0
	kill -KILL "$inside" 2>/dev/null || :
	wait "$pid" || :
	pid=
}

@test "a process: all namespaces that are not ours" {
	requires root
	local kind
	keep_running --all --hostname inn
	run -0 --separate-stderr ns-enter "$inside" -- /probe
	for kind in pid net mnt uts ipc cgroup user; do
		assert_eq "$(stat -Lc %i "/proc/$inside/ns/$kind")" "$(jq -r ".ns.$kind" <<<"$output")" "$kind"
	done
	assert_json '.hostname == "inn" and .pid > 1 and .ppid == 0 and .cwd == "/"'
	assert_json '.fds | keys == ["0", "1", "2"]'
	run -0 ns-enter --all "$inside" -- /bin/hostname
	assert_eq inn "$output"
}

@test "a process: the namespaces that are named" {
	requires root
	local kind
	keep_running --all --hostname inn
	run -0 --separate-stderr ns-enter "$inside" --uts --net -- "$PROBE"
	for kind in pid mnt ipc; do
		assert_eq "$(stat -Lc %i "/proc/self/ns/$kind")" "$(jq -r ".ns.$kind" <<<"$output")" "$kind"
	done
	for kind in uts net; do
		assert_eq "$(stat -Lc %i "/proc/$inside/ns/$kind")" "$(jq -r ".ns.$kind" <<<"$output")" "$kind"
	done
	run -0 ns-enter --uts "$inside" -- uname -n
	assert_eq inn "$output"
}

# bats test_tags=anywhere
@test "files: by kind, whatever they are called" {
	requires root
	keep_running --all --hostname inn
	run -0 ns-enter "/proc/$inside/ns/uts" -- uname -n
	assert_eq inn "$output"
	run -0 ns-enter --uts="/proc/$inside/ns/uts" -- uname -n
	assert_eq inn "$output"
	run -0 ns-enter --uts="/proc/$inside/ns/uts" -- true
	run -0 ns-enter --net="/proc/$inside/ns/net" "/proc/$inside/ns/uts" -- uname -n
	assert_eq inn "$output"
	run -0 ns-enter --pid="/proc/$inside/ns/pid" -- readlink /proc/self/ns/pid
	assert_eq "$(readlink "/proc/$inside/ns/pid")" "$output"
}

# bats test_tags=anywhere
@test "nothing to enter, nothing to run" {
	run -125 ns-enter
	assert_eq $'ns-enter: no process and no file to enter\nTry \'ns-enter --help\'.' "$output"
	run -125 ns-enter $$
	assert_line "ns-enter: no command to run"
	run -125 ns-enter --uts -- true
	assert_line "ns-enter: no process or file to take the namespace from"
	run -125 ns-enter 2147483647 -- true
	assert_error ns-enter "cannot find process 2147483647: *ESRCH*"
	run -125 ns-enter "$T/none" -- true
	assert_error ns-enter "cannot open namespace $T/none: *ENOENT*"
	run -125 ns-enter /etc/passwd -- true
	assert_error ns-enter "cannot enter /etc/passwd: it is no namespace: *"
	run -125 ns-enter 0 -- true
}

@test "a setns that fails is an error, never skipped" {
	requires userns
	keep_running --all
	run -125 as_nobody ns-enter "$inside" --uts -- true
	assert_error ns-enter "cannot *"
	run -125 env TACKLEBOX_FAIL=setns:EPERM ns-enter "$inside" -- /bin/true
	assert_error ns-enter "cannot join the namespaces of process $inside: *EPERM*"
}

@test "a user namespace: root inside, by its owner" {
	requires userns
	make_root "${root:?}"
	mkdir "$T/w" && chmod 777 "$T/w"
	as_nobody ns-exec --all --hostname q --root "$root" --pidfile "$T/w/pid" -- /bin/sleep 60 &
	pid=$!
	wait_inside "$T/w/pid"
	run -0 --separate-stderr as_nobody ns-enter "$inside" -- /probe
	assert_json '.uid.real == 0 and .hostname == "q" and .ns.user == $u' \
		--argjson u "$(stat -Lc %i "/proc/$inside/ns/user")"
}

# bats test_tags=anywhere
@test "who one is inside: --as, capabilities, filter, environment, directory" {
	requires root
	keep_running --all
	run -0 --separate-stderr ns-enter "$inside" --as dan -w /etc -e A=b --confine -- /probe
	assert_json '.uid.real == 1000 and .gid.real == 1000 and (.groups | sort) == [10, 29]'
	assert_json '.cwd == "/etc" and .env.A == "b" and .seccomp == 2 and .cap_inh == []'
	assert_json '.cap_eff == [] and (.cap_bnd | length) == 14'
	run -0 --separate-stderr ns-enter "$inside" --clear-env -- /probe
	assert_json '(.env | keys) == ["HOME", "PATH"] and (.env.HOME | startswith("/"))'
	run -0 --separate-stderr ns-enter "$inside" --cap-drop all --no-new-privs -- /probe
	assert_json '.cap_eff == [] and .no_new_privs == 1 and .seccomp == 0'
	run -0 --separate-stderr ns-enter "$inside" -- /probe
	assert_json '(.cap_eff | length) > 30 and .seccomp == 0'
	run -125 ns-enter "$inside" --as nosuch -- /bin/true
	assert_line "ns-enter: cannot find user nosuch in the root's /etc/passwd"
	run -125 ns-enter "$inside" -w /proc/self/fd/7 -- /bin/true 7</
	((status == 125))
}

# bats test_tags=anywhere
@test "--group-add: further groups, by the names inside or by number; --oom-score-adj, --rlimit" {
	requires root
	keep_running --all
	echo 'club:x:4321:' >>"$root/etc/group"
	run -0 --separate-stderr ns-enter "$inside" --as dan --group-add 777 --group-add club --group-add 29 -- /probe
	assert_json '.gid.real == 1000 and .groups == [10, 29, 777, 4321]'
	run -0 --separate-stderr ns-enter "$inside" --as 5:6 --group-add club -- /probe
	assert_json '.gid.real == 6 and .groups == [4321]'
	# Without another user: to those that we have.
	run -0 --separate-stderr setpriv --groups 3,777 ns-enter "$inside" --group-add 777 --group-add club -- /probe
	assert_json '.groups == [3, 777, 4321]'
	run -125 ns-enter "$inside" --group-add nosuch -- /bin/true
	assert_line "ns-enter: cannot find group nosuch in the root's /etc/group"
	local many
	mapfile -t many < <(printf -- '--group-add\n%s\n' {1000..1065})
	run -125 ns-enter "$inside" --as 0 "${many[@]}" -- /bin/true
	assert_like "$output" '*more than 64 groups*'
	# Of us, and not of whatever is at that place inside.
	run -0 --separate-stderr ns-enter "$inside" --oom-score-adj 500 --rlimit nofile=66:88 -- /probe
	assert_json '.oom_score_adj == "500" and .rlimits.nofile == [66, 88]'
	run -0 cat /proc/self/oom_score_adj
	[ "$output" != 500 ]
	faults_walk -c true -- ns-enter "$inside" --group-add 777 --oom-score-adj 500 --rlimit nofile=66:88 -- /bin/true
	replay_same -f 'jq -S [.groups,.oom_score_adj,.rlimits.nofile]' state_none -- \
		ns-enter "$inside" --uts --as 0 --group-add 777 --oom-score-adj 500 --rlimit nofile=66:88 -- "$PROBE"
}

# Root of a user namespace may neither raise a hard limit nor write the score: both are done outside.
@test "--rlimit and --oom-score-adj into a user namespace" {
	requires root userns
	keep_running --all --user --uid-map 0:0:65536 --gid-map 0:0:65536
	run -0 --separate-stderr ns-enter "$inside" --oom-score-adj 500 --group-add 777 --rlimit nofile=66:88 -- /probe
	assert_json '.oom_score_adj == "500" and .rlimits.nofile == [66, 88] and .groups == [777] and .ns.user == $u' \
		--argjson u "$(stat -Lc %i "/proc/$inside/ns/user")"
	requires resource
	run -0 bash -c "ulimit -n 200 && exec ns-enter $inside --rlimit nofile=300:400 --oom-score-adj -5 -- /bin/sh -c 'ulimit -Sn; ulimit -Hn; cat /proc/self/oom_score_adj'"
	assert_eq $'300\n400\n-5' "$output"
}

# bats test_tags=anywhere
@test "the root and directory of a process that only changed its root" {
	requires root
	make_root "${root:?}"
	mkdir "$root/sub"
	ns-exec --chroot "$root" -w /sub -- /bin/sleep 60 &
	pid=$! inside=$!
	wait_for test /proc/$pid/exe -ef "$root/bin/busybox"
	run -0 --separate-stderr ns-enter "$pid" --root --wd -- /bin/sh -c 'pwd; ls /'
	assert_eq /sub "${lines[0]}"
	assert_line probe
	run -0 ns-enter "$pid" --root -- /bin/pwd
	assert_eq / "$output"
}

# bats test_tags=anywhere
@test "--tty inside: a terminal of the container's" {
	requires root script
	keep_running --all
	run -0 on_terminal "ns-enter $inside --tty -- /bin/sh -c 'tty; exit 3'; echo status \$?"
	assert_like "$output" $'*/dev/pts/0\nstatus 3'
}

@test "--join-cgroup: though its files are out of sight inside" {
	requires root cg
	keep_running --all
	cg-create "$TB_NAME-enter" >/dev/null
	run ns-enter "$inside" --join-cgroup "$TB_NAME-enter" -- /bin/cat /proc/self/cgroup
	wait_for cg-rm "$TB_NAME-enter"
	assert_status 0
	assert_like "$output" "*/$TB_NAME-enter*"
}

# bats test_tags=anywhere
@test "exit status and signals come through" {
	requires root
	keep_running --all
	run -42 ns-enter "$inside" -- /bin/sh -c 'exit 42'
	run -137 ns-enter "$inside" -- /bin/sh -c 'kill -9 $$'
	run -127 ns-enter "$inside" -- /bin/nosuch
	run -126 ns-enter "$inside" -- /etc/passwd
	ns-enter "$inside" -- /bin/sh -c 'trap "exit 5" TERM; touch /ready; while :; do sleep 0.05; done' &
	local job=$!
	wait_for test -e "$root/ready"
	kill -TERM $job
	local got=0
	wait $job || got=$?
	assert_eq 5 "$got"
}

# bats test_tags=anywhere
@test "replay: the script is true" {
	requires root
	keep_running --all --hostname inn
	local name
	norm() { probe_own_mounts | jq -S '[.ns.net, .ns.uts, .ns.pid, .hostname, .cwd, .env.A, .mounts[].point]'; }
	for name in "" "--uts --net" "--cwd /etc -e A=b"; do
		# shellcheck disable=SC2086 # words
		replay_same -f norm state_mounts -- \
			ns-enter "$inside" $name -- "$([[ $name == --uts* ]] && echo "$PROBE" || echo /probe)" || return
	done
}

# bats test_tags=anywhere
@test "faults, and what is told" {
	requires root strace
	keep_running --all
	none() { :; }
	faults_walk -c none -- ns-enter "$inside" --as dan -w /etc --confine --no-new-privs -- /bin/true
	faults_walk -c none -- ns-enter "$inside" --uts --root -- /bin/true
	told_same -l open_tree -l mount_setattr -- ns-enter "$inside" --uts --net -- true
	told_same -- ns-enter "$inside" -- /bin/true
}

# bats test_tags=anywhere
@test "many times, and nothing is left inside" {
	requires root
	local i
	keep_running --all
	for ((i = 0; i < $(rounds); i++)); do
		ns-enter "$inside" -- /bin/true || fail "round $i"
	done
	run -0 ns-enter "$inside" -- /bin/sh -c 'ls -d /proc/[0-9]* | wc -l'
	((output <= 4)) || fail "$output processes inside"
}
