#!/usr/bin/env bats
# bats file_tags=box,cgroup
# Boxes and their control groups, v1 or v2: limits, devices, pause, what is left.
load helpers
load box_helpers

setup_file() { box_setup_file; }
teardown_file() { tb_teardown_file; }
setup() { box_setup; }
teardown() { box_teardown; }

@test "limits: given, changed while it runs, and what happens beyond them" {
	requires cg-memory
	local group
	steady one -m 64m --pids-limit 50 --cpus 0.5
	box-exec one true
	group=$(jq -r .linux.cgroupsPath "$TACKLEBOX_ROOT/names/one/config.json")
	assert_eq 67108864 "$(cg-stat --json "${group#/}" | jq .memory_limit)"
	box-update -m 128m --pids-limit 60 one >/dev/null
	assert_eq "134217728 60" "$(cg-stat --json "${group#/}" | jq -r '"\(.memory_limit) \(.pids_limit)"')"
	assert_eq 134217728 "$(box-inspect one | jq .HostConfig.Memory)"
	box-stop -t 0 one >/dev/null
	box-start one >/dev/null
	assert_eq "134217728 60" "$(cg-stat --json "${group#/}" | jq -r '"\(.memory_limit) \(.pids_limit)"')"
	run -137 box-run --name hog --network none -m 16m bb tail /dev/zero
	assert_eq true "$(state_of hog OOMKilled)"
	run -1 box-create -m 1m bb
	assert_like "$output" '*Minimum memory limit allowed is 6MB*'
}

@test "devices: Docker's few, those that were asked for, or all" {
	# Made, as CAP_MKNOD lets everybody, but not opened.
	run -1 box-run --rm --network none bb sh -c 'mknod /tmp/f c 10 229 && : </dev/null >/dev/zero && : </tmp/f'
	assert_like "$output" "*can't open /tmp/f: Operation not permitted"
	# One that every kernel has, and that opening does not change.
	local other=/dev/cpu_dma_latency major minor
	read -r major minor < <(stat -c '%Hr %Lr' $other)
	box-run --rm --network none --device-cgroup-rule "c $major:$minor r" bb sh -c "mknod /tmp/f c $major $minor && : </tmp/f"
	box-run --rm --network none --device $other bb sh -c ": <>$other"
	run -1 box-run --rm --network none --device $other:/dev/x:r bb sh -c ': </dev/x && : <>/dev/x'
	assert_like "$output" "*can't * /dev/x: Operation not permitted"
	box-run --rm --network none --privileged bb sh -c "mknod /tmp/f c $major $minor && : <>/tmp/f"
}

# Where root has all of them, as on most hosts, and where it lacks some, as in many a machine.
@test "capabilities: a privileged box has all that root has, with ALL added too, and who comes into it" {
	local all words
	all=$(grep -E '^Cap(Eff|Bnd)' /proc/self/status)
	caps() { "$@" grep -E '^Cap(Eff|Bnd)' /proc/self/status 2>/dev/null; }
	for words in --privileged '--cap-add ALL' '--cap-drop ALL --cap-add ALL'; do
		# shellcheck disable=SC2086
		steady one $words
		assert_eq "$all" "$(caps box-exec one)" "$words"
		assert_eq "$all" "$(grep -E '^Cap(Eff|Bnd)' "/proc/$(state_of one Pid)/status")" "$words"
		box-rm -f one >/dev/null
	done
	# By name, one that is lacking is left out at the start, and for who comes in.
	steady one --cap-drop ALL --cap-add SYS_RESOURCE --cap-add KILL
	all=$(grep -E '^Cap(Eff|Bnd)' "/proc/$(state_of one Pid)/status")
	assert_eq "$all" "$(caps box-exec one)"
	assert_like "$all" *20
	steady two
	assert_eq "$(grep -E '^Cap(Eff|Bnd)' /proc/self/status)" "$(caps box-exec --privileged two)"
}

@test "its own group is all that a box sees; a pause stops it; nothing is left in the end" {
	local group before
	steady one
	group=$(jq -r .linux.cgroupsPath "$TACKLEBOX_ROOT/names/one/config.json")
	assert_eq /:/ "$(box-exec one cut -d: -f3 /proc/self/cgroup | sort -u | sed 's,$,:/,' | sort -u)"
	run -1 box-exec one sh -c 'cd /sys/fs/cgroup; [ ! -d pids ] || cd pids; cat tasks cgroup.procs 2>/dev/null | grep -qx 1 && mkdir x'
	assert_like "$output" "*Read-only file system"
	run -1 box-exec one mkdir /sys/fs/cgroup/x
	assert_like "$output" "*Read-only file system"
	# All of it, what was started by box-exec too.
	box-exec -d one sh -c 'while :; do echo tick >>/tmp/ticks; sleep 0.02; done'
	wait_for box-exec one grep -q tick /tmp/ticks
	assert_eq 2 "$(box-top one | grep -c 'sh -c')"
	box-pause one >/dev/null
	before=$(wc -l <"$TACKLEBOX_ROOT/names/one/root/tmp/ticks")
	sleep 0.3
	assert_eq "$before" "$(wc -l <"$TACKLEBOX_ROOT/names/one/root/tmp/ticks")"
	box-unpause one >/dev/null
	wait_for sh -c '[ "$(wc -l <"$0")" -gt '"$before"' ]' "$TACKLEBOX_ROOT/names/one/root/tmp/ticks"
	box-rm -f one >/dev/null
	run -1 cg-stat "${group#/}"
}

@test "box-stats: what the kernel counts, as a table and as the API has it" {
	requires cg-memory
	steady busy -m 64m
	box-run -d --name idle --network none bb sleep 1000 >/dev/null
	box-create --name made --network none bb >/dev/null
	box-exec -d busy sh -c 'head -c 20000000 /dev/zero >/dev/shm/x; while :; do :; done'
	wait_for box-exec busy sh -c '[ "$(stat -c %s /dev/shm/x)" = 20000000 ]'
	run -0 box-stats --no-stream --interval 500ms
	assert_eq 3 "${#lines[@]}"
	assert_like "${lines[0]}" 'CONTAINER ID * NAME * CPU % * MEM USAGE / LIMIT * MEM % * NET I/O * BLOCK I/O * PIDS'
	assert_like "${lines[1]}" '* busy * [1-9]*% * 2*MB / 67.11MB * 3*% * [3-9]'
	assert_like "${lines[2]}" '* idle * 0.*% * 1'
	# With hardly any files to keep open, too.
	run -0 bash -c 'ulimit -n 30; box-stats --no-stream --interval 10ms'
	assert_like "${lines[1]}" '* busy * 2*MB / 67.11MB * [3-9]'
	assert_like "${lines[2]}" '* idle * [1-9]*B / * 1'
	# One that is started again meanwhile has other files of the same names.
	box-stats --interval 50ms busy >"$T/again" &
	wait_for grep -qE ' busy .* 2[0-9.]+MB / 67.11MB' "$T/again"
	box-restart -t 0 busy >/dev/null
	wait_for grep -qE ' busy .* ([1-9][0-9.]*kB|[1-9]\.[0-9]+MB) / 67.11MB' "$T/again"
	kill $!
	box-exec -d busy sh -c 'head -c 20000000 /dev/zero >/dev/shm/x; while :; do :; done'
	wait_for box-exec busy sh -c '[ "$(stat -c %s /dev/shm/x)" = 20000000 ]'
	# How much of a processor it gets is the machine's to say.
	box-stats --json --no-stream --interval 1s busy >"$T/stats"
	jq -e '(.cpu_stats.cpu_usage.total_usage - .precpu_stats.cpu_usage.total_usage) as $used |
		(.cpu_stats.system_cpu_usage - .precpu_stats.system_cpu_usage) as $all |
		.name == "/busy" and .memory_stats.limit == 67108864 and .pids_stats.current >= 3 and
		$used > 0 and $all > 0 and .cpu_stats.online_cpus > 0 and .memory_stats.usage >= 20000000 and .read > .preread' "$T/stats" ||
		fail "$(<"$T/stats")"
	# One that does not run uses nothing; one that goes is seen to go.
	assert_eq '{} 0' "$(box-stats --json --no-stream --interval 1ms made | jq -c '"\(.memory_stats) \(.cpu_stats.cpu_usage.total_usage)"' -r)"
	run -1 box-stats --no-stream nobody
	timeout 60 box-stats --interval 100ms >"$T/live" &
	wait_for grep -q idle "$T/live"
	box-rm -f idle >/dev/null
	wait_for eval '[[ $(tail -2 "$T/live") == *NAME*busy* ]]'
	kill $!
}
