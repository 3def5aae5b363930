#!/usr/bin/env bats
# bats file_tags=box
# --userns: boxes whose root is nobody on the host.
load helpers
load box_helpers

setup_file() {
	box_setup_file --user 0
	if ((EUID == 0)); then
		printf 'u:x:1000:1000::/:/bin/sh\n' >>"$TB_DIR/rootfs/etc/passwd"
		tar -C "$TB_DIR/rootfs" -c . | img-import --cmd '["/bin/sh"]' bb >/dev/null
		subids dockremap:300000:196608 al:700000:1000 al:800000:65000 >"$TB_DIR/subid"
	fi
}
teardown_file() { tb_teardown_file; }
setup() {
	box_setup
	idmaps || tb_skip "needs idmapped mounts"
	pool=$TB_DIR/subid
	ids=100000:200000:65536
	export TACKLEBOX_BRIDGE=tbbr0
}
teardown() { box_teardown; }

subids() { printf '%s\n' "$@"; }
idmaps() {
	mkdir -p "$T/try/l"
	ufs-mount -u "$T/try/u" -w "$T/try/w" --uid-map 0:100000:9 --gid-map 0:100000:9 "$T/try/m" "$T/try/l" &&
		ufs-mount --umount "$T/try/m"
} >/dev/null 2>&1

