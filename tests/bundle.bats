#!/usr/bin/env bats
# ns-exec --bundle: a program in a bundle sees what it sees when runc or crun runs the same bundle.
load helpers

setup_file() {
	tb_setup_file
	if ((EUID == 0)); then
		engines >"$TB_DIR/engines"
	fi
}
teardown_file() { tb_teardown_file; }
setup() {
	tb_setup
	requires root
	mkdir "$T/b" && make_root "$T/b/rootfs"
}
teardown() { tb_teardown; }

# run_by ENGINE DIR: runs the bundle.
run_by() {
	case $1 in
	ns-exec) ns-exec --bundle "$2" ;;
	runc) runc --root "$T/runc" run -b "$2" "$TB_NAME-runc" ;;
	# It refuses hosts with both versions of cgroups: one is taken away, in a mount namespace.
	crun) unshare --mount sh -c '
		! mountpoint -q /sys/fs/cgroup/unified || umount /sys/fs/cgroup/unified
		exec crun --root "$0" run -b "$1" "$2"' "$T/crun" "$2" "$TB_NAME-crun" ;;
	esac
}

# engines: those others that can run a bundle on this host at all.
engines() {
	local engine T=$TB_DIR/try
	mkdir -p "$T/b/rootfs/"{proc,dev,sys}
	cp "$PROBE" "$T/b/rootfs/probe"
	for engine in runc crun; do
		(
			cd "$T/b" && command -v "$engine" >/dev/null && "$engine" spec && adapt . && run_by "$engine" .
		) >/dev/null 2>&1 && echo "$engine"
		rm -f "$T/b/config.json"
	done
	rm -rf "$T"
}

# adapt JQ: the example of runc or crun, without a terminal, and changed.
adapt() {
	jq '.process.terminal = false | .process.args = ["/probe"]' config.json | jq "$1" >config.new
	mv config.new config.json
}

# bundle JQ [SPEC-OPTION…]: $T/b as runc (or crun) writes it, changed.
bundle() {
	local change=$1
	shift
	cd "$T/b" || return
	rm -f config.json
	"$(head -1 "$TB_DIR/engines")" spec "$@"
	adapt "$change"
}

