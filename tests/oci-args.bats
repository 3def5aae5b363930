#!/usr/bin/env bats
# A bundle as words. That the words do what the bundle says is tests/bundle.bats.
load helpers

setup_file() { tb_setup_file; }
teardown_file() { tb_teardown_file; }
setup() {
	tb_setup
	mkdir "$T/b"
}
teardown() { tb_teardown; }

# bundle JQ: the least bundle there is, changed.
bundle() {
	jq -n '{ociVersion: "1.0.2", root: {path: "rootfs"},
		process: {user: {uid: 0, gid: 0}, args: ["/bin/sh"], cwd: "/"},
		linux: {namespaces: [{type: "mount"}]}}' | jq "$1" >"$T/b/config.json"
}

# words JQ: the words of the changed bundle, one a line.
words() {
	bundle "$1"
	run -0 --separate-stderr bash -c "oci-args -0 '$T/b' | tr '\\0' '\\n'"
}

# has JQ LINE…: the words hold these lines together, in this order.
has() {
	words "$1"
	shift
	local want
	printf -v want '%s\n' "$@"
	[[ $'\n'$output$'\n' == *$'\n'"$want"* ]] || fail "not there: $*"$'\n'"$output"
}

# refused CLASS JQ GLOB
refused() {
	bundle "$2"
	TACKLEBOX_ERRORS=json run oci-args "$T/b"
	assert_status 1
	assert_like "${lines[0]}" "oci-args: config.json: $3"
	assert_eq "$1" "$(jq -r .class <<<"${lines[-1]}")" "class of: ${lines[0]}"
	assert_eq 2 "${#lines[@]}"
}

# warned JQ GLOB: it works, with this one line on standard error.
warned() {
	bundle "$1"
	run -0 --separate-stderr oci-args "$T/b"
	assert_like "$stderr" "oci-args: warning: $2"
	[[ $stderr != *$'\n'* ]] || fail "$stderr"
}

@test "the least bundle" {
	words .
	assert_eq "--mount
--root
$T/b/rootfs
--no-proc
--no-dev
--no-sys
--no-masks
--seccomp
none
--as
0:0
--cap-drop
ALL
--clear-env
--cwd
/
--
/bin/sh" "$output"
	assert_eq "" "$stderr"
}

@test "the shell line is the same words, whatever is in them" {
	bundle '.process.args = ["echo", "a b", "", "it'\''s", "$HOME \"x\"", "two\nlines", "*", "-x"] |
		.process.env = ["A=1 2", "B=", "C=$(date)`x`\\"]'
	oci-args -0 "$T/b" >"$T/zero"
	local line
	line=$(oci-args "$T/b")
	eval "set -- $line"
	assert_eq ns-exec "$1"
	shift
	cmp "$T/zero" <(printf '%s\0' "$@")
}

@test "every kind of namespace, new and given" {
	words '.linux.namespaces = [{type: "pid"}, {type: "network", path: "/run/netns/x"}, {type: "mount"},
		{type: "ipc"}, {type: "uts", path: "/proc/1/ns/uts"}, {type: "user"}, {type: "cgroup"}, {type: "time"}]'
	assert_eq "--pid
--net=/run/netns/x
--mount
--ipc
--uts=/proc/1/ns/uts
--user
--cgroup
--time" "$(head -8 <<<"$output")"
	refused invalid '.linux.namespaces += [{type: "mount"}]' "linux.namespaces?1?.type comes twice: mount"
	refused invalid '.linux.namespaces += [{type: "disk"}]' "linux.namespaces?1?.type is no namespace: 'disk'"
	refused invalid '.linux.namespaces += [{}]' "linux.namespaces?1?.type is missing"
	refused invalid '.linux.namespaces += [{type: "ipc", path: "x"}]' "linux.namespaces?1?.path is not an absolute path: 'x'"
	refused unsupported '.linux.namespaces = [{type: "pid"}]' "linux.namespaces has no mount namespace*"
	refused unsupported 'del(.linux)' "linux.namespaces has no mount namespace*"
}

