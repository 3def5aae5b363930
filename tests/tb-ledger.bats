#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031 # each test is a subshell of its own, as is meant
# tb-ledger: what is left is found by its mark, shown, and taken away; nothing else is touched.
# Other test files run at the same time, so most of this happens in namespaces where nothing else is
# to be seen: no other process, link, or group.
load helpers

setup_file() { tb_setup_file; }
teardown_file() { tb_teardown_file; }
setup() { tb_setup; }
teardown() { tb_teardown; }

# In a mount namespace that is private: the roots of other tests' boxes, of which it has a copy.
no_others() {
	((EUID != 0)) || awk '/ - overlay tacklebox /{ print $5 }' /proc/self/mountinfo | tac |
		xargs -r umount -l 2>/dev/null || : # one whose directory has gone went with it
}

# alone FUNCTION ARGS…: where there is nothing but what it makes. Its state lies below $T/here.
alone() {
	in_fresh '--net --pid --fork --mount-proc' alone_run "$@"
}
alone_run() {
	no_others
	mount -t tmpfs tbtest /sys/fs/cgroup
	export TACKLEBOX_ROOT=$PWD/state
	set -e
	"$@"
}

# One thing of each kind that is neither a process nor a group, in the current directory.
leave_everything() {
	mkdir base app third && echo x >base/f
	ufs-mount -u up -w wk root base app
	ufs-mount --ro one base
	ufs-mount --copy copy base app
	ip link add tbl0 type bridge && ip link set tbl0 alias tacklebox:for:a:test
	nft add table inet tacklebox-test
	mkdir -p "$TACKLEBOX_RUN/leases/tbl0" "$TACKLEBOX_RUN/netns" "$TACKLEBOX_ROOT/images/tmp/x" \
		"$TACKLEBOX_ROOT/layers/.tmp-1-0-aa/etc"
	printf '%s\n' netns=/run/netns/web ino=1 name=eth0 port=tbp0 ifb= >"$TACKLEBOX_RUN/leases/tbl0/10.9.9.2"
	ufs-mount --ro gone third && umount gone
} >/dev/null

kinds() { awk '{ print $1 }' | uniq | tr '\n' ' '; }

nothing() {
	[[ -z $(tb-ledger) ]] && tb-ledger --check && [[ -z $(tb-ledger --json) ]] && tb-ledger --clean
}

@test "nothing left: no line, status 0, with --check as well" {
	requires root
	alone nothing
}

each_kind() {
	local out
	leave_everything
	out=$(tb-ledger)
	echo "$out"
	assert_eq 'mount link nft lease copy note temporary ' "$(kinds <<<"$out")"
	grep -qxE "mount +$PWD/root +overlay of 2 layers, writes to $PWD/up" <<<"$out"
	grep -qxE "mount +$PWD/one +one layer, read-only" <<<"$out"
	grep -qxE "link +tbl0 +for:a:test" <<<"$out"
	grep -qxE "nft +inet tacklebox-test +packet rules" <<<"$out"
	grep -qxE "lease +$PWD/run/leases/tbl0/10.9.9.2 +address of /run/netns/web" <<<"$out"
	grep -qxE "copy +$PWD/copy +made by ufs-mount --copy" <<<"$out"
	grep -qxE "note +$PWD/run/made/mount-[0-9a-f]+ +on mount $PWD/gone, which is not there" <<<"$out"
	grep -qxE "temporary +$PWD/state/layers/.tmp-1-0-aa +unfinished, in the image store" <<<"$out"
	assert_eq 9 "$(wc -l <<<"$out")"
	assert_eq 'mount mount ' "$(tb-ledger mount | awk '{ print $1 }' | tr '\n' ' ')"
	run -1 tb-ledger --check
	run -1 tb-ledger --check link nft
	run -0 tb-ledger --check netns process
	run -0 tb-ledger --json
	assert_eq 9 "$(jq -s 'map(select(.kind and .name and .detail and .in_use == false)) | length' <<<"$output")"
}