dir_of() { echo "$TACKLEBOX_ROOT/boxes/$(box-inspect "$1" | jq -r .Id)"; }
pid_of() { box-inspect "$1" | jq .State.Pid; }
# The body of a test in mount and network namespaces of its own, where /etc/subuid and /etc/subgid are
# the file $pool; its boxes end with it.
apart() { in_fresh '--net' apart_go "$1"; }
apart_go() {
	local got=0
	mount --bind "$pool" /etc/subuid
	mount --bind "$pool" /etc/subgid
	set +e # behind || it would not count inside either, and only a last command could fail
	(set -e; "$1")
	got=$?
	box-ps -aq | xargs -r timeout 20 box-rm -fv >/dev/null || got=1
	[ -z "$(ip -o link show type veth)" ] || { ip link; got=1; }
	nothing_left || got=1
	return $got
}
# Nothing of ours is mounted or noted.
nothing_left() {
	! grep -F "$TACKLEBOX_ROOT" /proc/self/mountinfo || fail "mounted" || return
	! grep -rlF "$TACKLEBOX_ROOT" "$TACKLEBOX_RUN/made" 2>/dev/null || fail "noted" || return
	local dir
	for dir in "$TACKLEBOX_ROOT"/boxes/*; do
		[ -d "$dir" ] || continue
		[ ! -e "$dir/user" ] || fail "a namespace" || return
		! compgen -G "/sys/fs/cgroup/*/tacklebox/${dir##*/}" || fail "a group" || return
		[ ! -e "/run/netns/tb-$(basename "$dir" | cut -c1-12)" ] || fail "a network" || return
	done
}

@test "who comes in has what the box's own program has: limits, groups, oom_score_adj, capabilities" {
	local what='ulimit -Sn; ulimit -Hn; id -G; cat /proc/self/oom_score_adj; grep Cap /proc/self/status'
	box-run -d --name one --network none --userns $ids --ulimit nofile=66:88 --group-add 777 --oom-score-adj 300 \
		--cap-add SYS_RESOURCE bb sh -c "$what; exec sleep 1000" >/dev/null
	wait_for grep -q CapAmb "$TACKLEBOX_ROOT/names/one/log"
	run -0 box-exec one sh -c "$what"
	assert_eq "$(box-logs one)" "$output"
	assert_eq '66 88 300' "${lines[0]} ${lines[1]} ${lines[3]}"
	assert_like " ${lines[2]} " '* 777 *'
}

@test "root inside is nobody outside, and the image, tmpfs, /dev and /etc are its own" {
	box-run -d --name one --network none --userns $ids --tmpfs /t -w /new/dir bb sleep 100 >/dev/null
	assert_eq "0 100000 65536" "$(xargs <"/proc/$(pid_of one)/uid_map")"
	assert_eq "0 200000 65536" "$(xargs <"/proc/$(pid_of one)/gid_map")"
	assert_eq "100000 200000" "$(stat -c '%u %g' "/proc/$(pid_of one)")"
	assert_eq 0 "$(box-exec one id -u)"
	assert_eq "7:8 1750" "$(box-exec one stat -c '%u:%g %a' /data)"
	assert_eq "0:0 0:0 0:0 0:0 0:0" "$(box-exec one stat -c '%u:%g' / /t /new/dir /etc/hosts /dev/shm | xargs)"
	box-exec one sh -c 'echo 192.0.2.1 it >>/etc/hosts; echo x >/dev/null; head -c 1 /dev/urandom >/t/f'
	assert_eq 1000 "$(box-exec -u u one id -u)"
	assert_eq "101000" "$(box-exec -d -u u one sleep 99 && wait_for pgrep -u 101000 sleep && ps -o uid= -p "$(pgrep -u 101000 sleep)" | xargs)"
	# What root may do elsewhere it may not do here: make devices, set the clock, load modules.
	run ! box-exec --privileged one mknod /null c 1 3
	run box-exec --privileged one date -s 2000-01-01
	assert_like "$output" "*can't set date: Operation not permitted*"
	assert_eq "$(stat -L -c %i "/proc/$(pid_of one)/ns/user")" "$(stat -c %i "$(dir_of one)/user")"
}

root_of_network() {
	box-run -d --name one --userns $ids bb sleep 100 >/dev/null
	box-exec one ip route >"$T/routes"
	grep -q default "$T/routes"
	run -2 box-exec one ip link add dummy0 type dummy
	box-exec --privileged one ip link set lo down
	box-exec --privileged one ip link set lo up
	assert_eq /dev/pts/0 "$(box-exec -t one tty </dev/null | tr -d '\r')"
	grep -q ' /sys sysfs ' "/proc/$(pid_of one)/mounts"
	assert_eq "" "$(tb-ledger --json mount | jq -r --arg d "$(dir_of one)" 'select(.name | startswith($d)) | select(.in_use | not)')"
	assert_like "$(tb-ledger mount | grep -F "$(dir_of one)/user ")" '*a user namespace by name*'
}
@test "its network namespace is its own: root in it may change routes, and a terminal works" {
	apart root_of_network
}

@test "ids on the disk, in diff, commit, export and copies are those that the box knows" {
	box-run -d --name one --network none --userns $ids bb sh -c '
		echo x >/mine; mkdir /tmp/his; chown 1000:1001 /tmp/his; chown 9 /data/sub/file; echo ready; sleep 100' >/dev/null
	wait_for grep -q ready "$(dir_of one)/log"
	assert_eq "0:0" "$(stat -c %u:%g "$(dir_of one)/upper/mine")"
	assert_eq "1000:1001" "$(stat -c %u:%g "$(dir_of one)/upper/tmp/his")"
	box-diff one | grep -x 'A /tmp/his'
	local form=' {print $2, $NF}' state
	for state in running exited; do
		[ $state = running ] || box-kill one >/dev/null
		[ $state = running ] || box-wait one >/dev/null
		box-export one | tar -tv --numeric-owner >"$T/list"
		assert_eq "1000/1001 tmp/his/" "$(awk "/his/ $form" "$T/list")" "$state"
		assert_eq "9/0 data/sub/file" "$(awk "/sub.file/ $form" "$T/list")" "$state"
		assert_eq "1000/1001 his/" "$(box-cp one:/tmp/his - | tar -tv --numeric-owner | awk "/his/ $form")" "$state"
		box-cp -a one:/tmp/his "$T/his-$state"
		assert_eq "1000:1001" "$(stat -c %u:%g "$T/his-$state")" "$state"
	done
	box-commit one committed >/dev/null
	assert_eq "1000:1001 0:0" "$(box-run --rm --network none committed stat -c %u:%g /tmp/his /mine | xargs)"
	assert_eq "1000:1001 0:0" "$(box-run --rm --network none --userns 5000:6000:2000 committed stat -c %u:%g /tmp/his /mine | xargs)"
	img-rm committed >/dev/null
	# Many read little of much: who writes ends as it would without ids of its own.
	box-start one >/dev/null
	box-export one | head -c 1 >/dev/null || [ "${PIPESTATUS[0]}" -eq 141 ]
}

@test "box-cp into it works with its rights and ids, whoever the files belong to" {
	box-run -d --name one --network none --userns $ids -v vol:/data bb sleep 100 >/dev/null
	mkdir -p "$T/d/e" && echo f >"$T/d/e/f" && chown -R 1000:1001 "$T/d"
	box-cp "$T/d" one:/tmp/plain
	box-cp -a "$T/d" one:/tmp/kept
	box-cp "$T/d/e/f" one:/data/f
	tar -C "$T" -c d | box-cp - one:/tmp
	assert_eq "0:0 1000:1001 0:0 1000:1001" \
		"$(box-exec one stat -c %u:%g /tmp/plain/e/f /tmp/kept/e/f /data/f /tmp/d/e | xargs)"
	assert_eq "0:0" "$(stat -c %u:%g "$TACKLEBOX_ROOT/volumes/vol/_data/f")"
	run -1 box-cp "$T/none" one:/tmp
	assert_like "$output" 'box-cp: *none*'
	mkdir "$T/locked" && echo s >"$T/locked/s"
	run -1 box-cp "$T/locked/s" one:/no/such/dir/
	assert_like "$output" 'box-cp: *'
	TACKLEBOX_FAIL=setns:EIO run -1 box-cp "$T/d" one:/tmp/other
	assert_like "$output" 'box-cp: cannot become root of user namespace one*'
	run ! box-exec one test -e /tmp/other
}

@test "after the host went down: the name of its namespace is still a file, and no namespace" {
	box-run -d --name one --network none --userns $ids bb sleep 100 >/dev/null
	box-kill one >/dev/null
	wait_for sh -c '! box-ps -q | grep -q .'
	wait_for test ! -e "$TACKLEBOX_ROOT/names/one/user"
	install -m 0 /dev/null "$TACKLEBOX_ROOT/names/one/user"
	box-start one >/dev/null
	assert_eq 1 "$(box-exec one id -u 2>/dev/null | grep -cx 0)"
	box-rm -f one >/dev/null
}

@test "volumes: one for boxes with different ids; directories of the host stay the host's, or idmap" {
	mkdir "$T/host" && echo h >"$T/host/f" && chmod 0700 "$T/host"
	box-run --rm --network none --userns $ids -v vol:/data -v vol2:/v bb sh -c 'echo one >/data/x; chown 1000 /data/x; ls -ldn /v' >"$T/v"
	assert_eq "7:8 1000:0" "$(stat -c %u:%g "$TACKLEBOX_ROOT"/volumes/vol/_data{,/x} | xargs)"
	assert_eq "1000 one" "$(box-run --rm --network none --userns 5000:6000:2000 -v vol:/data bb sh -c 'stat -c %u /data/x; cat /data/x' | xargs)"
	assert_eq "1000 one" "$(box-run --rm --network none -v vol:/data bb sh -c 'stat -c %u /data/x; cat /data/x' | xargs)"
	run -1 box-run --rm --network none --userns $ids -v "$T/host:/h" bb cat /h/f
	assert_like "$output" '*Permission denied*'
	run -0 box-run --rm --network none --userns $ids -v "$T/host:/h:idmap" bb sh -c 'cat /h/f; echo n >/h/new'
	assert_eq h "$output"
	assert_eq 0:0 "$(stat -c %u:%g "$T/host/new")"
	run -1 box-run --rm --network none --userns $ids -v "$T/host:/h:idmap,ro" bb sh -c 'echo n >/h/other'
	assert_like "$output" '*Read-only file system*'
	run -1 box-create --network none -v "$T/host:/h:idmap" bb
	assert_like "$output" 'box-create: *mode idmap is for boxes with --userns'
}

pool_body() {
	local i
	for i in 1 2 3; do
		box-create --userns auto --name "b$i" bb >/dev/null &
	done
	wait
	assert_eq "300000 365536 431072" "$(box-inspect b1 b2 b3 | jq -r '.HostConfig.IDMappings | .UidMap[], .GidMap[]' | cut -d: -f2 | sort -u | xargs)"
	assert_eq 65536 "$(box-inspect b1 | jq -r '.HostConfig.IDMappings.UidMap[0]' | cut -d: -f3)"
	local got=0
	box-create --userns auto bb >"$T/out" 2>&1 || got=$?
	assert_eq 1 $got
	assert_eq "box-create: no 65536 ids are free of those that /etc/subuid gives to dockremap" "$(<"$T/out")"
	local freed
	freed=$(box-inspect b2 | jq -c .HostConfig.IDMappings)
	box-rm b2 >/dev/null
	box-create --userns auto --name b4 bb >/dev/null
	assert_eq "$freed" "$(box-inspect b4 | jq -c .HostConfig.IDMappings)"
	box-rm b4 >/dev/null
	# One that was given by hand is in the way as well.
	box-create --userns "$(cut -d'"' -f4 <<<"$freed" | cut -d: -f2):1:10" --name b5 bb >/dev/null
	got=0
	box-create --userns auto bb >"$T/out" 2>&1 || got=$?
	assert_eq 1 $got
	box-rm b5 >/dev/null
	assert_eq "0 700000 1000 1000 800000 65000" "$(box-run --rm --network none --userns al bb cat /proc/self/uid_map | xargs)"
	assert_eq "0 300000 196608" "$(box-run --rm --network none --userns default bb cat /proc/self/uid_map | xargs)"
	assert_eq "0 300000 196608" "$(box-run --rm --network none --userns al:dockremap bb cat /proc/self/gid_map | xargs)"
}
@test "auto: ranges of 65536 that do not overlap, also of many at once, free with the box; users" {
	apart pool_body
}

empty_body() {
	local got=0
	box-create --userns auto bb >"$T/out" 2>&1 || got=$?
	assert_eq 1 $got
	assert_like "$(<"$T/out")" 'box-create: cannot choose user ids: none of the users tacklebox, dockremap and containers has a line in both /etc/subuid and /etc/subgid*hint: echo tacklebox:*'
	got=0
	box-create --userns nosuchuser bb >"$T/out" 2>&1 || got=$?
	assert_eq 1 $got
	assert_like "$(<"$T/out")" 'box-create: invalid USER namespace mode: /etc/subuid has no line for nosuchuser*'
}
@test "where nobody has ids to give, the error says what to do" {
	: >"$T/empty"
	pool=$T/empty
	apart empty_body
}

@test "what does not go together is refused in Docker's words, and host is the way out" {
	local row
	while IFS='|' read -r row why; do
		# shellcheck disable=SC2086 # words
		run -1 box-create --userns $ids $row bb
		assert_like "$output" "box-create: $why*hint: --userns host gives it the host's ids"
		# shellcheck disable=SC2086
		TACKLEBOX_USERNS=$ids run -1 box-create $row bb
		assert_like "$output" "box-create: $why*"
		# shellcheck disable=SC2086
		TACKLEBOX_USERNS=$ids box-create --userns host $row --name ok bb >/dev/null
		assert_eq '["host",null]' "$(box-inspect ok | jq -c '[.HostConfig.UsernsMode, .HostConfig.IDMappings]')"
		box-rm ok >/dev/null
	done <<-'ROWS'
		--privileged|privileged mode is incompatible with user namespaces
		--network host|cannot share the host's network namespace when user namespaces are enabled
		--pid host|cannot share the host PID namespace when user namespaces are enabled
		--ipc host|cannot share the host IPC namespace when user namespaces are enabled
	ROWS
	for row in 0:1:1 1:0:1 1:1:0 1:2:x 1::3 4294967295:1:1 1:1:4294967295 1:2:3:4; do
		run -1 box-create --userns $row bb
		assert_like "$output" "box-create: invalid USER namespace mode: *"
	done
	assert_eq "" "$(box-ps -aq)"
	TACKLEBOX_USERNS=$ids box-create --name by-default bb >/dev/null
	assert_eq "$ids" "$(box-inspect by-default | jq -r .HostConfig.UsernsMode)"
}

shared() {
	box-run -d --name one --userns $ids bb sleep 100 >/dev/null
	assert_eq "0 100000 65536" "$(box-run --rm --userns auto --network container:one bb cat /proc/self/uid_map | xargs)"
	assert_eq "$(box-exec one ip addr show eth0)" "$(box-run --rm --userns $ids --network container:one bb ip addr show eth0)"
	box-run --rm --userns auto --pid container:one bb ps | grep 'sleep 100'
	box-run --rm --userns auto --ipc container:one bb true
	box-run --rm --network container:one bb ip addr show eth0 >/dev/null
	run -1 box-create --userns 5000:6000:2000 --network container:one bb
	assert_like "$output" "box-create: cannot share namespaces of container * with --userns 5000:6000:2000: it has other ids*"
	box-run -d --name plain --network none bb sleep 100 >/dev/null
	run -1 box-create --userns auto --network container:plain bb
	assert_like "$output" "box-create: cannot share namespaces of container * with --userns auto: it has the host's ids*"
}
@test "namespaces of another box: with the ids of that one, and with no others" {
	apart shared
}

connected() {
	net-create n1 >/dev/null
	net-create n2 >/dev/null
	box-run -d --name one --userns $ids --network n1 -p 127.0.0.1:18080:80 bb sh -c \
		'while :; do echo answer | nc -l -p 80; done' >/dev/null
	wait_for sh -c 'box-exec one netstat -ltn | grep -q :80'
	local line
	exec 4<>/dev/tcp/127.0.0.1/18080
	read -r -t 10 line <&4
	exec 4>&-
	assert_eq answer "$line"
	net-connect n2 one
	assert_eq "eth0 eth1 lo" "$(box-exec one ls /sys/class/net | xargs)"
	net-disconnect n1 one
	assert_eq "eth1 lo" "$(box-exec one ls /sys/class/net | xargs)"
	box-rm -f one >/dev/null
	net-rm n1 n2 >/dev/null
}
@test "networks: a published port, names, connected and disconnected while it runs" {
	requires nft
	apart connected
}

@test "a writable layer of a given size: in a file, in memory" {
	requires mkfs.ext4
	[ -e /dev/loop-control ] || tb_skip "no loop devices"
	local type
	for type in loop tmpfs; do
		box-create --name one --network none --userns $ids --storage-opt size=16M --storage-opt type=$type bb sh -c '
			echo x >/mine; chown 9 /mine; dd if=/dev/zero of=/big bs=1M; rm /big; echo ready; sleep 100' >/dev/null
		box-start one >/dev/null
		wait_for grep -q ready "$(dir_of one)/log"
		grep 'No space left on device' "$(dir_of one)/log"
		assert_eq "9:0" "$(stat -c %u:%g "$(dir_of one)/layer/upper/mine")"
		assert_eq "A /mine" "$(box-diff one | grep mine)"
		box-rm -f one >/dev/null
		nothing_left
	done
}

@test "restarted, by hand and by policy; its health is looked at; updated, paused, renamed" {
	box-run -d --name one --network none --userns $ids --restart on-failure:1 --health-cmd 'test -e /ok' --health-interval 100ms \
		bb sh -c 'echo x >>/lines; touch /ok; [ $(wc -l </lines) -gt 1 ] || exit 3; sleep 100' >/dev/null
	wait_for sh -c 'box-exec one test "$(wc -l </lines)" -eq 2 || box-exec one sh -c "[ \$(wc -l </lines) -eq 2 ]"'
	wait_for sh -c '[ "$(box-inspect one | jq -r .State.Health.Status)" = healthy ]'
	assert_eq 1 "$(box-inspect one | jq .RestartCount)"
	box-restart -t 0 one >/dev/null
	wait_for box-exec one sh -c '[ $(wc -l </lines) -eq 3 ]'
	box-pause one >/dev/null
	box-cp one:/lines - | tar -xO | wc -l | grep -qx 3
	box-unpause one >/dev/null
	box-rename one two >/dev/null
	assert_eq 0 "$(box-exec two id -u)"
	box-rm -f two >/dev/null
	nothing_left
}

@test "the API's document: what was asked for, and what came of it" {
	echo '{"Image":"bb","Cmd":["cat","/proc/self/uid_map"],"HostConfig":{"NetworkMode":"none","UsernsMode":"'$ids'"}}' |
		box-create --json - --strict --name one >/dev/null
	assert_eq '["100000:200000:65536",["0:100000:65536"],["0:200000:65536"]]' \
		"$(box-inspect one | jq -c '.HostConfig | [.UsernsMode, .IDMappings.UidMap, .IDMappings.GidMap]')"
	assert_eq "0 100000 65536" "$(box-start -a one | xargs)"
	# Nobody chooses them by the document.
	echo '{"Image":"bb","Cmd":["true"],"HostConfig":{"IDMappings":{"UidMap":["0:0:1"]},"UsernsMode":"host"}}' |
		box-create --json - --name two >/dev/null
	assert_eq null "$(box-inspect two | jq .HostConfig.IDMappings)"
}

@test "the bundle runs by crun as it does by box-start, and by ns-exec" {
	requires crun
	local dir
	box-create --name one --network none --userns $ids -v vol:/data -h hname bb /probe >/dev/null
	dir=$(dir_of one)
	box-start -a one >"$T/own"
	jq -e '.linux | (.uidMappings == [{containerID: 0, hostID: 100000, size: 65536}]) and
		(.namespaces | any(.type == "user" and .path == null))' "$dir/config.json"
	# Other runtimes open the root as the container's own user: it has to be within reach.
	chmod 0755 "$T" && mkdir -m 0755 "$T/b"
	img-layers bb | ufs-mount -u "$T/b/up" -w "$T/b/wk" --uid-map 0:100000:65536 --gid-map 0:200000:65536 "$T/b/root" >/dev/null
	jq '.linux.cgroupsPath = "/tbtest-'$$'" | del(.linux.resources) | .mounts |= map(select(.type != "cgroup"))' \
		"$dir/config.json" >"$T/b/config.json"
	# crun gives what it has as standard input to the container's root: not /dev/null.
	: | timeout 30 unshare --mount sh -c '
		! mountpoint -q /sys/fs/cgroup/unified || umount /sys/fs/cgroup/unified
		exec "$@"' - crun --root "$T/crun" run -b "$T/b" "tbtest-$$" >"$T/crun.out" 2>"$T/err" || fail "$(<"$T/crun.out")"
	ns-exec --bundle "$T/b" >"$T/ns-exec.out" 2>"$T/err" || fail "$(<"$T/err")"
	ufs-mount --umount "$T/b/root"
	local what who
	for what in .uid .gid .uid_map .gid_map .hostname .caps .no_new_privs; do
		for who in crun ns-exec; do
			assert_eq "$(jq -cS "$what" "$T/own")" "$(jq -cS "$what" "$T/$who.out")" "$who $what"
		done
	done
}

@test "capabilities of files and set-user-ID programs of the image are root's of the box" {
	requires setcap getcap
	cp -r "$TB_DIR/rootfs" "$T/caps"
	cp "$PROBE" "$T/caps/capable"
	setcap cap_net_raw+ep "$T/caps/capable"
	cp "$PROBE" "$T/caps/setuid" && chmod 4755 "$T/caps/setuid"
	tar -C "$T/caps" --xattrs --xattrs-include=security.capability -c . | img-import caps >/dev/null
	box-run --rm --network none --userns $ids -u 1000 caps /capable >"$T/capable"
	assert_eq '["net_raw"]' "$(jq -c .cap_eff "$T/capable")"
	box-run --rm --network none --userns $ids -u 1000 caps /setuid >"$T/setuid"
	jq -e '.uid | tostring | test("\\b0\\b")' "$T/setuid"
	img-rm caps >/dev/null
}

@test "hardening: with all capabilities and no filter its root is nobody to the host (CVE-2022-0492 and kin)" {
	mkdir -m 0755 "$T/host" && echo canary >"$T/host/canary" && chmod 0600 "$T/host/canary"
	cp "$PROBE" "$T/host/program" && chmod 0711 "$T/host/program"
	cat >"$T/host/attack" <<-'SH'
		mkdir /m
		for controller in pids memory cpu name=systemd; do
			mount -t cgroup -o "$controller" c /m 2>/dev/null || continue
			echo /attack >/m/release_agent && echo "agent $controller"
			umount /m
		done
		mount -t cgroup2 c /m 2>/dev/null && mkdir /m/x && echo "group made"
		for agent in /sys/fs/cgroup/*/release_agent; do
			echo /attack >"$agent" && echo "agent $agent"
		done
		cat /h/canary && echo "read"
		chmod 777 /h/canary && echo "mode"
		chown 0 /h/canary && echo "owner"
		echo x >>/h/canary && echo "written"
		mknod /null c 1 3 && echo "device"
		mount -t tmpfs -o remount,rw /sys && echo "sys"
		echo x >/proc/sys/kernel/core_pattern && echo "core"
		echo 1 >/proc/sysrq-trigger && echo "sysrq"
		mount --bind /proc/sys /m && echo x >/m/kernel/modprobe && echo "modprobe"
		# What it makes on the host's files is nobody's there.
		cp /bin/busybox /h/setuid && echo "made"
		exit 0
	SH
	run box-run --rm --network none --userns $ids --cap-add ALL --security-opt seccomp=unconfined -v "$T/host:/h" bb sh /h/attack
	local words
	words=$(grep -xE '(agent|group|read|mode|owner|written|device|sys|core|sysrq|modprobe|made).*' <<<"$output" || :)
	assert_eq "" "$words"
	assert_eq "canary 600 0:0" "$(cat "$T/host/canary") $(stat -c '%a %u:%g' "$T/host/canary")"
	for agent in /sys/fs/cgroup/*/release_agent; do
		[ ! -e "$agent" ] || ! grep attack "$agent" || fail "$agent"
	done
}

@test "hardening: ids beyond the range, and a symlink where it starts, lead nowhere" {
	cp -r "$TB_DIR/rootfs" "$T/odd"
	echo far >"$T/odd/far" && chown 100000:100000 "$T/odd/far" && chmod 0600 "$T/odd/far"
	ln -s ../../../../../../tmp "$T/odd/place"
	tar -C "$T/odd" -c . | img-import odd >/dev/null
	run -0 box-run --rm --network none --userns $ids -w "/place/$TB_NAME" odd stat -c %u:%g /far "/tmp/$TB_NAME"
	assert_eq "65534:65534 0:0" "$(xargs <<<"$output")"
	run ! box-run --rm --network none --userns $ids odd cat /far
	[ ! -e "/tmp/$TB_NAME" ]
	img-rm odd >/dev/null
}

@test "each step of box-create and box-start fails once, and nothing is left" {
	none() { assert_eq "" "$(find "$TACKLEBOX_ROOT/boxes" "$TACKLEBOX_ROOT/names" -mindepth 1 -maxdepth 1)"; }
	box-create --name zero --userns $ids bb >/dev/null
	box-rm zero >/dev/null
	faults_walk -c none -- box-create --name one --network none --userns $ids bb true
	local n got
	for n in $(seq 300); do
		got=0
		TACKLEBOX_FAIL=step:EIO@$n timeout 20 box-start one >"$T/out" 2>&1 || got=$?
		[ "$got" -ne 0 ] || break
		grep -q EIO "$T/out" && nothing_left || fail "step $n: $(<"$T/out")"
	done
	[ "$n" -gt 8 ] && [ "$got" -eq 0 ] || fail "$n steps, status $got"
}

@test "kill -9 of box-start at each of its steps, and of box-mon: it starts again, nothing is left" {
	local n killed=0
	for n in $(seq 14); do
		box-create --name one --network none --userns $ids bb true >/dev/null
		# The tools that it runs count their steps as well, and end there.
		TACKLEBOX_FAIL=step:KILL@$n timeout 20 box-start one >"$T/out" 2>&1 || ((++killed))
		run -0 box-start -a one
		nothing_left || fail "step $n"
		TACKLEBOX_FAIL=step:KILL@$n timeout 20 box-start one >"$T/out" 2>&1 || :
		box-rm -f one >/dev/null
		nothing_left || fail "step $n, removed"
	done
	assert_eq 14 $killed
	box-run -d --name one --network none --userns $ids bb sleep 100 >/dev/null
	kill -9 "$(pgrep -f "^[^ ]*box-mon .*$(dir_of one)")"
	wait_for sh -c "! box-ps -q | grep -q ."
	box-rm -f one >/dev/null
	nothing_left
}

@test "an ordinary user is told that his boxes are in a user namespace already" {
	requires userns overlay-user newuidmap
	boxer_setup
	tar -C "$TB_DIR/rootfs" -c ./bin | as_boxer img-import --cmd '["/bin/sh"]' bb >/dev/null
	run -1 as_boxer box-create --userns auto bb
	assert_like "$output" "*box-create: only root's boxes can have other user ids (--userns auto)*hint: *"
	as_boxer box-create --userns host --name his bb >/dev/null
	as_boxer box-rm his >/dev/null
	boxer_teardown
	chown -R root: "$TB_DIR/home"
}