# facts: of the probe's report on standard input, what must not depend on who ran it. Masked paths
# may be masked by one file or another, read-only ones may have lost more rights than asked, and
# each runtime has its own idea of how cgroups of version 1 are shown, and of what else this host has
# mounted below /sys.
facts() {
	jq -S --slurpfile host "$T/host.json" --slurpfile c "$T/b/config.json" '
		($c[0].linux.maskedPaths // []) as $masked | ($c[0].linux.readonlyPaths // []) as $ro |
		{argv, cwd, env, uid, gid, groups, umask, hostname, domainname, no_new_privs, oom_score_adj,
			rlimits, seccomp, securebits, cap_inh, cap_prm, cap_eff, cap_bnd, cap_amb, uid_map, gid_map,
			links, pid, sig_blocked, sig_ignored,
			fds: (.fds | keys),
			ns: (.ns | with_entries(.value = (.value == $host[0].ns[.key]))),
			mounts: [.mounts[] | select(.point as $p | ($p | startswith("/sys/") | not) or ($masked | index([$p]))) |
				(.options | split(",")) as $o | .point as $p |
				if ($masked | index([$p])) then {point, masked: true}
				elif ($ro | index([$p])) then {point, ro: ($o | index(["ro"]) != null)}
				else {point, fstype, root, super: (.super | sub("^r[ow],?"; "")),
					flags: ($o - ["relatime", "rw"] | sort)} end] | sort_by(.point)}'
}

# all_alike: the bundle at $T/b reports the same facts under every engine.
all_alike() {
	local engine
	[ -s "$TB_DIR/engines" ] || tb_skip "no other runtime runs here"
	"$PROBE" >"$T/host.json"
	run_by ns-exec "$T/b" >"$T/ns-exec.json" || fail "ns-exec: status $?"
	facts <"$T/ns-exec.json" >"$T/ns-exec.facts"
	while read -r engine; do
		run_by "$engine" "$T/b" >"$T/$engine.json" || fail "$engine: status $?"
		diff <(facts <"$T/$engine.json") "$T/ns-exec.facts" || fail "$engine (<) and ns-exec (>) differ"
	done <"$TB_DIR/engines"
}

# all_print: the program of the bundle prints the same, and exits with the same status.
all_print() {
	local engine
	[ -s "$TB_DIR/engines" ] || tb_skip "no other runtime runs here"
	{ run_by ns-exec "$T/b" || echo "status $?"; } >"$T/ns-exec.out" 2>/dev/null
	while read -r engine; do
		{ run_by "$engine" "$T/b" || echo "status $?"; } >"$T/$engine.out" 2>/dev/null
		diff "$T/$engine.out" "$T/ns-exec.out" || fail "$engine (<) and ns-exec (>) differ"
	done <"$TB_DIR/engines"
}

@test "the example of runc, and of crun" {
	local engine
	[ -s "$TB_DIR/engines" ] || tb_skip "no other runtime runs here"
	cd "$T/b"
	while read -r engine; do
		rm -f config.json
		"$engine" spec
		adapt .
		all_alike
	done <"$TB_DIR/engines"
	jq -e '.no_new_privs == 1 and (.cap_eff | length) == 3 and .pid == 1' "$T/ns-exec.json"
}

@test "the rootless example" {
	[ -s "$TB_DIR/engines" ] || tb_skip "no other runtime runs here"
	bundle . --rootless
	all_alike
	jq -e '.uid_map == ["0 0 1"] and .ns.user != 0' "$T/ns-exec.json"
}

@test "an ordinary user with groups, a umask and a directory" {
	[ -s "$TB_DIR/engines" ] || tb_skip "no other runtime runs here"
	bundle '.process.user = {uid: 1000, gid: 100, additionalGids: [10, 29], umask: 63} | .process.cwd = "/tmp" |
		del(.process.capabilities.ambient)'
	all_alike
	jq -e '.uid.real == 1000 and .groups == [10, 29] and .umask == "0077" and .cwd == "/tmp" and .cap_eff == []' "$T/ns-exec.json"
}

@test "a user that the root knows, and a number it does not" {
	[ -s "$TB_DIR/engines" ] || tb_skip "no other runtime runs here"
	local uid
	for uid in 1000 4321; do
		bundle ".process.user = {uid: $uid, gid: 7} | del(.process.capabilities.ambient)"
		all_alike
		jq -e '.groups == [] and .gid.real == 7' "$T/ns-exec.json"
	done
}

@test "Docker's capabilities, a writable root, an environment, names, scores" {
	[ -s "$TB_DIR/engines" ] || tb_skip "no other runtime runs here"
	bundle '["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID",
		"CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL",
		"CAP_AUDIT_WRITE"] as $caps | .process.capabilities = {bounding: $caps, effective: $caps, permitted: $caps} |
		.root.readonly = false | .process.noNewPrivileges = false | .hostname = "some-host" |
		.process.env += ["A=b c", "EMPTY=", "HOME=/elsewhere"] | .process.oomScoreAdj = 500 |
		.process.args = ["/probe", "a b", "", "*"]'
	all_alike
	jq -e '(.cap_bnd | length) == 14 and .argv == ["/probe", "a b", "", "*"]' "$T/ns-exec.json"
}

@test "limits" {
	[ -s "$TB_DIR/engines" ] || tb_skip "no other runtime runs here"
	bundle '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 100, hard: 200}, {type: "RLIMIT_CORE", soft: 0, hard: 0},
		{type: "RLIMIT_NPROC", soft: 500, hard: 600}]'
	all_alike
	jq -e '.rlimits.nofile == [100, 200]' "$T/ns-exec.json"
}