@test "each kind is found by its mark" {
	requires root overlay nft
	alone each_kind
}

clean_all() {
	leave_everything
	run -0 tb-ledger --clean
	assert_eq '' "$output"
	nothing
	assert_eq 'app base third up wk' "$(echo a* base third up wk)"
	[[ -z $(find root one gone -mindepth 1) && ! -e copy ]]
	[[ $(ls -A "$TACKLEBOX_RUN/made" "$TACKLEBOX_ROOT/images/tmp") != *-* ]]
	run -1 ip link show tbl0
	[[ -z $(nft list tables) ]]
}

@test "--clean takes away all of it, and shows nothing then" {
	requires root overlay nft
	alone clean_all
}

what_is_there() {
	tb-ledger
	state_mounts | grep "$T/here/" || :
	find . ! -name '*.raw' | LC_ALL=C sort
	ip -br link | awk '{ print $1 }'
	nft list tables
}
prepare_all() {
	mount -t tmpfs tbtest /sys/fs/cgroup
	export TACKLEBOX_ROOT=$PWD/state
	leave_everything
}

@test "the script of --clean does what --clean does" {
	requires root overlay nft
	replay_same -u '--net --pid --fork --mount-proc' -p prepare_all what_is_there -- tb-ledger --clean
}

told_clean() {
	leave_everything
	told_same -l netlink -l clone -- tb-ledger --clean
}

@test "what --clean tells is what it does" {
	requires root overlay nft strace
	alone told_clean
}

@test "a control group, its processes, and those below it" {
	requires root cg-pids
	cg-create "$TB_NAME" >/dev/null
	cg-create "$TB_NAME/deep" >/dev/null
	mkdir "$(cg_dir pids)/$TB_NAME-unmarked-tacklebox"
	cg-exec "$TB_NAME/deep" -- sleep 60 &
	local pid=$!
	wait_for grep -q sleep "/proc/$pid/comm"
	run -0 tb-ledger cgroup
	assert_like "$output" "*cgroup   $TB_NAME/deep *1 process, /sys/*"
	assert_like "$output" "*cgroup   $TB_NAME  *1 process, *"
	run ! grep -q unmarked <<<"$output"
	# By what it is, not by a name of its own choosing; and it is not the tool that asks.
	run -0 tb-ledger process
	run ! grep -q "^process  *$pid " <<<"$output"
	run ! grep -q tb-ledger <<<"$output"
	# Groups of other tests may be here as well: only ours goes, with a hand from another tool.
	cg-rm --kill "$TB_NAME"
	run ! wait "$pid"
	run -0 tb-ledger cgroup
	run ! grep -q "$TB_NAME" <<<"$output"
	rmdir "$(cg_dir pids)/$TB_NAME-unmarked-tacklebox"
}

group_clean() {
	# All groups but those of this test are hidden: a directory of the tree is all of the tree here.
	local dir pid
	dir=$(awk '/ - cgroup .*[,:]?pids/{ print $5; exit }' /proc/self/mountinfo)
	[[ $dir ]] || dir=$(awk '/ - cgroup2 /{ print $5; exit }' /proc/self/mountinfo)
	mount --bind "$dir/$1" "$dir"
	awk '/ - cgroup2? /{ print $5 }' /proc/self/mountinfo | while read -r other; do
		[[ $other == "$dir" ]] || umount -l "$other"
	done
	cg-create web >/dev/null
	cg-create web/deep >/dev/null
	cg-exec web/deep -- sleep 60 &
	pid=$!
	wait_for grep -q sleep "/proc/$pid/comm"
	assert_eq 'web/deep web ' "$(tb-ledger cgroup | awk '{ print $2 }' | tr '\n' ' ')"
	tb-ledger --clean
	wait "$pid" || assert_eq 137 $?
	[[ -z $(tb-ledger cgroup) && ! -e $dir/web ]]
}

@test "--clean ends the processes of groups, and removes the groups" {
	requires root cg-pids
	mkdir "$(cg_dir pids)/$TB_NAME-top"
	in_fresh '--pid --fork --mount-proc' group_clean "$TB_NAME-top"
	rmdir "$(cg_dir pids)/$TB_NAME-top"
}

