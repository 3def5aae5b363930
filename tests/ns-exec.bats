#!/usr/bin/env bats
# bats file_tags=chain
# ns-exec: namespaces, a root of its own, ids, and what the program may do.

load helpers

setup_file() { tb_setup_file; }
teardown_file() { tb_teardown_file; }
setup() {
	tb_setup
	root=$T/root
}
teardown() { tb_teardown; }

# in_root OPTIONS… -- CMD…: with the usual namespaces, in a fresh copy of the test root.
in_root() {
	[[ -d $root ]] || make_root "${root:?}"
	ns-exec --all --root "$root" "$@"
}

# ns_of KIND CMD…: the namespace that a program sees itself in.
ns_of() { "${@:2}" readlink "/proc/self/ns/$1"; }

# ---- namespaces ----

@test "each namespace is new where it is asked for, and only there" {
	requires root
	local kinds=(pid net mnt uts ipc user cgroup time) want i here got
	mapfile -t here < <(readlink "${kinds[@]/#//proc/self/ns/}")
	((${#here[@]} == 8))
	for want in "${kinds[@]}"; do
		# /proc still shows the host's processes, and self is one of those.
		mapfile -t got < <(ns-exec "--${want/mnt/mount}" -- readlink "${kinds[@]/#//proc/self/ns/}")
		((${#got[@]} == 8)) || fail "--$want: ${got[*]}"
		for i in "${!kinds[@]}"; do
			if [[ $want == "${kinds[i]}" ]]; then
				[[ ${got[i]} != "${here[i]}" ]] || fail "--$want: ${kinds[i]} is the old one"
			else
				assert_eq "${here[i]}" "${got[i]}" "--$want: ${kinds[i]}"
			fi
		done
	done
}

@test "--all is pid net mount uts ipc cgroup, and user for others than root" {
	requires root userns
	local kind
	run -0 --separate-stderr ns-exec --all -- "$PROBE"
	for kind in pid net mnt uts ipc cgroup; do
		[[ $(jq -r ".ns.$kind" <<<"$output") != "$(stat -Lc %i "/proc/self/ns/$kind")" ]] ||
			fail "$kind is the old one"
	done
	[[ $(jq -r .ns.user <<<"$output") == "$(stat -Lc %i /proc/self/ns/user)" ]]
	run -0 --separate-stderr as_nobody ns-exec --all -- "$PROBE"
	[[ $(jq -r .ns.user <<<"$output") != "$(stat -Lc %i /proc/self/ns/user)" ]]
	assert_json '.uid.real == 0 and .pid == 1'
}

@test "a namespace given by its file is joined" {
	requires root
	local pid kind
	ns-exec --all --pidfile "$T/pid" -- sleep 60 &
	pid=$!
	wait_for test -s "$T/pid"
	for kind in net uts ipc cgroup mnt; do
		assert_eq "$(readlink "/proc/$(<"$T/pid")/ns/$kind")" \
			"$(ns_of "$kind" ns-exec "--${kind/mnt/mount}=/proc/$(<"$T/pid")/ns/$kind" --)"
	done
	run -0 ns-exec "--pid=/proc/$(<"$T/pid")/ns/pid" -- readlink /proc/self/ns/pid
	assert_eq "$(readlink "/proc/$(<"$T/pid")/ns/pid")" "$output"
	kill -KILL "$(<"$T/pid")" # process 1 of a namespace dies of nothing less
	wait "$pid" || :
	run -125 ns-exec --net="$T/none" -- true
	assert_error ns-exec "cannot open namespace $T/none: *ENOENT*"
	run -125 ns-exec --net=/proc/self/ns/uts -- true
	assert_error ns-exec "cannot join /proc/self/ns/uts: *EINVAL*"
}

# bats test_tags=anywhere
@test "without options the program is what it would be without ns-exec" {
	local before
	before=$("$PROBE" | probe_norm)
	assert_eq "$before" "$(ns-exec -- "$PROBE" | probe_norm)"
	# Descriptors and variables too, and what is blocked or ignored.
	assert_eq "$(FOO=bar "$PROBE" 7</dev/null | jq -S '.fds["7"], .env.FOO, .sig_ignored')" \
		"$(FOO=bar ns-exec -- "$PROBE" 7</dev/null | jq -S '.fds["7"], .env.FOO, .sig_ignored')"
}

# bats test_tags=anywhere
@test "with namespaces only, capabilities and descriptors stay as they are" {
	requires root
	assert_eq "$("$PROBE" 7</dev/null | jq -S '.cap_eff, .cap_bnd, .seccomp, (.fds | keys)')" \
		"$(ns-exec --pid --uts --net --mount --ipc -- "$PROBE" 7</dev/null |
			jq -S '.cap_eff, .cap_bnd, .seccomp, (.fds | keys)')"
}

# bats test_tags=anywhere
@test "names of the host: set inside, unchanged outside; not without --uts" {
	requires root
	local before
	before=$(uname -n)
	run -0 ns-exec --uts --hostname box --domainname dom -- sh -c 'uname -n; cat /proc/sys/kernel/domainname'
	assert_eq $'box\ndom' "$output"
	assert_eq "$before" "$(uname -n)"
	run -125 ns-exec --hostname box -- true
	assert_line "ns-exec: --hostname needs --uts"
	run -125 ns-exec --pid --hostname box -- true
	assert_eq "$before" "$(uname -n)"
	run -125 ns-exec --uts --hostname "$(printf 'x%.0s' {1..65})" -- true
	assert_error ns-exec "cannot set the host name to x*: *EINVAL*"
}

@test "the program is process 1 of its own pid namespace" {
	requires root
	run -0 ns-exec --pid -- "$PROBE"
	assert_json '.pid == 1 and .ppid == 0'
}

# ---- ids ----

@test "--user: the caller becomes root inside, and nothing more outside" {
	requires userns
	run -0 as_nobody ns-exec --user -- "$PROBE"
	assert_json '.uid.real == 0 and .gid.real == 0 and (.cap_eff | length) > 30'
	run -0 as_nobody ns-exec --user -- sh -c 'cat /proc/self/uid_map /proc/self/setgroups'
	((EUID != 0)) || assert_eq "0 65534 1 deny" "$(xargs <<<"$output")"
	run ! as_nobody ns-exec --user -- chown 1:1 "$T"
}

# bats test_tags=anywhere
@test "--uid-map and --gid-map: ranges, written from outside" {
	requires root
	run -0 ns-exec --user --uid-map 0:100000:1000 --uid-map 1000:200000:10 --gid-map 0:300000:1000 -- \
		sh -c 'id -u; id -g; id -G; cat /proc/self/uid_map /proc/self/gid_map'
	assert_eq "0 0 0 0 100000 1000 1000 200000 10 0 300000 1000" "$(xargs <<<"$output")"
	run -125 ns-exec --uid-map 0:0:1 -- true
	assert_line "ns-exec: an id map needs --user"
	run -125 ns-exec --user --uid-map 0:1 -- true
	assert_line "ns-exec: --uid-map: '0:1' is not INSIDE:OUTSIDE:COUNT"
	run -125 ns-exec --user --uid-map 0:4294967295:2 -- true
	# Overlapping ranges are the kernel's to refuse.
	run -125 ns-exec --user --uid-map 0:0:10 --uid-map 5:100:10 -- true
	assert_error ns-exec "cannot write the ids to /proc/*/uid_map: *EINVAL*"
}

# bats test_tags=anywhere
@test "a map of more than 64 KiB is refused, and root stays unmapped" {
	requires root
	local many=() i
	for ((i = 0; i < 4000; i++)); do
		many+=(--uid-map "$((i * 2)):$((100000 + i * 2)):1")
	done
	run -125 ns-exec --user "${many[@]}" -- id -u
	assert_error ns-exec "cannot write the ids to /proc/*/uid_map: *"
}

# bats test_tags=anywhere
@test "--map-auto: the ranges of /etc/subuid, through newuidmap" {
	requires root userns newuidmap
	echo nobody:500000:65536 >"$T/subid"
	# shellcheck disable=SC2317
	auto() {
		mount --bind "$T/subid" /etc/subuid && mount --bind "$T/subid" /etc/subgid || return
		as_nobody ns-exec --user --map-auto -- cat /proc/self/uid_map /proc/self/gid_map
	}
	touch /etc/subuid /etc/subgid
	run -0 in_fresh '' auto
	assert_eq "0 65534 1 1 500000 65536 0 65534 1 1 500000 65536" "$(xargs <<<"$output")"
	echo somebody:500000:65536 >"$T/subid"
	run -125 in_fresh '' auto
	assert_line "ns-exec: cannot map ids: /etc/subuid has no line for nobody"
	assert_like "$output" "*hint: usermod --add-subuids*"
}

# ---- the root ----

@test "--root: mounts, devices and links as containers have them" {
	requires root
	run -0 --separate-stderr in_root -- /probe
	assert_json '[.mounts[].point] as $t | all("/", "/proc", "/dev", "/dev/pts", "/dev/shm",
		"/dev/mqueue", "/sys"; IN($t[]))'
	assert_json '.mounts | all(.propagation == [] or .propagation == ["private"])'
	run -0 in_root -- /bin/sh -c 'cd /dev && ls && for i in null zero full random urandom tty; do
		[ -c $i ] || echo no $i; done; for i in ptmx fd stdin stdout stderr; do readlink $i; done'
	for word in null zero full random urandom tty pts ptmx shm fd stdin stdout stderr; do
		assert_line "$word"
	done
	[[ $output != *"no "* ]]
	run ! in_root -- /bin/sh -c 'echo x >/dev/full'
	assert_like "$output" "*No space left*"
	run -0 in_root -- /bin/sh -c '[ $(stat -c %t:%T /dev/null) = 1:3 ] && [ $(stat -c %a /dev/null) = 666 ]'
}

@test "--root: nothing of the host is left in sight" {
	requires root
	run -0 --separate-stderr in_root -- /probe
	assert_json '.mounts | map(select(.point == "/")) | length == 1'
	assert_json '[.mounts[].point] | all(startswith("'"$T"'") | not)'
	run -0 in_root -- /bin/sh -c 'cd / && cd .. && pwd && ls'
	assert_line probe
}

@test "--root for nobody: user namespace, devices of the host" {
	requires userns
	make_root "${root:?}"
	run -0 --separate-stderr as_nobody ns-exec --all --root "$root" --hostname q -- /probe
	assert_json '.uid.real == 0 and .pid == 1 and .hostname == "q"'
	assert_json '[.mounts[].point] as $t | all("/proc", "/dev", "/dev/null", "/sys"; IN($t[]))'
	run -0 as_nobody ns-exec --all --root "$root" -- /bin/sh -c 'echo x >/dev/null && cat /dev/null && head -c 2 /dev/zero | od -An -tx1'
	assert_eq " 00 00" "$output"
	# Without namespaces of our own, /proc and /sys are the host's, bound.
	run -0 as_nobody ns-exec --user --root "$root" -- /bin/sh -c 'cat /proc/self/comm; ls /sys'
	assert_line kernel
}

@test "--read-only: the root, but not the tmpfs on it" {
	requires root
	run -0 in_root --read-only --tmpfs /tmp -- /bin/sh -c 'touch /x; touch /tmp/x && echo tmp; touch /dev/shm/x && echo shm'
	assert_like "$output" "*/x: Read-only file system*"
	assert_line tmp
	assert_line shm
	[[ ! -e $root/x ]]
}

@test "--bind: directories, files, options, missing places, submounts" {
	requires root
	mkdir -p "$T/src/sub"
	echo one >"$T/src/file"
	make_root "${root:?}"
	in_fresh '' bind_in
}
bind_in() {
	mount -t tmpfs tmpfs "$T/src/sub" && echo two >"$T/src/sub/file" || return
	run -0 in_root --bind "$T/src:/mnt/a/b" --bind "$T/src/file:/etc/made:ro" \
		--bind "$T/src:/ro:ro,nosuid" -- /bin/sh -c 'cat /mnt/a/b/file /mnt/a/b/sub/file /etc/made /ro/sub/file
			touch /mnt/a/b/new && echo written; touch /ro/new /ro/sub/new; echo x >/etc/made; true'
	assert_like "$output" $'one\ntwo\none\ntwo\nwritten\n*/ro/new: Read-only*/ro/sub/new: Read-only*made: Read-only*' || return
	[[ -e $T/src/new ]] || fail "not written through" || return
	rm "$T/src/new"
	run -125 in_root --bind "$T/none:/x" -- /bin/true
	assert_error ns-exec "cannot bind $T/none to /x: *ENOENT*" || return
	run -125 in_root --bind "$T/src" -- /bin/true
	assert_line "ns-exec: --bind: '$T/src' is not SRC:DST[:OPTS]" || return
	run -125 in_root --bind "$T/src:rel" -- /bin/true
	assert_line "ns-exec: --bind: '$T/src:rel': the place inside must start with /" || return
	run -125 in_root --bind "$T/src:/x:ro,nonsense" -- /bin/true
	assert_line "ns-exec: --bind: unknown mount option 'nonsense'"
}

# bats test_tags=anywhere
@test "--bind: a symlink in the root is taken as the root sees it" {
	requires root
	make_root "${root:?}"
	mkdir "$root/inside" "$T/src"
	touch "$T/src/here"
	ln -s /inside "$root/abs"
	ln -s ../../../../inside "$root/rel"
	run -0 in_root --bind "$T/src:/abs/x" --bind "$T/src:/rel/y" -- /bin/ls /inside/x /inside/y
	assert_eq $'/inside/x:\nhere\n\n/inside/y:\nhere' "$output"
	[[ ! -e /inside ]]
}

# bats test_tags=anywhere
@test "--tmpfs and --fs" {
	requires root
	run -0 in_root --tmpfs /t:size=64k,mode=1700 --tmpfs /u:exec --fs ramfs:ramfs:/v -- \
		/bin/sh -c 'stat -c %a /t; head -c 100000 /dev/zero >/t/x || echo full; grep -E " /[tuv] " /proc/mounts'
	assert_line 1700
	assert_line full
	assert_like "$output" "*tmpfs /t tmpfs rw,nosuid,nodev,noexec,*size=64k*"
	assert_like "$output" "*tmpfs /u tmpfs rw,nosuid,nodev,rel*ramfs /v ramfs rw,*"
	run -125 in_root --tmpfs /t:size=nonsense -- /bin/true
	assert_error ns-exec "cannot mount tmpfs on $root/t: *EINVAL*"
	run -125 in_root --fs nosuchfs:x:/t -- /bin/true
	assert_error ns-exec "cannot mount nosuchfs on $root/t: *ENODEV*"
}

@test "mounts without a root: --mount, and the host sees nothing of it" {
	requires root
	mkdir "$T/src" "$T/dst"
	touch "$T/src/here"
	run -0 ns-exec --mount --bind "$T/src:$T/dst:ro" --tmpfs "$T/src/t" -- sh -c "ls $T/dst; ! touch $T/dst/x"
	assert_line here
	[[ -z $(ls "$T/dst") ]]
	run -125 ns-exec --bind "$T/src:$T/dst" -- true
	assert_line "ns-exec: a mount needs --root or --mount"
}

# bats test_tags=anywhere
@test "--device, --shm-size, and the ways to have less" {
	requires root
	run -0 in_root --device /dev/null:/dev/other --shm-size 128k -- /bin/sh -c 'stat -c %t:%T /dev/other; df -k /dev/shm | tail -1'
	assert_line 1:3
	assert_like "$output" "*shm*128*"
	run -0 --separate-stderr in_root --no-proc --no-dev --no-sys -- /bin/ls /proc /dev /sys
	assert_eq $'/dev:\n\n/proc:\n\n/sys:' "$output"
	run -125 in_root --device /dev/nosuchdevice -- /bin/true
	assert_error ns-exec "cannot open device /dev/nosuchdevice: *ENOENT*"
}

# bats test_tags=anywhere
@test "a root that is none" {
	requires root
	run -125 ns-exec --root "$T/none" -- true
	assert_error ns-exec "cannot bind $T/none to $T/none: *ENOENT*"
	touch "$T/file"
	run -125 ns-exec --root "$T/file" -- true
	assert_error ns-exec "cannot *$T/file: *ENOTDIR*"
	run -125 ns-exec --root / -- true
	assert_line "ns-exec: --root /: that is the root already; --mount with --bind or --tmpfs changes parts of it"
	mkdir "$T/empty"
	run -127 ns-exec --root "$T/empty" -- true
	assert_error ns-exec "cannot run true: *ENOENT*"
}

# bats test_tags=anywhere
@test "--chroot is no wall: root inside walks out, where --root keeps it" {
	requires root python3
	local escape='import os
os.makedirs("/.esc", exist_ok=True); os.chroot("/.esc")
for i in range(64): os.chdir("..")
os.chroot("."); print(os.path.exists("'"$T"'/outside"))'
	touch "$T/outside"
	mkdir -p "$root"
	run -0 in_fresh '' walk_out "$escape"
	assert_line "chroot: True"
	assert_line "root: False"
}
walk_out() {
	local dir
	for dir in usr lib lib64 bin; do
		[[ -d /$dir ]] || continue
		mkdir -p "$root/$dir" && mount --rbind "/$dir" "$root/$dir" || return
	done
	echo "chroot: $(ns-exec --chroot "$root" -- /usr/bin/python3 -c "$1")"
	echo "root: $(ns-exec --root "$root" --privileged -- /usr/bin/python3 -c "$1")"
}

# ---- who, where, with what ----

# as_user USER: uid, gid and groups of --as USER.
as_user() {
	run -0 --separate-stderr in_root --as "$1" -- /probe
	jq -c '[.uid.real, .gid.real, .groups]' <<<"$output"
}

# bats test_tags=anywhere
@test "--as: names and numbers of the root's own files" {
	requires root
	make_root "${root:?}"
	assert_eq '[1000,1000,[10,29]]' "$(as_user dan | jq -c '.[2] |= sort')"
	assert_eq '[1000,1000,[10,29]]' "$(as_user 1000 | jq -c '.[2] |= sort')"
	assert_eq '[1000,29,[]]' "$(as_user dan:audio)"
	assert_eq '[1000,77,[]]' "$(as_user 1000:77)"
	assert_eq '[4242,0,[]]' "$(as_user 4242)"
	assert_eq '[0,0,[10]]' "$(as_user root)"
	run -125 in_root --as nosuch -- /bin/true
	assert_line "ns-exec: cannot find user nosuch in the root's /etc/passwd"
	run -125 in_root --as dan:nosuch -- /bin/true
	assert_line "ns-exec: cannot find group nosuch in the root's /etc/group"
	run -125 in_root --as 4294967295 -- /bin/true
	run -125 in_root --as -1 -- /bin/true
}

# bats test_tags=anywhere
@test "--as: without a passwd file numbers still do, names do not" {
	requires root
	make_root "${root:?}"
	rm "$root/etc/passwd" "$root/etc/group"
	assert_eq '[5,6,[]]' "$(as_user 5:6)"
	run -125 in_root --as root -- /bin/true
	mkfifo "$root/etc/passwd"
	run -125 timeout 10 ns-exec --all --root "$root" --as root -- /bin/true
	assert_line "ns-exec: /etc/passwd of the root is not a regular file"
}

# bats test_tags=anywhere
@test "a variable out of a file: the program has it, no command line and no explanation does" {
	printf 'two\nwords' >"$T/secret"
	assert_eq $'two\nwords' "$(ns-exec --env X=other --env-from "X=$T/secret" -- sh -c 'echo "$X"')"
	ns-exec -x --env-from "X=$T/secret" -- true 2>"$T/told"
	grep -qF "export X=\"\$(cat $T/secret)\"" "$T/told"
	run ! grep -q words "$T/told"
	assert_eq $'two\nwords' "$(ns-exec -n --env-from "X=$T/secret" -- sh -c 'echo "$X"' | sh)"
	local bad
	for bad in X "X=" "=$T/secret" "X=$T/none"; do
		run -125 ns-exec --env-from "$bad" -- true
	done
	printf 'a\0b' >"$T/secret"
	run -125 ns-exec --env-from "X=$T/secret" -- true
	assert_like "$output" "*holds a NUL*"
}

@test "environment: inherited, set, cleared; PATH and HOME when there is none" {
	requires root
	run -0 --separate-stderr env -i PATH="$PATH" A=1 TACKLEBOX_X=y ns-exec -e B=2 -e A=3 -- "$PROBE"
	assert_json '.env.A == "3" and .env.B == "2"'
	run -0 --separate-stderr in_root --clear-env -e ONLY=1 --as dan -- /probe
	assert_json '.env == {"ONLY": "1", "HOME": "/home/dan",
		"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}'
	run -0 --separate-stderr env TACKLEBOX_X=y ns-exec -- env
	[[ $output != *TACKLEBOX_* ]]
	run -125 ns-exec -e nonsense -- true
	assert_line "ns-exec: --env: 'nonsense' is not NAME=VALUE"
}

# bats test_tags=anywhere
@test "--cwd" {
	requires root
	run -0 in_root -w /etc -- /bin/pwd
	assert_eq /etc "$output"
	run -0 in_root -- /bin/pwd
	assert_eq / "$output"
	run -0 ns-exec -w "$T" -- pwd
	assert_eq "$T" "$output"
	run -125 in_root -w /none -- /bin/pwd
	assert_error ns-exec "cannot change directory to /none: *ENOENT*"
}

# bats test_tags=anywhere
@test "--rlimit" {
	run -0 --separate-stderr ns-exec --rlimit nofile=100:200 --rlimit core=0 -- "$PROBE"
	assert_json '.rlimits.nofile == [100, 200] and .rlimits.core == [0, 0]'
	run -125 ns-exec --rlimit nofile=2:1 -- true
	assert_line "ns-exec: --rlimit: 'nofile=2:1': the soft limit is above the hard one"
	run -125 ns-exec --rlimit nosuch=1 -- true
	run -125 ns-exec --rlimit nofile=x -- true
	assert_line "ns-exec: --rlimit: 'x' is not a whole number"
}

@test "--rlimit above the hard limit, in a user namespace" {
	requires root resource
	run -0 bash -c 'ulimit -n 200 && ns-exec --user --rlimit nofile=300:400 -- sh -c "ulimit -Sn; ulimit -Hn"'
	assert_eq $'300\n400' "$output"
	ns-exec --user --uid-map 0:100000:1000 --gid-map 0:100000:1000 -- sleep 1000 3>&- &
	local pid=$!
	wait_for grep -qx sleep "/proc/$pid/comm"
	run -0 bash -c "ulimit -n 200 && ns-exec --user=/proc/$pid/ns/user --rlimit nofile=300:400 -- sh -c 'ulimit -Sn; ulimit -Hn'"
	kill $pid
	assert_eq $'300\n400' "$output"
}

@test "--sysctl: of its own namespaces only" {
	requires root
	local before
	before=$(cat /proc/sys/net/ipv4/ip_forward)
	run -0 ns-exec --net --sysctl net.ipv4.ip_forward=$((1 - before)) -- cat /proc/sys/net/ipv4/ip_forward
	assert_eq $((1 - before)) "$output"
	assert_eq "$before" "$(cat /proc/sys/net/ipv4/ip_forward)"
	run -0 in_root --sysctl kernel.shmmax=4242 -- /bin/cat /proc/sys/kernel/shmmax
	assert_eq 4242 "$output"
	unshare --net sleep 1000 &
	local pid=$!
	wait_for grep -qx sleep "/proc/$pid/comm"
	run -0 ns-exec --net="/proc/$pid/ns/net" --sysctl net.ipv4.ip_forward=$((1 - before)) -- true
	assert_eq $((1 - before)) "$(nsenter --net="/proc/$pid/ns/net" cat /proc/sys/net/ipv4/ip_forward)"
	assert_eq "$before" "$(cat /proc/sys/net/ipv4/ip_forward)"
	kill $pid
	run -125 ns-exec --net=/proc/self/ns/net --sysctl net.ipv4.ip_forward=1 -- true
	assert_line "ns-exec: --sysctl net.ipv4.ip_forward needs --net"
	run -125 ns-exec --sysctl net.ipv4.ip_forward=1 -- true
	assert_line "ns-exec: --sysctl net.ipv4.ip_forward needs --net"
	run -125 ns-exec --all --sysctl kernel.core_pattern=x -- true
	assert_line "ns-exec: --sysctl kernel.core_pattern would change the host, not a namespace"
	run -125 ns-exec --all --sysctl net..kernel.core_pattern=x -- true
	run -125 ns-exec --all --sysctl net/../kernel/core_pattern=x -- true
}

# bats test_tags=anywhere
@test "--oom-score-adj" {
	run -0 ns-exec --oom-score-adj 500 -- cat /proc/self/oom_score_adj
	assert_eq 500 "$output"
	run -125 ns-exec --oom-score-adj 1001 -- true
	assert_line "ns-exec: --oom-score-adj: 1001 is out of range (-1000 to 1000)"
}

# bats test_tags=anywhere
@test "--pidfile: the number that the caller knows it by" {
	requires root
	run -0 ns-exec --pid --pidfile "$T/pid" -- sh -c 'exec readlink /proc/self'
	assert_eq "$(<"$T/pid")" "$output"
	run -0 ns-exec --pidfile "$T/pid" -- sh -c 'echo $$'
	assert_eq "$(<"$T/pid")" "$output"
	run -125 ns-exec --pid --pidfile "$T/none/pid" -- true
	assert_error ns-exec "cannot write $T/none/pid: *ENOENT*"
}

# bats test_tags=anywhere
@test "--preserve-fds" {
	requires root
	make_root "${root:?}"
	run -0 --separate-stderr ns-exec --all --root "$root" --preserve-fds 1 -- /probe 3</dev/null 4</dev/null
	assert_json '.fds | has("3") and (has("4") | not)'
}

@test "--join-cgroup: before its cgroup namespace is made" {
	requires root cg
	cg-create "$TB_NAME-join" >/dev/null
	run ns-exec --all --join-cgroup "$TB_NAME-join" -- cat /proc/self/cgroup
	cg-rm "$TB_NAME-join"
	assert_status 0
	# The group is the root of what it sees.
	if [[ $(cg_version pids) == 1 ]]; then
		assert_like "$output" "*pids:/"$'\n'"*"
	else
		assert_eq 0::/ "$output"
	fi
	run -125 ns-exec --join-cgroup "$TB_NAME-none" -- true
	assert_error ns-exec "cannot find group $TB_NAME-none: *"
}

# A write to cgroup.procs waits until every processor has seen it.
@test "--join-cgroup on v2: the program is born in the group, nobody writes and waits" {
	requires root strace cg2-pids
	cg-create "$TB_NAME-born" >/dev/null
	run strace -f -o "$T/trace" ns-exec --pid --join-cgroup "$TB_NAME-born" -- cat /proc/self/cgroup
	cg-rm "$TB_NAME-born"
	assert_status 0
	assert_eq "0::/$TB_NAME-born" "$output"
	grep -q 'clone3(.*CLONE_INTO_CGROUP' "$T/trace"
	run ! grep "openat.*cgroup.procs" "$T/trace"
}

@test "--root with a cgroup namespace on v2: /sys/fs/cgroup is the group, to be read" {
	requires root cg2-pids
	make_root "${root:?}"
	cg-create -p 20 "$TB_NAME-view" >/dev/null
	cg-create "$TB_NAME-other" >/dev/null
	# shellcheck disable=SC2016 # for the shell inside
	run ns-exec --all --root "$root" --join-cgroup "$TB_NAME-view" -- sh -c 'cat /proc/self/cgroup
		cd /sys/fs/cgroup; cat cgroup.procs pids.max; ls -d */ 2>&1
		for f in cgroup.procs pids.max; do echo 0 >$f; done; mkdir x'
	cg-rm "$TB_NAME-view" "$TB_NAME-other"
	assert_eq "0::/" "${lines[0]}"
	assert_eq 1,20 "$(grep -x 1 <<<"$output" | head -1),${lines[3]}"
	assert_like "${lines[4]}" '*No such file*'
	assert_eq 3 "$(grep -c 'Read-only file system' <<<"$output")"
}

# ---- what it may do ----

@test "--root: Docker's fourteen capabilities and its filter; nothing inherited" {
	requires root
	local docker='["audit_write","chown","dac_override","fowner","fsetid","kill","mknod",
		"net_bind_service","net_raw","setfcap","setgid","setpcap","setuid","sys_chroot"]'
	run -0 --separate-stderr in_root -- /probe
	assert_json "(.cap_eff | sort) == $docker and (.cap_prm | sort) == $docker and (.cap_bnd | sort) == $docker"
	assert_json '.cap_inh == [] and .cap_amb == [] and .seccomp == 2 and .no_new_privs == 0'
	run -0 --separate-stderr in_root --as dan -- /probe
	assert_json ".cap_eff == [] and .cap_prm == [] and .cap_inh == [] and (.cap_bnd | sort) == $docker"
	run -0 --separate-stderr in_root --privileged -- /probe
	assert_json '(.cap_eff | length) > 30 and .seccomp == 0 and .cap_inh == []'
}

# bats test_tags=anywhere
@test "--cap-add, --cap-drop" {
	requires root
	# caps OPTIONS…: the effective set
	caps() { in_root "$@" -- /probe | jq -c '.cap_eff | sort'; }
	assert_eq '["kill"]' "$(caps --cap-drop ALL --cap-add KILL)"
	assert_eq '["kill","net_admin"]' "$(caps --cap-drop all --cap-add cap_kill,NET_ADMIN)"
	[[ $(caps --cap-add sys_time) == *sys_time* ]]
	[[ $(caps --cap-drop chown) != *chown* ]]
	[[ $(caps --cap-add all --cap-drop sys_admin | jq length) -gt 30 ]]
	[[ $(caps --cap-add all --cap-drop sys_admin) != *sys_admin* ]]
	run -125 in_root --cap-add nosuch -- /bin/true
	assert_line "ns-exec: --cap-add: unknown capability 'nosuch'"
	# Without a root only what is asked for changes.
	run -0 --separate-stderr ns-exec --cap-drop net_raw -- "$PROBE"
	assert_json '(.cap_eff | length) > 30 and (.cap_eff | index("net_raw") | not)'
	assert_json '.seccomp == 0'
}

# As moby's TweakCapabilities has it. In a user namespace all of them are there, whatever this host lacks.
@test "capabilities added and dropped, ALL and by name: the table" {
	requires root userns
	make_root "${root:?}"
	local options want
	names() { ns-exec --user -- "$PROBE" | jq -r '.cap_bnd | join(",")'; }
	assert_eq 41 "$(names | tr , '\n' | wc -l)"
	while IFS='|' read -r options want; do
		# shellcheck disable=SC2086
		run -0 --separate-stderr ns-exec --user --uid-map 0:0:65536 --gid-map 0:0:65536 --all --root "$root" --no-masks --seccomp none \
			${options//NAMES/$(names)} -- sed -n 's/^Cap\(Eff\|Bnd\)://p' /proc/self/status
		assert_eq "$want $want" "$(xargs <<<"$output")" "$options"
	done <<-'EOF'
		|00000000a80425fb
		--cap-drop ALL|0000000000000000
		--cap-add ALL|000001ffffffffff
		--cap-drop ALL --cap-add ALL|000001ffffffffff
		--cap-drop ALL --cap-add NAMES|000001ffffffffff
		--cap-drop NAMES --cap-add ALL|0000000000000000
		--cap-drop NAMES --cap-add NAMES|000001ffffffffff
		--cap-drop ALL --cap-add kill|0000000000000020
		--cap-drop ALL,chown --cap-add kill|0000000000000020
		--cap-drop kill --cap-add ALL|000001ffffffffdf
		--cap-drop ALL,kill --cap-add ALL|000001ffffffffdf
		--cap-drop kill --cap-add NAMES|000001ffffffffff
		--cap-drop kill --cap-add kill|00000000a80425fb
		--cap-drop kill|00000000a80425db
		--cap-add sys_time|00000000aa0425fb
		--privileged|000001ffffffffff
		--privileged --cap-drop kill|000001ffffffffdf
		--privileged --cap-drop ALL --cap-add NAMES|000001ffffffffff
	EOF
}

# bats test_tags=anywhere
@test "a capability that we lack: by name an error, by ALL left out" {
	requires root setpriv
	make_root "${root:?}"
	run -125 setpriv --bounding-set -sys_time --inh-caps -sys_time ns-exec --root "$root" --cap-add sys_time -- /bin/true
	assert_error ns-exec "cannot add capability sys_time: *EPERM*"
	run -0 setpriv --bounding-set -sys_time --inh-caps -sys_time ns-exec --root "$root" --cap-add ALL -- /bin/true
}

@test "--seccomp: default, none, a profile; --no-new-privs" {
	requires root seccomp-bpf
	echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":7}]}' >"$T/p.json"
	run -0 --separate-stderr ns-exec --seccomp default -- "$PROBE"
	assert_json '.seccomp == 2'
	run -0 --separate-stderr in_root --seccomp none -- /probe
	assert_json '.seccomp == 0'
	run ! ns-exec --seccomp "$T/p.json" -- mkdir "$T/d"
	assert_like "$output" "*Argument list too long*"
	echo '{' >"$T/p.json"
	run -125 ns-exec --seccomp "$T/p.json" -- true
	assert_like "$output" "*ns-exec: cannot make a filter of $T/p.json*"
	run -0 --separate-stderr ns-exec --no-new-privs -- "$PROBE"
	assert_json '.no_new_privs == 1'
}

# bats test_tags=anywhere
@test "a filter for somebody without rights needs --no-new-privs" {
	requires root
	run -125 as_nobody ns-exec --seccomp default -- true
	assert_error ns-exec "cannot load the seccomp filter: *EACCES*"
	assert_line "hint: without CAP_SYS_ADMIN the kernel wants --no-new-privs first"
	run -0 as_nobody ns-exec --seccomp default --no-new-privs -- true
}

# ---- init, terminal ----

@test "--init: reaps orphans, is process 1, keeps nothing open" {
	requires root
	run -0 --separate-stderr in_root --init -- /probe reap
	assert_json '.parent == 1 and .reaped'
	run -0 in_root --init -- /bin/sh -c 'echo $$; ls -l /proc/1/fd'
	assert_line 2
	[[ $output != *" -> "* ]]
	run -0 bash -c 'ns-exec --pid --init -- sh -c "exec >&-; sleep 0.3" | cat'
	run -125 ns-exec --init -- true
	assert_line "ns-exec: --init needs --pid"
}

@test "--tty: a terminal of its own, as large as ours, and the console" {
	requires root script
	make_root "${root:?}"
	run -0 on_terminal "stty rows 33 cols 77; ns-exec --all --root $root --tty -- /bin/sh -c 'tty; stty size; readlink /proc/self/fd/0; ls -l /dev/console; echo to-console >/dev/console'; stty -a | grep -c '[^-]icanon'"
	assert_line /dev/pts/0
	assert_line "33 77"
	assert_line to-console
	assert_eq 1 "${lines[-1]}" "the terminal is as it was"
}

# bats test_tags=anywhere
@test "--tty: the exit status comes through, and a resize does" {
	requires root script
	make_root "${root:?}"
	cat >"$T/resize" <<-END
		stty rows 20 cols 30
		tty=\$(tty)
		{ until [ -e $root/ready ]; do sleep 0.05; done; stty rows 44 cols 55 <\$tty; } &
		ns-exec --all --root $root --tty -- /bin/sh -c '
			trap "stty size; exit 9" WINCH
			touch /ready
			while :; do sleep 0.1; done'
		echo status \$?
	END
	run -0 on_terminal "sh $T/resize"
	assert_like "$output" "*44 55*"
	assert_line "status 9"
}

# bats test_tags=anywhere
@test "--console-stdin: the terminal goes to who shows it" {
	requires python3 root
	make_root "$root"
	cat >"$T/show" <<-'END'
		import array, socket, subprocess, sys
		ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
		p = subprocess.Popen(sys.argv[1:], stdin=theirs)
		_, [(_, _, fd)], _, _ = ours.recvmsg(64, socket.CMSG_SPACE(4))
		ours.close()
		# To its end, which a terminal says by EIO.
		subprocess.run(["cat"], stdin=array.array("i", fd)[0], stderr=subprocess.DEVNULL)
		sys.exit(p.wait())
	END
	run -7 python3 "$T/show" ns-exec --all --root "$root" --tty --console-stdin -- /bin/sh -c 'tty; exit 7'
	assert_like "$output" '/dev/pts/0*'
	run -125 ns-exec --all --root "$root" --tty --console-stdin -- /bin/true
	assert_error ns-exec 'cannot hand the terminal over: Socket operation on non-socket (ENOTSOCK)'
	run -125 ns-exec --console-stdin -- true
}

@test "--tty without a terminal: input ends, output is complete" {
	requires root
	make_root "${root:?}"
	run -0 bash -c "seq 1 1000 | ns-exec --all --root $root --tty -- /bin/sh -c 'stty -echo -onlcr; cat' | grep -c '^[0-9]*.\$'"
	((output > 900))
	run -7 ns-exec --tty --pid -- sh -c 'exit 7'
	for ((i = 0; i < $(rounds); i++)); do
		assert_eq last "$(ns-exec --pid --tty -- sh -c 'echo last' </dev/null | tr -d '\r')"
	done
}

# ---- the contract of the house ----

# bats test_tags=anywhere
@test "mistakes in the command line: two lines, 125" {
	run -125 ns-exec
	assert_eq $'ns-exec: no command to run\nTry \'ns-exec --help\'.' "$output"
	run -125 ns-exec --pidd -- true
	assert_line "Try 'ns-exec --help'."
	run -125 ns-exec --root x --chroot y -- true
	assert_line "ns-exec: --chroot and --root are two ways: one only"
}

# What the host mounts meanwhile is not ours; how it would come to us is.
own_norm() { probe_norm | jq '.mounts |= (map(.propagation) | unique)'; }

# bats test_tags=anywhere
@test "replay: namespaces" {
	requires root
	local options
	for options in --uts --net --ipc --mount --cgroup --user --time "--pid --uts --hostname box" \
		"--user --uid-map 7:0:1 --gid-map 8:0:1" "--rlimit nofile=64:128" \
		"--oom-score-adj 5" "--all -e A=b" "--cwd /usr" "--net --sysctl net.ipv4.ip_forward=0"; do
		# shellcheck disable=SC2086 # words
		replay_same -f own_norm state_none -- ns-exec $options -- "$PROBE" || return
	done
}

# bats test_tags=anywhere
@test "replay: identity and capabilities" {
	requires root setpriv
	local options
	for options in "--cap-drop net_raw,sys_admin" "--cap-drop all" "--as nobody" "--as 5:6" \
		"--no-new-privs" "--user --cap-drop all --cap-add chown"; do
		# shellcheck disable=SC2086 # words
		replay_same -f own_norm state_none -- ns-exec $options -- "$PROBE" || return
	done
}

# bats test_tags=anywhere
@test "replay: a root" {
	requires root
	local options
	for options in "--no-dev --no-sys" "" "--read-only --tmpfs /tmp:size=1m" \
		"--bind /etc:/mnt/etc:ro --bind /etc/hostname:/etc/made --hostname x --cwd /etc"; do
		# shellcheck disable=SC2086 # words
		replay_same -p "make_root root" -f probe_norm "state_tree root" -- \
			ns-exec --all --privileged --root root $options -- /probe || return
	done
	replay_same -p "make_root root" -f 'jq -S .mounts[].point' "state_tree root" -- \
		ns-exec --all --root root --mask /etc/passwd --ro-path /home --device /dev/null:/dev/x -- /probe
}

# bats test_tags=anywhere
@test "replay: ranges of ids, which newuidmap allows" {
	requires root newuidmap
	echo root:100000:65536 >"$T/subid"
	# shellcheck disable=SC2317
	allowed() { mount --bind "$T/subid" /etc/subuid && mount --bind "$T/subid" /etc/subgid; }
	[[ -e /etc/subuid && -e /etc/subgid ]] || tb_skip "needs /etc/subuid"
	replay_same -p allowed -f own_norm state_none -- ns-exec --user --uid-map 0:100000:65536 \
		--gid-map 0:100000:65536 -- "$PROBE"
	replay_same -p allowed -f own_norm state_none -- ns-exec --user --map-auto --pid -- "$PROBE"
}

# bats test_tags=anywhere
@test "replay: a root for nobody" {
	requires userns
	make_root "${root:?}"
	as_nobody ns-exec --all --root "$root" -- /probe | probe_norm >"$T/plain"
	as_nobody ns-exec -n --all --root "$root" -- /probe >"$T/script"
	as_nobody sh <"$T/script" | probe_norm >"$T/replayed"
	# The root has no setpriv, as the script says.
	diff <(jq 'del(.cap_bnd, .cap_eff, .cap_prm, .seccomp, .fds)' "$T/plain") \
		<(jq 'del(.cap_bnd, .cap_eff, .cap_prm, .seccomp, .fds)' "$T/replayed")
}

none_left() { [[ -z $(mounts_below "$T") ]]; }

# bats test_tags=anywhere
@test "faults: every step fails once, and nothing is left" {
	requires root
	make_root "${root:?}"
	faults_walk -c none_left -- ns-exec --uts --hostname box --net --rlimit core=0 -- true
	faults_walk -c none_left -- ns-exec --all --root "$root" --hostname box --as dan --read-only \
		--bind /etc:/mnt:ro --tmpfs /tmp --sysctl net.ipv4.ip_forward=1 -w /etc -e A=b -- /bin/true
	faults_walk -c none_left -- ns-exec --all --root "$root" --init --no-new-privs -- /bin/true
	faults_walk -c none_left -- ns-exec --user --uid-map 0:1000:10 --gid-map 0:1000:10 --pid -- true
}

# bats test_tags=anywhere
@test "faults: for nobody" {
	requires userns
	make_root "${root:?}"
	faults_walk -c none_left -- nobodys_ns_exec --all --root "$root" -- /bin/true
}
nobodys_ns_exec() { as_nobody ns-exec "$@"; }

# bats test_tags=anywhere
@test "what is told is what happens" {
	requires root strace
	make_root "${root:?}"
	told_same -- ns-exec --uts --hostname box --net -- true
	told_same -- ns-exec --pid --mount --ipc -- true
	told_same -- ns-exec --all --root "$root" --privileged --hostname box -- /bin/true
	told_same -- ns-exec --all --root "$root" --as dan --bind /etc:/mnt:ro -- /bin/true
}

@test "many starts leave nothing" {
	requires root
	local i
	make_root "${root:?}"
	for ((i = 0; i < $(rounds) * 2; i++)); do
		ns-exec --all --root "$root" -- /bin/true || fail "round $i"
	done
}