@test "ids: the user, its groups, its umask, and maps" {
	has '.process.user = {uid: 1000, gid: 100, additionalGids: [10, 29], umask: 63}' \
		--as 1000:100 --groups 10,29 --umask 077
	has '.linux.namespaces += [{type: "user"}] |
		.linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}, {containerID: 65536, hostID: 0, size: 1}] |
		.linux.gidMappings = [{containerID: 0, hostID: 200000, size: 65536}]' \
		--uid-map 0:100000:65536 --uid-map 65536:0:1 --gid-map 0:200000:65536
	refused invalid '.linux.uidMappings = [{containerID: 0, hostID: 0, size: 1}]' "linux.uidMappings needs a new user namespace"
	refused invalid '.process.user.uid = 4294967295' "process.user.uid is not a whole number from 0 to 4294967294"
	refused invalid '.process.user.uid = "root"' "process.user.uid is not a whole number*"
	refused invalid '.process.user.gid = -1' "process.user.gid is not a whole number*"
	refused invalid '.process.user.additionalGids = [1, null]' "process.user.additionalGids?1? is missing"
}

@test "more id maps than fit in 64 KiB are all there" {
	bundle '.linux.namespaces += [{type: "user"}] |
		.linux.uidMappings = [range(6000) | {containerID: ., hostID: (. + 100000), size: 1}] |
		.linux.gidMappings = [range(6000) | {containerID: ., hostID: (. + 100000), size: 1}]'
	[ "$(stat -c %s "$T/b/config.json")" -gt 300000 ]
	oci-args -0 "$T/b" | tr '\0' '\n' >"$T/words"
	assert_eq 6000 "$(grep -c -x -e --uid-map "$T/words")"
	diff <(grep -A1 -x -e --uid-map "$T/words" | grep :) <(seq 0 5999 | sed 's/.*/echo &:$((100000+&)):1/' | sh)
}

@test "capabilities: the bounding set, and a word about what cannot be given" {
	has '.process.capabilities.bounding = ["CAP_KILL", "CAP_CHOWN"]' --cap-drop ALL --cap-add chown,kill
	has '.process.capabilities = {bounding: ["CAP_KILL"], ambient: ["CAP_KILL"], effective: [], permitted: null}' \
		--cap-add kill
	has '.process.noNewPrivileges = true | .process.capabilities = {bounding: ["CAP_KILL", "CAP_CHOWN"], permitted: ["CAP_KILL"]}' \
		--cap-drop ALL --cap-add kill
	words '.process.capabilities = {bounding: []}'
	[[ $output != *--cap-add* ]]
	warned '.process.capabilities.bounding = ["CAP_KILL", "CAP_FLY"]' "capability 'CAP_FLY' is unknown, and left out"
	refused unsupported '.process.capabilities = {ambient: ["CAP_KILL"], inheritable: ["CAP_KILL"]}' \
		"process.capabilities.ambient cannot be done: *"
	refused invalid '.process.capabilities.bounding = [1]' "process.capabilities.bounding?0? is not a string"
	# Others than root have nothing to give, but everything in a user namespace.
	chmod -R go+rX "$T"
	bundle '.process.capabilities.bounding = ["CAP_KILL"]'
	run -0 --separate-stderr as_nobody oci-args "$T/b"
	assert_like "$stderr" "*capability kill is not ours to give, and left out"
	[[ $output != *--cap-add* ]]
	bundle '.process.capabilities.bounding = ["CAP_KILL"] | .linux.namespaces += [{type: "user"}]'
	run -0 --separate-stderr as_nobody oci-args "$T/b"
	assert_eq "" "$stderr"
	[[ $output == *--cap-add* ]]
}

