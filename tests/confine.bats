#!/usr/bin/env bats
# bats file_tags=chain
# What broke other runtimes, replayed against a canary: nothing may get out of a root, and nothing of
# the host may get in. The rows of the runtime table of the hardening list, by advisory.

load helpers

setup_file() {
	tb_setup_file
	SWAP=$(tb_program swap)
	export SWAP
}
teardown_file() { tb_teardown_file; }
setup() {
	tb_setup
	root=$T/root
	canary=$T/canary
	mkdir "$canary"
	echo untouched >"$canary/file"
	chmod 700 "$canary"
	canary_before=$(canary_state)
}
teardown() {
	[[ ! ${swapper:-} ]] || { kill "$swapper" && wait "$swapper"; } 2>/dev/null || :
	tb_teardown
}

canary_state() {
	find "$canary" -printf '%p %y %#m %U:%G %n %s %T@ %l\n' | sort
	cat "$canary/file"
}

canary_lives() {
	assert_eq "$canary_before" "$(canary_state)" "the canary"
}

# start OPTIONS… -- CMD…: a container as people start it.
start() { ns-exec --all --root "${root:?}" "$@"; }

# keep_running OPTIONS… -- CMD…: in the background; $pid is ns-exec, $inside the program.
keep_running() {
	rm -f "$T/pid"
	ns-exec --all --root "${root:?}" --pidfile "$T/pid" "$@" &
	pid=$!
	wait_inside "$T/pid"
}

stop_running() {
	kill "$pid" "$inside" 2>/dev/null || :
	kill -KILL "$inside" 2>/dev/null || :
	wait "$pid" || :
}

# bats test_tags=anywhere
@test "a user name of digits is a number (runc 2016-3697)" {
	requires root
	make_root "${root:?}"
	sed -i '1i 1000:x:0:0::/:/bin/sh' "$root/etc/passwd"
	run -0 --separate-stderr start --as 1000 -- /probe
	assert_json '.uid.real == 1000 and .uid.effective == 1000'
	echo 1000:x:0: >"$root/etc/group"
	run -0 --separate-stderr start --as 1000:1000 -- /probe
	assert_json '.gid.real == 1000'
}

# bats test_tags=anywhere
@test "no descriptor of the host in there, whatever the caller left open" {
	requires root
	make_root "${root:?}"
	run -0 --separate-stderr start -- /probe 3<"$canary" 7<"$canary" 9</ 200</
	assert_json '.fds | keys == ["0", "1", "2"]'
	# Our init, which is number 1, has none either; and its child gets none from it.
	run -0 --separate-stderr start --init --tty -- /bin/sh -c 'ls /proc/1/fd | grep -vxE "[012]" | while read -r n; do readlink /proc/1/fd/$n; done; true' 3<"$canary" 200</
	assert_eq "" "${output//$'\r'/}"
	run -0 --separate-stderr start --init --tty -- /probe 3<"$canary" 200</
	assert_json '.fds | keys == ["0", "1", "2"]'
}