running() {
	local pid
	mkfifo pipe && mkdir base
	cp "$BIN/ufs-mount" called-otherwise && strip called-otherwise
	exec 9<>pipe
	./called-otherwise --ro root <pipe &
	pid=$!
	cp "$(command -v sleep)" ufs-mount
	./ufs-mount 60 9<&- &
	wait_for tb-ledger --check mount # nothing yet, and time for both to start
	wait_for test "/proc/$pid/exe" -ef called-otherwise
	assert_eq "process $pid called-otherwis is running" "$(tb-ledger | xargs)"
	rm called-otherwise
	assert_eq "$pid" "$(tb-ledger --json process | jq -r .name)"
	# It goes at once, or as soon as it has its turn: what --clean shows may still have it.
	tb-ledger --clean >/dev/null
	wait "$pid" || assert_eq 143 $?
	[[ -z $(tb-ledger) ]]
	kill %2
}

@test "a running program of ours is known by what it is, renamed, stripped or deleted" {
	requires root strip
	alone running
}

elsewhere() {
	mkdir base app
	unshare --mount bash -c 'ufs-mount root base app >/dev/null; echo up; exec sleep 60 <&-' >said &
	local pid=$!
	wait_for grep -q up said
	run -1 tb-ledger --check
	assert_like "$output" "mount   $PWD/root   overlay of 2 layers; in the mount namespace of process $pid (*)"
	run -0 tb-ledger --clean
	assert_like "$output" "mount *"
	kill "$pid"
	wait "$pid" || assert_eq 143 $?
	# A copy of our own mount in another namespace is not a second one.
	ufs-mount root base app >/dev/null
	unshare --mount sleep 60 &
	wait_for eval '[ ! /proc/self/ns/mnt -ef "/proc/$!/ns/mnt" ]'
	assert_eq 1 "$(tb-ledger | wc -l)"
	kill $!
	ufs-mount --umount root
}

@test "a mount that only another mount namespace holds is shown, and left to its processes" {
	requires root overlay
	alone elsewhere
}

box_in_use() {
	mkdir -p base app state/boxes/alive/root state/boxes/dead state/images/tmp/x
	ufs-mount state/boxes/alive/root base app
	ufs-mount state/boxes/dead/root base app
	: >state/boxes/alive/lock && : >state/boxes/dead/lock && : >state/images/lock
	exec 8<state/boxes/alive/lock 7<state/images/lock
	flock -x 8 && flock -s 7
	run -1 tb-ledger --check
	assert_line "mount       $PWD/state/boxes/dead/root    overlay of 2 layers"
	assert_line "mount       $PWD/state/boxes/alive/root   in use: overlay of 2 layers"
	assert_line "temporary   $PWD/state/images/tmp/x       in use: unfinished, in the image store"
	run -0 tb-ledger --clean
	assert_eq 2 "$(wc -l <<<"$output")"
	run ! grep -v 'in use' <<<"$output"
	assert_eq true "$(tb-ledger --json mount | jq .in_use)"
	run -0 tb-ledger --clean --force
	assert_eq '' "$output"
	[[ ! -e state/images/tmp/x ]]
}

@test "what a living box or somebody at work on the store holds is in use, and left alone" {
	requires root overlay flock
	alone box_in_use
}

serving() {
	apid >said &
	local pid=$!
	wait_for grep -q DOCKER_HOST said
	run -0 tb-ledger --check
	assert_eq "process $pid in use: apid is running" "$(xargs <<<"$output")"
	assert_eq true "$(tb-ledger --json process | jq .in_use)"
	run -0 tb-ledger --clean
	curl -sf --unix-socket "$TACKLEBOX_RUN/apid.sock" http://localhost/_ping
	# What is left beside it counts, and goes.
	nft add table inet tacklebox-test
	run -1 tb-ledger --check
	run -0 tb-ledger --clean
	run -0 tb-ledger --check
	tb-ledger --clean --force >/dev/null
	wait "$pid" || assert_eq 137 $?
	nothing
}