@test "the rest of the process" {
	has '.process += {terminal: true, noNewPrivileges: true, oomScoreAdj: -7}' \
		--tty --no-new-privs --oom-score-adj -7
	has '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 10, hard: 20}]' --rlimit nofile=10:20
	bundle .
	# jq 1.6 has no whole numbers of 64 bits.
	sed -i 's/"cwd":/"rlimits": [{"type": "RLIMIT_MEMLOCK", "soft": 18446744073709551615, "hard": 18446744073709551615}], &/' "$T/b/config.json"
	run -0 oci-args "$T/b"
	assert_like "$output" "*--rlimit 'memlock=unlimited:unlimited'*"
	has '.process.env = ["A=b", "C=d=e"]' --clear-env --env A=b --env C=d=e
	has '.process.cwd = "/home"' --cwd /home
	refused invalid 'del(.process)' "process is missing"
	refused invalid '.process.args = []' "process.args names no program"
	refused invalid '.process.args = "sh"' "process.args is not a list"
	refused invalid '.process.args[1] = 2' "process.args?1? is not a string"
	refused invalid '.process.cwd = "home"' "process.cwd is not an absolute path: 'home'"
	refused invalid 'del(.process.cwd)' "process.cwd is missing"
	refused invalid '.process.env = ["A"]' "process.env?0? is not NAME=VALUE: 'A'"
	refused invalid '.process.rlimits = [{type: "NOFILE", soft: 1, hard: 1}]' "process.rlimits?0?.type is no resource limit: 'NOFILE'"
	refused invalid '.process.rlimits = [{type: "RLIMIT_CPU", soft: 1}]' "process.rlimits?0?.hard is missing"
	refused invalid '.process.rlimits = [{type: "RLIMIT_CPU", soft: 1, hard: 1}, {type: "RLIMIT_CPU", soft: 1, hard: 1}]' \
		"process.rlimits?1? limits the same twice"
	refused invalid '.process.oomScoreAdj = 1001' "process.oomScoreAdj is not a whole number from -1000 to 1000"
	refused invalid '.process.terminal = "yes"' "process.terminal is neither true nor false"
}

@test "the root: below the bundle or anywhere, and its names" {
	has '.root = {path: "/srv/root", readonly: true}' --root /srv/root --read-only
	has '.hostname = "box" | .domainname = "dom"' --hostname box --domainname dom
	refused invalid 'del(.root)' "root is missing"
	refused invalid '.root.path = ""' "root.path is empty"
	cd "$T"
	bundle .
	run -0 oci-args b
	assert_like "$output" "*--root b/rootfs *"
}

@test "mounts in their order, binds told from file systems" {
	has '.mounts = [{destination: "/proc", type: "proc", source: "proc"},
		{destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "strictatime", "mode=755"]},
		{destination: "/a", type: "bind", source: "/etc", options: ["rbind", "ro"]},
		{destination: "/b", source: "data", options: ["bind"]},
		{destination: "/c", type: "bind", source: "/etc", options: ["ro"]},
		{destination: "/d", type: "none", source: "/etc", options: ["rbind", "rslave"]},
		{destination: "/e", type: "tmpfs"}]' \
		--no-masks --fs proc:proc:/proc --fs tmpfs:tmpfs:/dev:nosuid,strictatime,mode=755 \
		--bind /etc:/a:rbind,ro --bind "$T/b/data:/b:bind" --bind /etc:/c:bind,ro \
		--bind /etc:/d:rbind,rslave --fs tmpfs:tmpfs:/e --dev-nodes
	words '.mounts = [{destination: "/dev", type: "bind", source: "/dev", options: ["rbind"]}]'
	[[ $output != *--dev-nodes* ]]
	refused invalid '.mounts = [{type: "proc"}]' "mounts?0?.destination is missing"
	refused invalid '.mounts = [{destination: "proc", type: "proc"}]' "mounts?0?.destination is not an absolute path: 'proc'"
	refused invalid '.mounts = [{destination: "/x"}]' "mounts?0?.type is missing, and it is no bind"
	refused invalid '.mounts = [{destination: "/x", type: "bind"}]' "mounts?0?.source is missing, and a bind shows something"
	refused unsupported '.mounts = [{destination: "/x:y", type: "tmpfs"}]' "mounts?0?.destination has a colon*"
	refused unsupported '.mounts = [{destination: "/x", type: "bind", source: "/a:b"}]' "mounts?0?.source has a colon*"
	local option
	has '.mounts = [{destination: "/a", type: "bind", source: "/etc", options: ["rbind", "idmap", "ro"]}]' \
		--bind /etc:/a:rbind,idmap,ro
	refused unsupported '.mounts = [{destination: "/x", type: "tmpfs", options: ["idmap"]}]' \
		"mounts?0?.type cannot be done: ns-exec has the mount option idmap for binds only"
	for option in remount tmpcopyup ridmap rro rnosuid; do
		refused unsupported '.mounts = [{destination: "/x", type: "tmpfs", options: ["ro", "'$option'"]}]' \
			"mounts?0?.options?1? cannot be done: ns-exec has no mount option $option"
	done
	refused unsupported '.mounts = [{destination: "/x", type: "bind", source: "/", uidMappings: [{}]}]' "mounts?0?.uidMappings cannot be done*"
}