# bats test_tags=anywhere
@test "who enters shows nothing to those inside (runc 2016-9962, 2019-5736)" {
	requires root
	local before name i
	make_root "${root:?}"
	# A copy that somebody inside could write, were there a way to it.
	cp "$BIN/ns-enter" "$T/ns-enter"
	before=$(sha256sum <"$T/ns-enter")
	# Watches every process that comes, reads its descriptors, and tries to write its program.
	cat >"$root/watch" <<-'END'
		exec 2>/dev/null
		while :; do
			for p in /proc/[0-9]*; do
				grep -q '^PPid:.0$' $p/status || continue
				[ $p != /proc/1 ] || continue
				for f in $p/fd/*; do
					case ${f##*/} in 0 | 1 | 2 | \* | 255) continue ;; esac
					l=$(readlink $f) && case $l in pipe:* | /proc/* | /watch | "") ;; *) echo "$l" >>/seen ;; esac
				done
				for w in $p/exe $p/root/../exe; do
					(exec 3>>$w && echo "opened $(readlink $p/exe)" >>/opened && echo spoilt >&3)
				done
				case $(readlink $p/exe) in *ns-enter* | *memfd*) echo "exe of $p" >>/seen ;; esac
			done
		done
	END
	for name in --no-new-privs --cap-add=sys_ptrace; do
		keep_running "$name" -- /bin/sh /watch
		for ((i = 0; i < $(rounds); i++)); do
			"$T/ns-enter" "$inside" -- /bin/true 5<"$canary"
		done
		"$T/ns-enter" "$inside" -- /bin/sleep 0.3 5<"$canary"
		stop_running
	done
	assert_eq "$before" "$(sha256sum <"$T/ns-enter")" "ns-enter"
	[[ ! -s $root/seen ]] || fail "$(<"$root/seen")"
	for name in ns-exec ns-enter; do
		grep -q "$name" "$root/opened" && fail "$name was opened to be written"
	done
	canary_lives
}

# bats test_tags=anywhere
@test "our own program is never run inside (runc 2019-5736)" {
	requires root
	local before
	make_root "${root:?}"
	ln -s /proc/self/exe "$root/bin/evil"
	printf '#!/proc/self/exe\n' >"$root/bin/script"
	printf '#!/bin/script\n' >"$root/bin/twice"
	chmod +x "$root/bin/script" "$root/bin/twice"
	before=$(sha256sum "$BIN"/*)
	local name
	for name in /proc/self/exe evil script twice; do
		run -126 start -- "$name"
		assert_line "ns-exec: cannot run $name: it is this very program, outside of the root"
		run -126 ns-exec --root "$root" --privileged -- "$name"
	done
	keep_running -- /bin/sleep 60
	for name in /proc/self/exe evil script; do
		run -126 ns-enter "$inside" -- "$name"
	done
	stop_running
	assert_eq "$before" "$(sha256sum "$BIN"/*)"
}

# bats test_tags=anywhere
@test "an init inside hides the program it runs from" {
	requires root
	make_root "${root:?}"
	run start --init -- /bin/sh -c 'readlink /proc/1/exe; cat /proc/1/exe >/copy; echo x >>/proc/1/exe'
	[[ $output != *"$BIN"* ]]
	assert_like "$output" "*Permission denied*"
	[[ ! -s $root/copy ]]
}

@test "/proc, /dev and /sys must be ordinary directories (runc 2019-16884, 2019-19921, 2023-27561)" {
	requires root
	local name
	for name in proc dev sys; do
		rm -rf "${root:?}"
		make_root "${root:?}"
		mkdir "$root/elsewhere"
		rmdir "$root/$name"
		ln -s /elsewhere "$root/$name"
		run -125 start -- /bin/true
		assert_error ns-exec "cannot mount on /$name: it must be an ordinary directory of $root: *ELOOP*" "*"
		rm "$root/$name"
		ln -s "$canary" "$root/$name"
		run -125 start -- /bin/true
		rm "$root/$name"
		touch "$root/$name"
		run -125 start -- /bin/true
		rm "$root/$name"
	done
	# One that is missing is made.
	run -0 start -- /bin/ls /sys
	assert_line kernel
	canary_lives
}

@test "nothing is mounted over /proc, by a volume or through a symlink (runc 2023-28642)" {
	requires root
	make_root "${root:?}"
	mkdir "$T/volume"
	ln -s /proc/self "$root/innocent"
	ln -s /proc "$root/other"
	for dst in /proc /proc/sys /proc/self/attr /innocent/attr /other /proc/1; do
		run -125 start --bind "$T/volume:$dst" -- /bin/true
		assert_like "$output" "ns-exec: cannot *"
		run -125 start --tmpfs "$dst" -- /bin/true
	done
	[[ -z $(ls "$T/volume") ]]
}

@test "masked paths are masked on a real /proc only" {
	requires root
	make_root "${root:?}"
	mkdir -p "$root/proc/acpi"
	echo secret >"$root/proc/kcore"
	# Without a /proc of the kernel's there is nothing to mask, and it is said.
	run -125 start --no-proc --no-sys --no-dev -- /bin/true
	assert_error ns-exec "cannot mask /proc/acpi: it is not on a real procfs"
	run -0 start --no-proc --no-sys --no-dev --no-masks -- /bin/true
}

@test "Docker's masked and read-only paths (moby 2018-10892)" {
	requires root
	local path
	make_root "${root:?}"
	for path in acpi asound interrupts kcore keys latency_stats timer_list timer_stats sched_debug scsi; do
		run -0 start -- /bin/sh -c "[ ! -e /proc/$path ] || { [ -d /proc/$path ] && ls -A /proc/$path || cat /proc/$path; }"
		assert_eq "" "$output" "/proc/$path"
	done
	for path in firmware devices/virtual/powercap; do
		run -0 start -- /bin/sh -c "[ ! -e /sys/$path ] || ls -A /sys/$path"
		assert_eq "" "$output" "/sys/$path"
	done
	run -0 --separate-stderr start -- /probe write /proc/sys/kernel/core_pattern /proc/sysrq-trigger \
		/proc/irq/default_smp_affinity /proc/sys/net/ipv4/ip_forward /sys/kernel/uevent_helper
	jq -se 'all(.errno == "EROFS" or .errno == "ENOENT" or .errno == "EACCES")' <<<"$output"
	[[ $(jq -s 'map(select(.errno == "EROFS")) | length' <<<"$output") -ge 3 ]]
	# They cannot be taken away again from inside.
	run ! start -- /bin/sh -c 'umount /proc/kcore || umount -l /proc/sys || mount -o remount,rw /proc/sys'
}

# bats test_tags=anywhere
@test "planted /dev/null, /dev/console and parents lead nowhere (runc 2025-31133, 2025-52565)" {
	requires root
	make_root "${root:?}"
	ln -s "$canary/file" "$root/dev/null"
	ln -s "$canary/file" "$root/dev/console"
	ln -s "$canary" "$root/dev/pts"
	ln -s "$canary/file" "$root/dev/ptmx"
	run -0 start -- /bin/sh -c 'cat /proc/timer_list /proc/keys | wc -c; echo x >/dev/null; stat -c %t:%T /dev/null'
	assert_eq $'0\n1:3' "$output"
	run -0 start --tty -- /bin/sh -c 'echo x >/dev/console'
	run start --no-dev --tty -- /bin/sh -c 'echo x'
	run start --no-dev -- /bin/sh -c 'cat /proc/keys'
	run start --no-dev --device /dev/zero:/dev/null -- /bin/true
	canary_lives
}

# bats test_tags=anywhere
@test "a planted symlink under a mount target stays in the root (runc 2021-30465)" {
	requires root
	make_root "${root:?}"
	mkdir "$T/volume"
	touch "$T/volume/mine"
	ln -s "$canary" "$root/abs"
	ln -s ../../../../../../../../../.."$canary" "$root/rel"
	local dst
	for dst in /abs /rel /abs/new/dir /rel/new/dir; do
		run start --bind "$T/volume:$dst" -- /bin/true
		run start --tmpfs "$dst" -- /bin/true
		run start --bind "$T/volume/mine:$dst/file" -- /bin/true
	done
	canary_lives
}

# raced DIR OPTIONS…: many starts while DIR is now a directory, now a symlink to the canary.
raced() {
	local dir=$1 i good=0
	shift
	mkdir -p "$root$dir"
	ln -s ../../../../../../../../../../../.."$canary" "$root/trap"
	"$SWAP" "$root$dir" "$root/trap" &
	swapper=$!
	for ((i = 0; i < $(rounds) * 5; i++)); do
		if timeout 20 ns-exec --all --root "$root" "$@" -- /bin/true >/dev/null 2>&1; then
			good=$((good + 1))
		fi
	done
	kill "$swapper"
	wait "$swapper" 2>/dev/null || :
	swapper=
	((good > 0)) || fail "not one start came through"
	canary_lives
}

# bats test_tags=anywhere
@test "a mount target swapped with a symlink all the while (runc 2021-30465, 2024-45310)" {
	requires root
	make_root "${root:?}"
	mkdir "$T/volume"
	touch "$T/volume/mine"
	raced /target --bind "$T/volume:/target/a/b" --bind "$T/volume/mine:/target/file" --tmpfs /target/t
}

# bats test_tags=anywhere
@test "/proc swapped with a symlink all the while (runc 2019-19921)" {
	requires root
	make_root "${root:?}"
	raced /proc
}

# bats test_tags=anywhere
@test "/dev swapped with a symlink all the while (runc 2025-52565)" {
	requires root
	make_root "${root:?}"
	raced /dev --device /dev/null:/dev/x
}

@test "nothing is inherited (runc 2022-29162, moby 2022-24769)" {
	requires root setpriv
	make_root "${root:?}"
	run -0 --separate-stderr setpriv --inh-caps +net_raw,+sys_admin --ambient-caps +net_raw \
		ns-exec --all --root "$root" --as 1000 -- /probe
	assert_json '.cap_inh == [] and .cap_amb == [] and .cap_eff == []'
	run -0 --separate-stderr setpriv --inh-caps +net_raw --ambient-caps +net_raw \
		ns-exec --all --root "$root" --privileged -- /probe
	assert_json '.cap_inh == [] and .cap_amb == []'
	keep_running -- /bin/sleep 60
	run -0 --separate-stderr setpriv --inh-caps +net_raw --ambient-caps +net_raw \
		ns-enter "$inside" --confine --as 1000 -- /probe
	assert_json '.cap_inh == [] and .cap_amb == [] and .cap_eff == []'
	stop_running
}

@test "the cgroups are not to be written (runc 2023-25809)" {
	requires userns
	make_root "${root:?}"
	# shellcheck disable=SC2016
	local attack='for f in $(find /sys/fs/cgroup -name cgroup.procs -o -name tasks -o -name release_agent | head -20); do
		echo $$ >$f && echo wrote $f; done 2>/dev/null; mkdir /sys/fs/cgroup/x 2>/dev/null && echo made; true'
	run -0 as_nobody ns-exec --user --pid --net --root "$root" -- /bin/sh -c "$attack"
	assert_eq "" "$output"
	run -0 as_nobody ns-exec --user --pid --root "$root" -- /bin/sh -c "$attack"
	assert_eq "" "$output"
	run -0 as_nobody ns-exec --all --root "$root" -- /bin/sh -c "$attack"
	assert_eq "" "$output"
	((EUID != 0)) || {
		run -0 start -- /bin/sh -c "$attack"
		assert_eq "" "$output"
	}
}

@test "a leaked directory as working directory (runc 2024-21626)" {
	requires root
	local n
	make_root "${root:?}"
	for n in {3..15}; do
		run start -w "/proc/self/fd/$n" -- /bin/sh -c 'ls -ld . && cat file; cd .. && ls' 3<"$canary" 4<"$canary" \
			5<"$canary" 6<"$canary" 7<"$canary" 8<"$canary" 9<"$canary" 10<"$canary" 11<"$canary" \
			12<"$canary" 13<"$canary" 14<"$canary" 15<"$canary"
		((status == 125)) || fail "it ran, in /proc/self/fd/$n: $output"
		[[ $output != *untouched* ]]
	done
	ln -s /proc/self/fd/7 "$root/cwd"
	run -125 start -w /cwd -- /bin/true 7<"$canary"
	assert_line "ns-exec: working directory /cwd lies outside of the root"
}

@test "release_agent is out of reach (kernel 2022-0492)" {
	requires root
	make_root "${root:?}"
	mkdir "$root/cg"
	run ! start -- /bin/sh -c 'mount -t cgroup -o pids cgroup /cg'
	run ! start -- /bin/sh -c 'unshare -UrC sh -c "mount -t cgroup -o pids cgroup /cg"'
	run ! start -- /bin/sh -c 'unshare -C true'
}

@test "the default filter keeps the calls that Docker's keeps (kernel 2022-0185 and kin)" {
	requires root
	local denied=(unshare-user unshare-mount unshare-net unshare-pid clone3-user mount umount2 fsopen
		fsconfig fsmount fspick move_mount open_tree mount_setattr pivot_root setns keyctl add_key
		request_key kexec_load init_module finit_module delete_module reboot swapon swapoff acct
		quotactl userfaultfd open_by_handle_at perf_event_open bpf io_uring_setup clock_settime sethostname)
	make_root "${root:?}"
	run -0 --separate-stderr start -- /probe call "${denied[@]}"
	assert_eq "${#denied[@]}" "$(jq -s 'map(select(.errno == "EPERM" or .errno == "ENOSYS")) | length' <<<"$output")" \
		"$(jq -c 'select(.errno != "EPERM" and .errno != "ENOSYS")' <<<"$output")"
	run -0 --separate-stderr start -- /probe call getpid chroot personality socket-inet nosuchcall
	assert_eq '["","","","","ENOSYS"]' "$(jq -sc 'map(.errno)' <<<"$output" | sed 's/"EPERM"/""/')"
}

# bats test_tags=anywhere
@test "the default filter answers as its profile says, to the errno, whatever the capabilities" {
	requires root
	local calls=(unshare-user unshare-net clone3-user mount umount2 fsopen fsconfig fsmount fspick move_mount
		open_tree mount_setattr pivot_root setns keyctl add_key request_key kexec_load init_module
		finit_module delete_module reboot swapon swapoff acct quotactl syslog userfaultfd
		open_by_handle_at perf_event_open bpf io_uring_setup sethostname iopl ioperm kcmp pidfd_getfd
		lookup_dcookie)
	local call name said
	make_root "${root:?}"
	seccomp-bpf --show >"$T/default.json"
	seccomp-bpf --default --list | awk '/ errno E/ { print $1, $NF }' >"$T/verdicts"
	# With every capability the kernel has no EPERM of its own: what is refused, the filter refused.
	run -0 --separate-stderr start --cap-add ALL --seccomp "$T/default.json" -- /probe call "${calls[@]}"
	jq -r '"\(.call) \(.errno)"' <<<"$output" >"$T/answers"
	assert_eq "${#calls[@]}" "$(wc -l <"$T/answers")"
	while read -r call said; do
		name=${call%%-*}
		assert_eq "$(awk -v n="$name" '$1 == n { print $2 }' "$T/verdicts")" "$said" "$call"
	done <"$T/answers"
	# By their arguments, and behind the end of the profile.
	run -0 --separate-stderr start --cap-add ALL --seccomp "$T/default.json" -- \
		/probe call personality socket-vsock socket-alg socket-inet nosuchcall
	assert_eq '["EPERM","EPERM","EPERM","","ENOSYS"]' "$(jq -sc 'map(.errno // "")' <<<"$output")"
	# And without the filter the same calls come through to the kernel.
	run -0 --separate-stderr start --privileged -- /probe call fsconfig fsmount setns move_mount nosuchcall
	assert_eq '[]' "$(jq -sc 'map(select(.errno == "EPERM"))' <<<"$output")"
	assert_eq 5 "${#lines[@]}"
}

# bats test_tags=anywhere
@test "a set-user-ID program inside gives no more than the bounding set" {
	requires root
	make_root "${root:?}"
	cp "$root/probe" "$root/suid"
	chmod 4755 "$root/suid"
	run -0 --separate-stderr start --as dan -- /suid
	assert_json '.uid.effective == 0 and (.cap_eff | length) == 14'
	run -0 --separate-stderr start --as dan --no-new-privs -- /suid
	assert_json '.uid.effective == 1000 and .cap_eff == []'
	# The kernel forgets the death signal of such a program, but not that of its init.
	keep_running --init --as dan -- /suid sleep 60
	kill -KILL "$pid"
	wait "$pid" || :
	wait_for test ! -e "/proc/$inside"
}

@test "the old root is gone: no mount, no way up, no /proc of the host" {
	requires root
	make_root "${root:?}"
	run -0 --separate-stderr start --privileged -- /probe
	assert_json '[.mounts[] | select(.point == "/")] | length == 1'
	run -0 start --privileged -- /bin/sh -c 'cd /; for i in 1 2 3 4 5 6 7 8; do cd ..; done; ls; ls /proc | grep -c "^[0-9]"'
	assert_line probe
	((lines[-1] <= 4))
}