@test "a running apid is in use: not left, and left alone" {
	requires root nft curl
	alone serving
}

busy() {
	leave_everything
	sleep 60 3<root/f &
	run -1 tb-ledger --clean
	assert_like "$output" "tb-ledger: cannot unmount $PWD/root: Device or resource busy (EBUSY)
hint: something uses it; --force takes it out of sight
mount   $PWD/root   overlay of 2 layers, writes to $PWD/up"
	run -0 tb-ledger --clean --force
	assert_eq '' "$output"
	kill %1
}

@test "what does not go is named, and keeps nothing else" {
	requires root overlay nft
	alone busy
}

# Every step fails once: what could not be taken away is still there, and the next run takes it.
walk() {
	local n out status
	for ((n = 1; n < 100; n++)); do
		leave_everything
		status=0
		out=$(TACKLEBOX_FAIL=step:EIO@$n tb-ledger --clean 2>&1) || status=$?
		((status != 0)) || break
		assert_eq 1 $status
		assert_like "$out" '*tb-ledger: cannot * (EIO)*' || return
		tb-ledger --clean
		nothing || fail "left after step $n" || return
		rm -rf base app third up wk root one gone run state
	done
	((n > 8)) || fail "only $n steps"
}

@test "any step of --clean may fail" {
	requires root overlay nft
	alone walk
}

foreign() {
	mkdir tacklebox l
	mount -t tmpfs tacklebox-not tacklebox
	ip link add tacklebox0 type bridge && ip link set tacklebox0 alias 'about tacklebox:'
	nft add table inet other-tacklebox
	nothing
	grep -q "$PWD/tacklebox " /proc/self/mountinfo
	ip link show tacklebox0 >/dev/null
	nft list table inet other-tacklebox >/dev/null
}

@test "names mean nothing: what does not bear the mark is neither shown nor touched" {
	requires root nft
	alone foreign
}

@test "an ordinary user sees what is his" {
	requires root overlay cg-pids
	cd "$T" && mkdir base app && chmod 0777 .
	ufs-mount root base app
	cg-create "$TB_NAME-n" >/dev/null
	# Of his there may be something: other files run boxes as nobody, too.
	run -0 as_nobody tb-ledger mount cgroup link nft
	run ! grep -e "$T/" -e "$TB_NAME" <<<"$output"
	run -0 tb-ledger --json mount
	jq -se --arg name "$T/root" "any(.[]; .name == \$name)" <<<"$output"
	cg-rm "$TB_NAME-n"
	ufs-mount --umount root
	# In a namespace of his own he is root.
	in_fresh '' his_own
}
his_own() {
	no_others
	cp -a "$T/base" "$T/app" .
	chmod 0777 .
	as_nobody unshare --user --map-root-user --mount sh -ec '
		ufs-mount -u up -w wk mine base app
		ufs-mount --copy copy base
		tb-ledger mount copy | grep -c "mine\|copy" | grep -qx 2
		tb-ledger --clean mount copy
		test -z "$(tb-ledger mount copy)"
		test ! -e copy
	'
}

@test "odd names reach the terminal tamed, and JSON whole" {
	requires root overlay
	cd "$T" && mkdir -p base app
	local dir=$'r\e[31m\noot "x"'
	ufs-mount "$dir" base app
	run -0 tb-ledger mount
	assert_like "$output" "mount   $T/r"'\\x1b[[]31m\\noot "x" *'
	run -0 tb-ledger --json mount
	grep -F 'u001b[31m' <<<"$output" | head -1 | jq -e --arg name "$T/$dir" '.name == $name'
	ufs-mount --umount "$dir"
}

@test "mistakes in the command line" {
	run -2 tb-ledger mounts
	assert_eq "tb-ledger: 'mounts' is none of the kinds"$'\n'"Try 'tb-ledger --help'." "$output"
	run -2 tb-ledger --force
	assert_like "$output" "tb-ledger: --force goes with --clean*"
}