@test "a cgroup mount is what this host has" {
	requires cg
	words '.mounts = [{destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["nosuid", "ro"]}]'
	local dir
	dir=$(cg_dir pids)
	if [[ $dir == /sys/fs/cgroup ]]; then
		assert_like "$output" "*--bind
/sys/fs/cgroup*:/sys/fs/cgroup:bind,nosuid,ro*"
	else
		assert_like "$output" "*--fs
tmpfs:cgroup:/sys/fs/cgroup:nosuid,noexec,nodev,mode=755
*--bind
$dir*:$dir:bind,nosuid,ro
*--ro-path
/sys/fs/cgroup
*"
	fi
	words '.linux.namespaces += [{type: "cgroup"}] |
		.mounts = [{destination: "/cg", type: "cgroup", source: "cgroup", options: ["nosuid"]}]'
	assert_like "$output" "*--fs
cgroup*:/cg*:nosuid*"
}

@test "a cgroup tree that is mounted over itself is one tree" {
	requires root cg1-pids
	local dir
	dir=$(cg_dir pids)
	bundle '.linux.namespaces += [{type: "cgroup"}] |
		.mounts = [{destination: "/cg", type: "cgroup", source: "cgroup", options: ["nosuid"]}]'
	run -0 unshare --mount bash -c 'mount --bind "$1" "$1" && oci-args -0 "$2" | grep -zc "^cgroup:cgroup:/cg/pids"' - "$dir" "$T/b"
	assert_eq 1 "$output"
}

@test "masked and read-only paths, settings, devices, seccomp" {
	has '.linux.maskedPaths = ["/proc/kcore", "/sys/firmware"] | .linux.readonlyPaths = ["/proc/bus"]' \
		--mask /proc/kcore --mask /sys/firmware --ro-path /proc/bus
	has '.linux.sysctl = {"net.ipv4.ip_forward": "1"}' --sysctl net.ipv4.ip_forward=1
	has '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW"}' --seccomp "$T/b/config.json"
	has '.linux.devices = [{type: "c", path: "/dev/nothing", major: 1, minor: 3}]' --device /dev/null:/dev/nothing
	warned '.linux.devices = [{type: "c", path: "/dev/x", major: 1, minor: 3, fileMode: 384}]' "/dev/null is the host's own: owner 0:0 and mode 666 stay"
	words '.linux.devices = [{type: "c", path: "/dev/null", major: 1, minor: 3}] | .mounts = [{destination: "/dev", type: "tmpfs"}]'
	[[ $output != *--device* ]]
	refused unsupported '.linux.devices = [{type: "c", path: "/dev/x", major: 4095, minor: 7}]' "linux.devices?0? cannot be done: the host's /dev has no device 4095:7 to show"
	refused unsupported '.linux.devices = [{type: "p", path: "/dev/x"}]' "linux.devices?0?.type cannot be done: *mkfifo*"
	refused invalid '.linux.devices = [{type: "z", path: "/dev/x"}]' "linux.devices?0?.type is no type of device: 'z'"
	refused invalid '.linux.sysctl = {"a": 1}' "linux.sysctl.a is not a string"
	refused invalid '.linux.maskedPaths = ["x"]' "linux.maskedPaths?0? is not an absolute path: 'x'"
}

@test "what ns-exec cannot do is an error" {
	refused unsupported '.hooks = {prestart: [{path: "/bin/true"}]}' "hooks.prestart cannot be done: ns-exec runs no hooks"
	refused unsupported '.hooks = {poststop: [{path: "/bin/true"}]}' "hooks.poststop cannot be done: *"
	refused unsupported '.linux.personality = {domain: "LINUX32"}' "linux.personality.domain cannot be done: *setarch*"
	refused unsupported '.linux.intelRdt = {closID: "x"}' "linux.intelRdt cannot be done: *"
	refused unsupported '.linux.mountLabel = "x"' "linux.mountLabel cannot be done: *"
	refused unsupported '.linux.timeOffsets = {monotonic: {secs: 1}}' "linux.timeOffsets cannot be done: *"
	refused unsupported '.linux.rootfsPropagation = "shared"' "linux.rootfsPropagation is 'shared': *"
	refused unsupported '.process.apparmorProfile = "x"' "process.apparmorProfile cannot be done: *"
	refused unsupported '.process.selinuxLabel = "x"' "process.selinuxLabel cannot be done: *"
	refused unsupported '.process.scheduler = {policy: "SCHED_FIFO"}' "process.scheduler cannot be done: *chrt*"
	refused unsupported '.process.ioPriority = {class: "IOPRIO_CLASS_RT"}' "process.ioPriority cannot be done: *ionice*"
	refused unsupported '.ociVersion = "2.0.0"' "ociVersion is '2.0.0': *"
	refused invalid 'del(.ociVersion)' "ociVersion is missing"
	words '.hooks = {prestart: [], poststart: null} | .linux.personality = {domain: "LINUX", flags: []} |
		.process.apparmorProfile = "" | .linux.rootfsPropagation = "rprivate"'
}