@test "mounts: trees and files of the host, read-only or not, memory of a size, in their order" {
	[ -s "$TB_DIR/engines" ] || tb_skip "no other runtime runs here"
	mkdir -p "$T/host/sub" "$T/b/data"
	echo text >"$T/host/file"
	bundle ".mounts += [{destination: \"/tmp\", type: \"tmpfs\", source: \"t\", options: [\"nosuid\", \"size=1m\", \"mode=1770\"]},
		{destination: \"/tmp/below\", type: \"bind\", source: \"$T/host\", options: [\"bind\", \"ro\", \"nosuid\", \"nodev\"]},
		{destination: \"/etc/hosts\", type: \"bind\", source: \"$T/host/file\", options: [\"rbind\", \"rprivate\"]},
		{destination: \"/new/place\", type: \"bind\", source: \"$T/host/sub\", options: [\"bind\", \"noexec\"]},
		{destination: \"/var\", type: \"tmpfs\", source: \"first\", options: [\"noatime\"]},
		{destination: \"/var\", type: \"tmpfs\", source: \"second\", options: [\"ro\", \"nodiratime\"]}] | .root.readonly = false"
	all_alike
	jq -e '[.mounts[] | select(.point == "/var")] | length == 2' "$T/ns-exec.json"
	bundle '.mounts += [{destination: "/data", type: "bind", source: "data", options: ["bind"]}] | .root.readonly = false |
		.process.args = ["/bin/sh", "-c", "echo x >/data/made && ls /data"]'
	all_print
	assert_eq made "$(ls "$T/b/data")"
}

@test "namespaces of another process" {
	[ -s "$TB_DIR/engines" ] || tb_skip "no other runtime runs here"
	unshare --net --uts --ipc sh -c "ip link set lo up; hostname theirs; echo >'$T/ready'; exec sleep 60" &
	local pid=$!
	wait_for test -e "$T/ready"
	bundle "del(.hostname) | .linux.namespaces = [{type: \"pid\"}, {type: \"mount\"}, {type: \"network\", path: \"/proc/$pid/ns/net\"},
		{type: \"uts\", path: \"/proc/$pid/ns/uts\"}, {type: \"ipc\", path: \"/proc/$pid/ns/ipc\"}]"
	all_alike
	jq -e --arg net "$(stat -L -c %i "/proc/$pid/ns/net")" '.hostname == "theirs" and .ns.net == ($net | tonumber)' "$T/ns-exec.json"
	kill "$pid"
	wait "$pid" || :
}

@test "a range of ids" {
	[ -s "$TB_DIR/engines" ] || tb_skip "no other runtime runs here"
	chown -R 100000:100000 "$T/b/rootfs"
	chmod 0755 "$T"
	bundle '.linux.namespaces += [{type: "user"}] |
		.linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] |
		.linux.gidMappings = [{containerID: 0, hostID: 100000, size: 65536}]'
	all_alike
	jq -e '.uid_map == ["0 100000 65536"] and .setgroups == "allow"' "$T/ns-exec.json"
}

@test "kernel settings, devices, and the exit status" {
	[ -s "$TB_DIR/engines" ] || tb_skip "no other runtime runs here"
	bundle '.linux.sysctl = {"net.ipv4.ip_unprivileged_port_start": "7", "kernel.msgmax": "9999"} |
		.linux.devices = [{type: "c", path: "/dev/nothing", major: 1, minor: 3, fileMode: 438}] |
		.process.args = ["/bin/sh", "-c", "cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/msgmax; cd /dev; stat -c \"%n %F %t %T %a\" nothing null zero full random urandom tty; ls -l fd stdin stdout stderr ptmx | sed \"s/.* \\([^ ]* -> \\)/\\1/\"; exit 7"]'
	all_print
	assert_line_in "status 7" "$T/ns-exec.out"
	assert_line_in 9999 "$T/ns-exec.out"
	bundle '.process.args = ["/bin/sh", "-c", "sh -c \"kill -9 \\$\\$\"; echo $?; exit 255"]'
	all_print
	assert_line_in 137 "$T/ns-exec.out"
	assert_line_in "status 255" "$T/ns-exec.out"
}

# assert_line_in TEXT FILE
assert_line_in() {
	grep -qxF -- "$1" "$2" || fail "no line '$1' in:"$'\n'"$(cat "$2")"
}

# The default profile as Docker hands it to a runtime: its conditions decided.
docker_seccomp() {
	seccomp-bpf --show | jq '{defaultAction, defaultErrnoRet, architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
		syscalls: [.syscalls[] | select((.includes.caps // []) - ["CAP_SYS_CHROOT"] == []) |
			select((.includes.arches // ["amd64"]) | index(["amd64"])) | del(.includes, .excludes, .comment)]}'
}

@test "a filter of system calls, as Docker gives it" {
	[ -s "$TB_DIR/engines" ] || tb_skip "no other runtime runs here"
	[[ $(uname -m) == x86_64 ]] || tb_skip "needs x86_64"
	docker_seccomp >"$T/seccomp.json"
	bundle ".linux.seccomp = $(cat "$T/seccomp.json") | .process.capabilities |= del(.ambient) |
		.process.capabilities[] += [\"CAP_SYS_CHROOT\"]"
	all_alike
	jq -e '.seccomp == 2' "$T/ns-exec.json"
	# Each filter judges the same calls alike; a number that nobody knows is ENOSYS to all.
	bundle ".linux.seccomp = $(cat "$T/seccomp.json") | .process.args = [\"/probe\", \"call\", \"unshare-user\", \"unshare-mount\",
		\"clone3-user\", \"mount\", \"umount2\", \"fsopen\", \"setns\", \"keyctl\", \"add_key\", \"kexec_load\", \"reboot\", \"userfaultfd\",
		\"perf_event_open\", \"bpf\", \"io_uring_setup\", \"personality\", \"socket-vsock\", \"socket-inet\", \"getpid\", \"nosuchcall\"]"
	all_print
	# The filter made of the form with conditions is the same.
	cmp <(seccomp-bpf "$T/seccomp.json") <(seccomp-bpf --default)
}

@test "a filter that kills" {
	[ -s "$TB_DIR/engines" ] || tb_skip "no other runtime runs here"
	bundle '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["sync"], action: "SCMP_ACT_KILL_PROCESS"},
		{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 28}]} |
		.process.args = ["/bin/sh", "-c", "mkdir /tmp/x 2>&1; busybox sync; echo $?"]'
	all_print
	assert_line_in "mkdir: can't create directory '/tmp/x': No space left on device" "$T/ns-exec.out"
	assert_line_in 159 "$T/ns-exec.out"
}

# The least that a bundle can be: for what needs no other runtime.
small_bundle() {
	jq -n '{ociVersion: "1.0.2", root: {path: "rootfs"}, hostname: "box",
		process: {user: {uid: 0, gid: 0}, args: ["/probe"], cwd: "/", env: ["A=b"]},
		mounts: [{destination: "/proc", type: "proc", source: "proc"}],
		linux: {namespaces: [{type: "mount"}, {type: "pid"}, {type: "uts"}]}}' | jq "$1" >"$T/b/config.json"
}

@test "words on the command line win over the bundle's" {
	small_bundle .
	run -0 --separate-stderr ns-exec --bundle "$T/b"
	assert_json '.hostname == "box" and .env.A == "b" and .cap_bnd == [] and .seccomp == 0'
	run -0 --separate-stderr ns-exec --bundle "$T/b" --hostname other --env A=c --cap-add KILL --seccomp default -- /probe x
	assert_json '.hostname == "other" and .env.A == "c" and .cap_bnd == ["kill"] and .seccomp == 2 and .argv == ["/probe", "x"]'
}

@test "a relative bundle, from anywhere" {
	small_bundle '.process.args = ["/bin/cat", "/etc/hostname"]'
	cd "$T"
	run -0 ns-exec --bundle b
	assert_eq tbtest "$output"
	cd "$T/b"
	run -0 ns-exec --bundle .
	assert_eq tbtest "$output"
}

@test "hundreds of id maps are all there, and thousands an error (runc 2021-43784)" {
	chown -R 100000:100000 "$T/b/rootfs"
	chmod 0755 "$T"
	local change='.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [range(N) | {containerID: ., hostID: (. + 100000), size: 1}] |
		.linux.gidMappings = .linux.uidMappings'
	small_bundle "${change/N/300}"
	run -0 --separate-stderr ns-exec --bundle "$T/b"
	assert_json '(.uid_map | length) == 300 and .uid_map[299] == "299 100299 1" and .gid_map == .uid_map'
	# More than 64 KiB of them. The kernel takes 340 (user_namespaces(7)).
	small_bundle "${change/N/6000}"
	run ns-exec --bundle "$T/b"
	assert_status 125
	assert_like "${lines[0]}" "ns-exec: cannot *map*"
	[[ $output != *'"uid_map"'* ]]
}

@test "a /proc or /sys in a bundle is mounted on an ordinary directory, or not at all" {
	rmdir "$T/b/rootfs/proc"
	mkdir "$T/b/rootfs/elsewhere"
	ln -s elsewhere "$T/b/rootfs/proc"
	small_bundle .
	run ns-exec --bundle "$T/b"
	assert_status 125
	assert_like "${lines[0]}" "ns-exec: *proc*"
}

@test "what a bundle asks for and cannot get is said, and nothing runs" {
	small_bundle '.hooks = {prestart: [{path: "/bin/true"}]}'
	run ns-exec --bundle "$T/b"
	assert_status 125
	assert_line "oci-args: config.json: hooks.prestart cannot be done: ns-exec runs no hooks"
	small_bundle '.linux.seccomp = {defaultAction: "SCMP_ACT_MAYBE"}'
	run ns-exec --bundle "$T/b"
	assert_status 125
	assert_line "seccomp-bpf: $T/b/config.json: linux.seccomp.defaultAction is no action of seccomp: 'SCMP_ACT_MAYBE'"
	small_bundle '.process.args = ["/nowhere"]'
	run -127 ns-exec --bundle "$T/b"
	small_bundle '.root.path = "absent"'
	run ns-exec --bundle "$T/b"
	assert_status 125
	run ns-exec --bundle "$T/absent"
	assert_status 125
	assert_line "oci-args: cannot open $T/absent/config.json: No such file or directory (ENOENT)"
}
