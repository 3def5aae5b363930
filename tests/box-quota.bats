#!/usr/bin/env bats
# bats file_tags=box,overlay
# --storage-opt size=: a writable layer of a given size: a file system in a file, a tmpfs, or a project
# of the host's file system with a quota.
load helpers
load box_helpers

setup_file() { box_setup_file; }
teardown_file() {
	boxer_teardown
	[[ ! -d $TB_DIR/home ]] || chown -R root: "$TB_DIR/home"
	tb_teardown_file
}
setup() {
	box_setup
	requires mkfs.ext4 e2fsck
	[ -e /dev/loop-control ] || skip "no loop devices"
}
teardown() { box_teardown; }

sized() {
	local name=$1
	shift
	box-create --name "$name" --network none --storage-opt size=16M bb "$@" >/dev/null
}
dir_of() { echo "$TACKLEBOX_ROOT/boxes/$(box-inspect "$1" | jq -r .Id)"; }
loops() { ledger_loops; }
# A mount namespace that was made while it was mounted keeps a copy, and with it the device, until it
# ends: what another test file made is not ours to wait for.
no_loops() {
	local line number
	while read -r _ line _; do
		number=${line##*/loop}
		grep -qs " - ext4 /dev/loop$number " /proc/[0-9]*/mountinfo || return
	done < <(loops)
}
no_loops_soon() { wait_for no_loops || fail "left: $(loops)"; }
# Nothing of ours is mounted, bound to a loop device or noted, and no box has a group.
nothing_left() {
	! grep -F "$TACKLEBOX_ROOT" /proc/self/mountinfo || fail "mounted" || return
	no_loops_soon || return
	local dir
	for dir in "$TACKLEBOX_ROOT"/boxes/*; do
		[ -d "$dir" ] || continue
		! compgen -G "/sys/fs/cgroup/*/tacklebox/${dir##*/}" || fail "a group" || return
	done
	! grep -rlF "$TACKLEBOX_ROOT" "$TACKLEBOX_RUN/made" 2>/dev/null || fail "noted"
}

# bats test_tags=anywhere
@test "a full layer: ENOSPC inside, the data is there after a stop, and others write on" {
	sized one sh -c 'if [ ! -e /big ]; then echo kept >/kept; dd if=/dev/zero of=/big bs=1M; else cat /kept; fi'
	box-create --name two --network none bb dd if=/dev/zero of=/big bs=1M count=20 >/dev/null
	run -1 box-start -a one
	assert_like "$output" '*No space left on device*'
	run -0 box-start -a two
	nothing_left
	local size
	size=$(box-ps -as --filter name=one --json | jq .SizeRw)
	((size > 8000000 && size < 16777216)) || fail "it has $size bytes"
	run -0 box-start -a one
	assert_eq kept "$output"
	nothing_left
	# What is deleted is given back to the host.
	local img used
	img=$(dir_of one)/layer.img
	assert_eq 16777216 "$(stat -c %s "$img")"
	used=$(stat -c %b "$img")
	((used > 16384)) || fail "$used blocks"
	box-rm one two >/dev/null
	sized three sh -c 'dd if=/dev/zero of=/big bs=1M count=8 2>/dev/null; sync; rm /big; sync'
	box-start -a three
	used=$(stat -c %b "$(dir_of three)/layer.img")
	((used < 4096)) || fail "$used blocks of 512 bytes after all was deleted"
	nothing_left
}

# bats test_tags=anywhere
@test "where it lies and what is said of it: inspect, -x, the ledger, the API's document" {
	echo '{"Image":"bb","Cmd":["sleep","100"],"HostConfig":{"NetworkMode":"none","StorageOpt":{"size":"16M"}}}' |
		box-create --json - --strict --name one >/dev/null
	assert_eq '{"size":"16M"}' "$(box-inspect one | jq -c .HostConfig.StorageOpt)"
	assert_eq "$(dir_of one)/layer/upper" "$(box-inspect one | jq -r .GraphDriver.Data.UpperDir)"
	run -0 box-start -x one
	assert_line "mount -n -i -t ext4 -o loop,discard $(dir_of one)/layer.img $(dir_of one)/layer"
	assert_like "$(tb-ledger | grep -F "$(dir_of one)/layer ")" 'mount *writable layer of a given size, /dev/loop*'
	assert_eq true "$(tb-ledger --json | jq -r --arg p "$(dir_of one)/layer" 'select(.name == $p) | .in_use')"
	assert_eq 1 "$(loops | wc -l)"
	box-rm -f one >/dev/null
	nothing_left
	run -1 box-create --json - <<<'{"Image":"bb","HostConfig":{"StorageOpt":{"inodes":"5"}}}'
	assert_eq "box-create: there is no storage option inodes here: there are size and type" "$output"
	box-create --name plain --network none bb >/dev/null
	assert_eq '{}' "$(box-inspect plain | jq -c .HostConfig.StorageOpt)"
}

looks() {
	echo outside >"$T/file"
	box-cp "$T/file" one:/srv-file
	box-cp one:/srv-file "$T/back"
	cmp "$T/file" "$T/back"
	run -0 box-diff one
	assert_line 'A /srv-file'
	assert_eq 8 "$(box-ps -as --json | jq .SizeRw)"
	box-export one | tar -xO srv-file | cmp - "$T/file"
	box-commit one committed >/dev/null
	assert_eq outside "$(box-run --rm --network none committed cat /srv-file)"
	img-rm committed >/dev/null
}
# bats test_tags=anywhere
@test "looked at before its first start, while it runs, frozen, and after its end" {
	local state
	for state in created running paused exited; do
		sized one sleep 100
		case $state in
		running) box-start one >/dev/null ;;
		paused) box-start one >/dev/null && box-pause one >/dev/null ;;
		exited) box-start one >/dev/null && box-kill one >/dev/null && box-wait one >/dev/null ;;
		esac
		looks || fail "$state"
		box-rm -f one >/dev/null
		nothing_left || fail "$state"
	done
}

