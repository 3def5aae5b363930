#!/usr/bin/env bats
# Profiles in, filters out. That a filter decides as its profile says is tests/unit/bpf.c's matter.
load helpers

setup_file() { tb_setup_file; }
teardown_file() { tb_teardown_file; }
setup() { tb_setup; }
teardown() { tb_teardown; }

# verdict CALL [ARG…]: what the table says of a call.
verdict() {
	local call=$1
	shift
	seccomp-bpf --list "$@" | awk -v c="$call" '$1 == c { sub(/^[^ ]+ +[0-9]+ +/, ""); print }'
}

# profile JQ: a small allow-list, changed.
profile() {
	jq -n '{defaultAction: "SCMP_ACT_ERRNO", syscalls: [{names: ["read", "write", "openat2"], action: "SCMP_ACT_ALLOW"}]}' |
		jq "$1" >"$T/p.json"
}

# refused JQ GLOB: the changed profile gives one line of error.
refused() {
	profile "$1"
	run seccomp-bpf "$T/p.json"
	assert_status 1
	assert_error seccomp-bpf "$2"
}

@test "the default filter in the library is what the tool makes of the default profile" {
	diff "$TB_OUT/gen/seccomp_default.c" <(seccomp-bpf --default --c)
	seccomp-bpf --show >"$T/default.json"
	cmp <(seccomp-bpf --default) <(seccomp-bpf "$T/default.json")
	cmp "$TB_TOP/lib/mech/seccomp_default.json" "$T/default.json"
}

@test "the default profile refuses what Docker's refuses" {
	local call
	for call in mount umount2 unshare setns bpf keyctl add_key request_key fsconfig fsopen \
		io_uring_setup io_uring_enter open_by_handle_at kexec_load init_module reboot swapon \
		pivot_root perf_event_open userfaultfd clock_settime settimeofday quotactl acct syslog \
		vhangup kcmp pidfd_getfd mbind move_pages lookup_dcookie; do
		assert_eq "errno EPERM" "$(verdict "$call" --default)" "$call"
	done
	assert_eq "errno ENOSYS" "$(verdict clone3 --default)"
	for call in read execve chroot ptrace mknod chown setuid capset openat2 statx memfd_create \
		landlock_create_ruleset rseq futex_waitv close_range cachestat mseal; do
		assert_eq allow "$(verdict "$call" --default)" "$call"
	done
	assert_like "$(verdict clone --default)" "by its arguments: allow if arg0 & 0x7e020000 == 0x0; else *"
}

@test "capabilities widen and narrow the default profile as Docker does" {
	local call caps want
	while read -r caps call want; do
		assert_eq "${want/_/ }" "$(verdict "$call" --default --caps "$caps")" "$caps $call"
	done <<-'ROWS'
		SYS_ADMIN mount allow
		SYS_ADMIN clone allow
		SYS_ADMIN clone3 allow
		SYS_ADMIN reboot errno_EPERM
		CAP_SYS_BOOT reboot allow
		sys_chroot chroot allow
		none chroot errno_EPERM
		none mount errno_EPERM
		SYSLOG syslog allow
		BPF bpf allow
		PERFMON perf_event_open allow
		SYS_NICE mbind allow
		SYS_MODULE,SYS_TIME init_module allow
		SYS_MODULE,SYS_TIME clock_settime allow
		DAC_READ_SEARCH open_by_handle_at allow
		ALL mount allow
		ALL keyctl errno_EPERM
	ROWS
	run seccomp-bpf --default --caps SYS_ADMIN,NOPE
	assert_status 2
	assert_like "${lines[0]}" "seccomp-bpf: *unknown capability 'NOPE'*"
}

@test "a filter is a whole number of instructions, and small" {
	seccomp-bpf --default >"$T/filter"
	local size
	size=$(stat -c %s "$T/filter")
	((size % 8 == 0 && size > 800 && size < 4000)) || fail "$size bytes"
	run -0 seccomp-bpf --default --asm
	assert_eq $((size / 8)) "${#lines[@]}"
	assert_like "${lines[0]}" "*ld \[4\]*; the machine"
}

@test "other machines, by name" {
	run -0 seccomp-bpf --default --arch aarch64 --list
	assert_line "read                              63  allow"
	run -0 seccomp-bpf --default --arch SCMP_ARCH_RISCV64 --list
	assert_line "riscv_flush_icache               259  allow"
	run seccomp-bpf --default --arch vax
	assert_status 2
	assert_like "${lines[0]}" "*'vax' is no machine that libseccomp knows*"
}

@test "conditions on the kernel" {
	profile '.syscalls += [{names: ["ptrace"], action: "SCMP_ACT_ALLOW", includes: {minKernel: "4.8"}},
		{names: ["kcmp"], action: "SCMP_ACT_ALLOW", excludes: {minKernel: "4.8"}}]'
	assert_eq allow "$(verdict ptrace --kernel 4.8 "$T/p.json")"
	assert_eq "errno EPERM" "$(verdict ptrace --kernel 4.7 "$T/p.json")"
	assert_eq allow "$(verdict ptrace --kernel 10.0 "$T/p.json")"
	assert_eq "errno EPERM" "$(verdict kcmp --kernel 4.8 "$T/p.json")"
	assert_eq allow "$(verdict kcmp --kernel 3.19 "$T/p.json")"
}