@test "what others do beside it is a warning" {
	warned '.linux.resources = {memory: {limit: 67108864, swap: 134217728}, cpu: {quota: 150000, period: 100000, shares: 1024, cpus: "0-1", mems: "0"}, pids: {limit: 100}, blockIO: {throttleReadBpsDevice: [{major: 8, minor: 0, rate: 1048576}]}}' \
		"ns-exec makes no control group: 'cg-create --memory 67108864 --swap 67108864 --cpus 1.500 --weight 100 --cpuset 0-1 --mems 0 --io 8:0:rbps=1048576 --pids 100 NAME', and then --join-cgroup NAME, does what linux.resources says"
	warned '.linux.cgroupsPath = "/web/1"' "*'cg-create web/1', and then --join-cgroup web/1, does what linux.cgroupsPath says"
	warned '.linux.resources = {devices: [{allow: false}], memory: {swappiness: 10, kernel: null}, hugepageLimits: [{}], rdma: {}, network: {classID: 0}}' \
		"no tool of ours sets what is asked for in linux.resources.memory.swappiness, linux.resources.devices, linux.resources.hugepageLimits, linux.resources.network"
	warned '.linux.rootfsPropagation = "rslave"' "linux.rootfsPropagation rslave is taken as private: *"
	warned '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", flags: ["SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG"]}' \
		"the seccomp flag SECCOMP_FILTER_FLAG_LOG is not set"
	refused invalid '.linux.resources.memory.limit = "64M"' "linux.resources.memory.limit is not a whole number*"
}

@test "the words that a warning gives are words of cg-create" {
	bundle '.linux.resources = {memory: {limit: 67108864, swap: 134217728}, cpu: {quota: 150000, shares: 2, cpus: "0", mems: "0"}, pids: {limit: 9}, blockIO: {throttleWriteIOPSDevice: [{major: 8, minor: 0, rate: 10}]}}'
	run -0 --separate-stderr oci-args "$T/b"
	local line=${stderr#*\'}
	line=${line%%\'*}
	local -a words
	read -ra words <<<"$line"
	# It parses: what is refused is the name, which stands last.
	run "${words[0]}" "${words[@]:1:${#words[@]}-2}" ../x
	assert_like "${lines[0]}" "cg-create: *../x*"
}

@test "what runc and crun write as an example can be read" {
	requires runc crun
	local maker
	for maker in "runc spec" "runc spec --rootless" "crun spec"; do
		rm -f "$T/b/config.json"
		(cd "$T/b" && $maker)
		run -0 --separate-stderr oci-args "$T/b"
		assert_like "$output" "ns-exec *--fs proc:proc:/proc *--dev-nodes *--cap-add kill,net_bind_service,audit_write *--tty *-- sh"
	done
}

@test "bundles that are none" {
	run oci-args "$T/absent"
	assert_status 1
	assert_error oci-args "cannot open $T/absent/config.json: No such file or directory (ENOENT)"
	echo '{' >"$T/b/config.json"
	run oci-args "$T/b"
	assert_status 1
	assert_error oci-args "cannot read $T/b/config.json: line 2, column 0: *"
	echo '[]' >"$T/b/config.json"
	run oci-args "$T/b"
	assert_status 1
	assert_error oci-args "config.json: is not an object"
	run oci-args
	assert_status 2
	run oci-args a b
	assert_status 2
	bundle .
	run bash -c "oci-args '$T/b' >/dev/full"
	assert_status 1
	assert_error oci-args "cannot write to standard output: No space left on device (ENOSPC)"
}