memory() {
	local name=$1
	shift
	box-create --name "$name" --network none --storage-opt size=16M --storage-opt type=tmpfs "$@" >/dev/null
}
# bats test_tags=anywhere
@test "type=tmpfs: as large as it was told, in memory, and gone with each run" {
	memory one bb sh -c '[ ! -e /kept ] || exit 9; echo kept >/kept; dd if=/dev/zero of=/big bs=1M'
	assert_eq tmpfs "$(box-inspect one | jq -r .GraphDriver.Data.Quota)"
	local i
	for i in 1 2; do
		run -1 box-start -a one
		assert_like "$output" '*No space left on device*'
		nothing_left
	done
	assert_eq "" "$(box-diff one)"
	assert_eq 0 "$(box-ps -as --filter name=one --json | jq .SizeRw)"
	assert_eq "" "$(find "$(dir_of one)/layer" -mindepth 1)"
	# What is copied there would go nowhere.
	run -1 box-cp "$BATS_TEST_FILENAME" one:/f
	assert_like "$output" 'box-cp: Container * is not running, and its layer is in memory: nothing would stay'
	box-cp one:/etc/passwd - | tar -xO >/dev/null
	memory two bb sleep 100
	box-start two >/dev/null
	echo outside >"$T/file"
	box-cp "$T/file" two:/file
	assert_eq "A /file" "$(box-diff two)"
	box-commit two committed >/dev/null
	assert_eq outside "$(box-run --rm --network none committed cat /file)"
	img-rm committed >/dev/null
	assert_like "$(tb-ledger | grep -F "$(dir_of two)/layer ")" '*writable layer of a given size, in memory*'
	box-rm -f two >/dev/null
	nothing_left
}
# bats test_tags=anywhere
@test "type= that is none, without a size, or not to be had here" {
	run -1 box-create --storage-opt size=16M --storage-opt type=disk bb
	assert_eq "box-create: storage option type is project, loop or tmpfs, not 'disk'" "$output"
	run -1 box-create --storage-opt type=tmpfs bb
	assert_eq "box-create: storage option type needs size" "$output"
	# A tmpfs, which is what tests live on, has no projects.
	if requires tmpfs; then
		run -1 box-create --storage-opt size=16M --storage-opt type=project bb
		assert_like "$output" 'box-create: a writable layer of 16M: the file system of * keeps no project quotas*hint: xfs, and ext4 *'
		sized one true
		assert_eq loop "$(box-inspect one | jq -r .GraphDriver.Data.Quota)"
	fi
	assert_eq '[null]' "$(box-create --name plain --network none bb >/dev/null && box-inspect plain | jq -c '[.GraphDriver.Data.Quota]')"
}