@test "every action, with its errno as a number, as a name, and left out" {
	profile '.syscalls += [
		{names: ["chown"], action: "SCMP_ACT_ERRNO", errnoRet: 13},
		{names: ["chmod"], action: "SCMP_ACT_ERRNO", errno: "ENOSPC"},
		{name: "ptrace", action: "SCMP_ACT_KILL_PROCESS"},
		{names: ["kill"], action: "SCMP_ACT_KILL"},
		{names: ["mkdir"], action: "SCMP_ACT_TRAP"},
		{names: ["rmdir"], action: "SCMP_ACT_TRACE", errnoRet: 7},
		{names: ["link"], action: "SCMP_ACT_LOG"}]'
	assert_eq "errno EACCES" "$(verdict chown "$T/p.json")"
	assert_eq "errno ENOSPC" "$(verdict chmod "$T/p.json")"
	assert_eq "errno EPERM" "$(verdict mknod "$T/p.json")"
	assert_eq "kill process" "$(verdict ptrace "$T/p.json")"
	assert_eq "kill thread" "$(verdict kill "$T/p.json")"
	assert_eq "signal SIGSYS" "$(verdict mkdir "$T/p.json")"
	assert_eq "tell the tracer 7" "$(verdict rmdir "$T/p.json")"
	assert_eq "log and allow" "$(verdict link "$T/p.json")"
	profile '.defaultErrno = "EXDEV" | .syscalls[0].names += ["statx"]'
	assert_eq "errno EXDEV" "$(verdict mknod "$T/p.json")"
}

@test "calls behind the last one that a profile names get ENOSYS, but not where all is let pass" {
	profile . # openat2 is number 437
	assert_eq "errno EPERM" "$(verdict clone3 "$T/p.json")"
	assert_eq "errno ENOSYS" "$(verdict faccessat2 "$T/p.json")"
	profile '.defaultAction = "SCMP_ACT_ALLOW" | .syscalls[0].action = "SCMP_ACT_ERRNO"'
	assert_eq allow "$(verdict faccessat2 "$T/p.json")"
}

@test "conditions on one argument are alternatives, on several they go together" {
	profile '.syscalls += [{names: ["personality"], action: "SCMP_ACT_ALLOW",
		args: [{index: 0, value: 0, op: "SCMP_CMP_EQ"}, {index: 0, value: 8, op: "SCMP_CMP_EQ"}]},
		{names: ["socket"], action: "SCMP_ACT_ALLOW",
		args: [{index: 0, value: 1, op: "SCMP_CMP_EQ"}, {index: 1, value: 2, valueTwo: 0, op: "SCMP_CMP_GE"}]}]'
	assert_eq "by its arguments: allow if arg0 == 0 or arg0 == 8; else errno EPERM" \
		"$(verdict personality "$T/p.json")"
	assert_eq "by its arguments: allow if arg0 == 1 and arg1 >= 2; else errno EPERM" \
		"$(verdict socket "$T/p.json")"
}

@test "the OCI form, alone and in a config.json, from a file and from standard input" {
	profile '.architectures = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X32"] | .flags = ["SECCOMP_FILTER_FLAG_LOG"]'
	jq '{ociVersion: "1.0.2", linux: {seccomp: .}}' "$T/p.json" >"$T/config.json"
	seccomp-bpf "$T/p.json" >"$T/a"
	cmp "$T/a" <(seccomp-bpf "$T/config.json")
	cmp "$T/a" <(seccomp-bpf - <"$T/p.json")
	cmp "$T/a" <(seccomp-bpf -- "$T/p.json")
	run -0 seccomp-bpf --flags "$T/config.json"
	assert_eq SECCOMP_FILTER_FLAG_LOG "$output"
	echo '{"ociVersion": "1.0.2", "linux": {}}' >"$T/config.json"
	run seccomp-bpf "$T/config.json"
	assert_status 1
	assert_error seccomp-bpf "*config.json: linux.seccomp is missing"
}

@test "archMap: the entry of this machine gives its sub-architectures" {
	profile '.archMap = [{architecture: "SCMP_ARCH_NEVER", subArchitectures: null},
		{architecture: "SCMP_ARCH_X86_64", subArchitectures: ["SCMP_ARCH_X86"]}]'
	run -0 seccomp-bpf --arch x86_64 --asm "$T/p.json"
	assert_like "$output" "*jeq #0xc000003e*jeq #0x40000003*"
	run -0 seccomp-bpf --arch aarch64 --asm "$T/p.json"
	[[ $output != *0x40000003* ]]
}

@test "names that nobody knows are left out; --json is JSON" {
	profile '.syscalls[0].names += ["no_such_call", "getpid"]'
	assert_eq allow "$(verdict getpid "$T/p.json")"
	seccomp-bpf --json "$T/p.json" >"$T/list"
	jq -se 'length > 300 and (map(select(.verdict == "allow").name) == ["read", "write", "getpid", "openat2"])' "$T/list"
}

@test "mistakes in a profile: one line that names the file and the place" {
	refused '.defaultAction = "SCMP_ACT_MAYBE"' "*p.json: defaultAction is no action of seccomp: 'SCMP_ACT_MAYBE'"
	refused 'del(.defaultAction)' "*p.json: defaultAction is missing"
	refused '.syscalls[0].action = 3' "*p.json: syscalls?0?.action is not a string"
	refused '.syscalls[0].action = "SCMP_ACT_NOTIFY"' "*is SCMP_ACT_NOTIFY, and there is no supervisor that would answer"
	refused '.syscalls[0].names = "read"' "*p.json: syscalls?0?.names is not a list"
	refused '.syscalls[0].names = [7]' "*p.json: syscalls?0?.names?0? is not a string"
	refused 'del(.syscalls[0].names)' "*p.json: syscalls?0?.names is missing"
	refused '.syscalls[0].name = "read"' "*p.json: syscalls?0? has both name and names"
	refused '.syscalls = {}' "*p.json: syscalls is not a list"
	refused '.syscalls[0].args = [{index: 6, value: 0, op: "SCMP_CMP_EQ"}]' "*args?0?.index is not a whole number from 0 to 5"
	refused '.syscalls[0].args = [{index: 0, value: -1, op: "SCMP_CMP_EQ"}]' "*args?0?.value is not a whole number*"
	refused '.syscalls[0].args = [{index: 0, value: 0, op: "=="}]' "*args?0?.op is no comparison: '=='"
	refused '.syscalls[0].errnoRet = 70000' "*errnoRet is not a whole number from 0 to 65535"
	refused '.syscalls[0].errno = "EWHAT"' "*errno is no name of an errno: 'EWHAT'"
	refused '.syscalls[0].includes = {caps: ["CAP_X"]}' "*includes.caps?0? is no capability: 'CAP_X'"
	refused '.syscalls[0].includes = {minKernel: "new"}' "*minKernel is no version such as 4.8: 'new'"
	refused '.architectures = ["SCMP_ARCH_VAX"]' "*architectures?0? is no machine that libseccomp knows: 'SCMP_ARCH_VAX'"
	refused '.architectures = ["SCMP_ARCH_X86"] | .archMap = [{architecture: "SCMP_ARCH_X86"}]' "*has both architectures and archMap"
	refused '[.]' "*p.json: is not an object"
	profile '.flags = ["LOUD"]'
	run seccomp-bpf --flags "$T/p.json"
	assert_status 1
	assert_error seccomp-bpf "*p.json: flags?0? is no flag of seccomp(2): 'LOUD'"
}

@test "files that are no profile" {
	run seccomp-bpf "$T/absent"
	assert_status 1
	assert_error seccomp-bpf "cannot open $T/absent: No such file or directory (ENOENT)"
	run seccomp-bpf "$T"
	assert_status 1
	assert_error seccomp-bpf "cannot read $T: Is a directory (EISDIR)"
	: >"$T/empty"
	run seccomp-bpf "$T/empty"
	assert_status 1
	assert_error seccomp-bpf "cannot read $T/empty: line 1, column 0: *"
	echo '{"a": 1, "a": 2}' >"$T/twice"
	run seccomp-bpf "$T/twice"
	assert_status 1
	assert_error seccomp-bpf "cannot read $T/twice: line 1, column *: duplicate object key*"
	head -c 100000 /dev/zero | tr '\0' '[' >"$T/deep"
	run seccomp-bpf "$T/deep"
	assert_status 1
	assert_error seccomp-bpf "cannot read $T/deep: deeper than 64 levels"
	head -c 5000000 /dev/zero | tr '\0' ' ' >"$T/big"
	run seccomp-bpf "$T/big"
	assert_status 1
	assert_error seccomp-bpf "cannot read $T/big: more than 4194304 bytes: File too large (EFBIG)"
	printf '{"defaultAction":"\033[31m"}' >"$T/colour"
	run seccomp-bpf "$T/colour"
	assert_status 1
	[[ $output != *$'\033'* ]]
}

@test "mistakes in the command line, and a full standard output" {
	run seccomp-bpf
	assert_status 2
	run seccomp-bpf --default "$T/p.json"
	assert_status 2
	run seccomp-bpf a b
	assert_status 2
	run seccomp-bpf --default --kernel new
	assert_status 2
	run bash -c 'seccomp-bpf --default >/dev/full'
	assert_status 1
	assert_error seccomp-bpf "cannot write to standard output: No space left on device (ENOSPC)"
}