# projects TYPE: a file system of that type with project quotas, on $T/disk.
projects() {
	mkdir -p "$T/disk"
	rm -f "$T/disk.img"
	truncate -s 512M "$T/disk.img"
	case $1 in
	ext4) mkfs.ext4 -q -O quota,project "$T/disk.img" ;;
	xfs) mkfs.xfs -q "$T/disk.img" ;;
	esac
	mount -o loop,prjquota "$T/disk.img" "$T/disk"
}
# Projects with a limit, in kilobytes.
limits() { repquota -P -n "$T/disk" | awk '/^#[1-9]/ && $5 > 0 { print $1, $5 }'; }
no_limit() { assert_eq "" "$(find "$TACKLEBOX_ROOT/boxes" "$TACKLEBOX_ROOT/names" -mindepth 1 -maxdepth 1)$(limits)"; }
project() {
	local id name size
	projects "$1"
	export TACKLEBOX_ROOT=$T/disk/state
	tar -C "$TB_DIR/rootfs" -c . | img-import --cmd '["/bin/sh"]' bb >/dev/null
	sized one sh -c 'if [ ! -e /kept ]; then echo kept >/kept; dd if=/dev/zero of=/big bs=1M; else cat /kept; fi'
	box-create --name two --network none --storage-opt size=16M --userns 100000:200000:65536 bb dd if=/dev/zero of=/big bs=1M >/dev/null
	box-create --name three --network none bb dd if=/dev/zero of=/big bs=1M count=20 >/dev/null
	assert_eq project "$(box-inspect one | jq -r .GraphDriver.Data.Quota)"
	id=$(box-inspect one | jq -r .GraphDriver.Data.QuotaProject)
	assert_eq "#$id 16384" "$(limits | grep -F "#$id ")"
	assert_eq 2 "$(limits | wc -l)"
	for name in one two; do
		box-start -a $name >"$T/out" 2>&1 || :
		grep -E 'No space left on device|[Qq]uota exceeded' "$T/out" || fail "$name: $(<"$T/out")"
		size=$(box-ps -as --filter name=$name --json | jq .SizeRw)
		((size > 8000000 && size <= 16777216)) || fail "$name has $size bytes"
	done
	box-start -a three >/dev/null 2>&1
	assert_eq kept "$(box-start -a one)"
	assert_like "$(box-diff one)" '*A /kept*'
	# What is full can be looked into, and keeps its limit.
	assert_eq 1000000 "$(box-cp two:/big - | tar -xO | head -c 1000000 | wc -c)"
	assert_eq 2 "$(limits | wc -l)"
	box-rm -f one two three >/dev/null
	no_limit
	faults_walk -c no_limit -- box-create --name one --network none --storage-opt size=16M bb true
	TACKLEBOX_FAIL=quotactl:EIO box-rm one >"$T/out" 2>&1 && fail "removed though its quota stays"
	box-rm one >/dev/null
	no_limit
}
can_project() {
	projects ext4
	repquota -P -n "$T/disk" >/dev/null
}
@test "type=project: a quota of the host's file system, ext4 and xfs, and none is left" {
	requires repquota mkfs.xfs
	in_fresh '' can_project >/dev/null 2>&1 || tb_skip "needs project quotas"
	local kind
	for kind in ext4 xfs; do
		in_fresh '' project $kind
	done
}

# bats test_tags=anywhere
@test "what the script of box-diff says is what it does" {
	sized one sh -c 'echo x >/x'
	box-start -a one
	assert_eq "$(box-diff one)" "$(box-diff -n one | sh)"
	nothing_left
}

# Somebody who looks in has the file system mounted: a start meanwhile must get the same one.
# bats test_tags=anywhere
@test "never two devices of one file: many look at once, and start it meanwhile" {
	sized one sh -c 'echo "$$" >>/lines; sync; [ ! -e /go ] || sleep 100'
	box-start -a one
	echo >"$T/go"
	box-cp "$T/go" one:/go
	local i dir pid looks=()
	dir=$(dir_of one)
	unshare --mount --propagation private sh -c '
		mount -o loop "$1/layer.img" "$1/layer" && echo yes >"$2" && exec sleep 30' - "$dir" "$T/ready" 3>&- &
	pid=$!
	wait_for test -s "$T/ready"
	for i in 1 2 3; do
		box-diff one >"$T/diff.$i" 2>&1 &
		looks+=($!)
	done
	box-start one >/dev/null
	for i in "${looks[@]}"; do
		wait "$i" || fail "$(cat "$T"/diff.?)"
	done
	assert_eq 1 "$(loops | wc -l)" devices
	wait_for sh -c 'box-exec one cat /lines | wc -l | grep -qx 2'
	box-stop -t 0 one >/dev/null
	assert_eq 1 "$(cat "$T"/diff.? | sort -u | grep -c lines)"
	kill "$pid"
	wait "$pid" || :
	nothing_left
	box-cp one:/lines - | tar -xO | wc -l | grep -qx 2
	# Where another mount namespace has a copy of the mount it is not clean yet: the journal makes it so,
	# and what two devices of one file would have spoilt no journal mends.
	sync
	cp "$dir/layer.img" "$T/copy.img"
	e2fsck -fp "$T/copy.img" >"$T/fsck" || [ $? -eq 1 ] || fail "$(<"$T/fsck")"
}

# bats test_tags=anywhere
@test "kill -9 of box-mon: the next start finds its data, box-rm takes the rest" {
	local how mon
	for how in start rm; do
		sized one sh -c 'echo x >>/lines; sync; sleep 100'
		box-start one >/dev/null
		wait_for box-exec one test -s /lines
		mon=$(pgrep -f "^[^ ]*box-mon .*$(dir_of one)")
		kill -9 "$mon"
		wait_for sh -c "! box-ps -q | grep -q ."
		assert_like "$(box-diff one)" '*A /lines*'
		if [ "$how" = start ]; then
			box-start one >/dev/null
			wait_for sh -c 'box-exec one cat /lines | wc -l | grep -qx 2'
		fi
		box-rm -f one >/dev/null
		nothing_left || fail "$how"
	done
}

# In a mount namespace of its own, and mounts only: --clean takes what all others here have as well.
# bats test_tags=anywhere
@test "what a killed box-start leaves is taken by tb-ledger --clean" {
	sized one true
	unshare --mount --propagation private bash -e -c '
		TACKLEBOX_FAIL=spawn:KILL@2 box-start one || [ $? -eq 137 ]
		tb-ledger mount | grep -F "$1/layer " >"$2"
		tb-ledger mount | grep -F "$1/root " >>"$2"
		tb-ledger --clean mount >/dev/null || :
		! grep -F "$1" /proc/self/mountinfo' - "$(dir_of one)" "$T/listed"
	assert_eq 2 "$(wc -l <"$T/listed")"
	nothing_left
}

# bats test_tags=anywhere
@test "each step of box-create and box-start fails once, and nothing is left" {
	none() { assert_eq "" "$(find "$TACKLEBOX_ROOT/boxes" "$TACKLEBOX_ROOT/names" -mindepth 1 -maxdepth 1)"; }
	sized zero && box-rm zero >/dev/null
	faults_walk -c none -- box-create --name one --network none --storage-opt size=16M bb true
	local n got
	for n in $(seq 30) $(seq 33 7 300); do
		got=0
		TACKLEBOX_FAIL=step:EIO@$n timeout 20 box-start one >"$T/out" 2>&1 || got=$?
		[ "$got" -ne 0 ] || break
		grep -q EIO "$T/out" && nothing_left || fail "step $n: $(<"$T/out")"
	done
	[ "$n" -gt 8 ] && [ "$got" -eq 0 ] || fail "$n steps, status $got"
	box-rm -f one >/dev/null
	local call
	for call in LOOP_CONFIGURE mount; do
		sized one true
		run -1 env TACKLEBOX_FAIL=$call:EIO box-start one
		assert_like "$output" 'box-start: cannot mount */layer.img: Input/output error (EIO)*'
		nothing_left
		run -1 env TACKLEBOX_FAIL=LOOP_CONFIGURE:EIO box-diff one
		assert_like "$output" 'box-diff: cannot mount */layer.img: Input/output error (EIO)*'
		box-rm one >/dev/null
	done
}

# bats test_tags=anywhere
@test "an ordinary user is told that only root can have it on the disk, and has it in memory" {
	requires userns overlay-user newuidmap
	boxer_setup
	tar -C "$TB_DIR/rootfs" -c ./bin | as_boxer img-import --cmd '["/bin/sh"]' bb >/dev/null
	run -1 as_boxer box-create --storage-opt size=16M bb
	assert_like "$output" '*box-create: a writable layer of 16M: only root can have one of a given size on the disk*hint: --storage-opt type=tmpfs *'
	run -1 as_boxer box-create --storage-opt size=16M --storage-opt type=loop bb
	assert_like "$output" '*only root can have one of a given size on the disk*'
	requires user-xattr
	run -1 as_boxer box-run --rm --network none --storage-opt size=16M --storage-opt type=tmpfs bb dd if=/dev/zero of=/big bs=1M
	assert_like "$output" '*No space left on device*'
}

# bats test_tags=anywhere
@test "kill -9 of box-start at each of its steps: it starts again, and box-rm leaves nothing" {
	local n got
	for n in $(seq 11); do
		sized one sh -c 'echo x >>/lines; sync'
		box-start -a one
		got=0
		TACKLEBOX_FAIL=step:KILL@$n timeout 20 box-start one >"$T/out" 2>&1 || got=$?
		[ "$got" -ne 0 ] || break
		run -0 box-start -a one
		wait_for sh -c 'box-diff one | grep -qx "A /lines"'
		nothing_left || fail "step $n"
		TACKLEBOX_FAIL=step:KILL@$n timeout 20 box-start one >"$T/out" 2>&1 || :
		box-rm -f one >/dev/null
		nothing_left || fail "step $n, removed"
	done
	((n > 8)) || fail "$n steps"
}
