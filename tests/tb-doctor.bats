#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031 # each test is a subshell of its own, as is meant
# tb-doctor: each yes is true here, and each no comes with what mends it. What this host does not
# lack is taken from it: in namespaces of the test's own, by files in front of others, or by
# injected faults.
load helpers

setup_file() { tb_setup_file; }
teardown_file() { tb_teardown_file; }
setup() { tb_setup; }
teardown() { tb_teardown; }

# is_no WORD DETAIL MEND, is_yes WORD: of this host as it is set up.
is_no() {
	run -1 tb-doctor --require "$1"
	assert_like "${lines[0]}" "tb-doctor: $1 is a no for *: $2" &&
		assert_like "${lines[1]}" "hint: $3" && assert_eq 2 "${#lines[@]}"
}
is_yes() {
	run -0 tb-doctor --require "$1"
	assert_eq '' "$output"
}

# with FAULTS COMMAND…: the faults are tb-doctor's, not those of what the test runs around it.
with() {
	TACKLEBOX_FAIL=$1 "${@:2}"
}

# in_front FILE=TEXT…: in a mount namespace of our own, files of /proc/sys/kernel that a stock
# kernel does not have.
in_front() {
	mount -t tmpfs tbtest /proc/sys/kernel
	local file
	for file; do
		echo "${file#*=}" >"/proc/sys/kernel/${file%%=*}"
	done
}

fresh() { in_fresh '' "$@"; }

@test "a line an answer, the first of them for whom; the status is 0 whatever they are" {
	run -0 tb-doctor
	assert_like "${lines[0]}" 'For *:'
	assert_eq 36 $((${#lines[@]} - 1)) "answers"
	local line
	for line in "${lines[@]:1}"; do
		[[ $line =~ ^yes\ +[a-z-]+\ .* || $line =~ ^no\ +[a-z-]+\ .*\ —\ . ]] ||
			fail "neither a yes nor a no with its remedy: $line"
	done
	with unshare:EPERM,mount:EPERM,clone:EPERM run -0 tb-doctor
	assert_like "$output" '*no    mountns *'
}

@test "it says for whom it speaks" {
	if ((EUID == 0)); then
		run -0 tb-doctor
		assert_eq 'For root:' "${lines[0]}"
	fi
	run -0 as_nobody tb-doctor
	((EUID)) || assert_eq 'For nobody (uid 65534):' "${lines[0]}"
	run -0 as_nobody unshare --user --map-root-user tb-doctor
	assert_eq 'For root of a user namespace:' "${lines[0]}"
}

@test "--json: an object a line, with the same keys each" {
	run -0 tb-doctor --json
	assert_eq 36 "${#lines[@]}"
	jq -se 'all(.[]; keys == ["detail", "for", "mend", "what", "word", "yes"]
		and (.yes | type) == "boolean" and (.yes or .mend != "")) and (map(.word) | unique | length == 36)' <<<"$output"
}

@test "every yes is true: what it says can be done is done" {
	requires root userns overlay net
	local yes word
	yes=" $(tb-doctor --json | jq -r 'select(.yes) | .word' | tr '\n' ' ')"
	for word in mountns pidns netns utsns ipcns cgroupns timens; do
		[[ $yes == *" $word "* ]] || fail "no $word"
	done
	unshare --mount --pid --fork --net --uts --ipc --cgroup --time true
	[[ $yes == *' userns '* ]] && as_user_of_tests unshare --user --map-root-user --mount mount -t tmpfs t /tmp
	[[ $yes == *' overlay '* ]]
	! tb_has overlay-user || [[ $yes == *' overlay-user '* ]]
	local controller
	for controller in memory cpu cpuset pids; do
		if tb_has "cg-$controller"; then
			[[ $yes == *" cg-$controller "* ]] || fail "cg-$controller"
		else
			[[ $yes != *" cg-$controller "* ]] || fail "no cg-$controller"
		fi
	done
	! tb_has cg || [[ $yes == *' cg-make '* ]]
	! tb_has cg || run -1 as_nobody tb-doctor --require cg-make
}

@test "--require: silence for a yes, an error with the remedy for each no" {
	is_yes kernel
	with fsopen:ENODEV run -1 tb-doctor --require kernel,overlay --require overlay-api
	assert_eq 4 "${#lines[@]}"
	assert_like "$output" 'tb-doctor: overlay is a no for *: layers joined by the kernel: ENODEV
hint: *modprobe overlay*
tb-doctor: overlay-api is a no for *: *: ENODEV
hint: *'
	TACKLEBOX_ERRORS=json TACKLEBOX_FAIL=fsopen:ENODEV run -1 tb-doctor --require overlay
	jq -e '.class == "unsupported" and .object == "overlay" and (.hint | test("modprobe"))' <<<"${lines[-1]}"
	run -2 tb-doctor --require kernel,kernels
	assert_like "$output" "tb-doctor: --require: 'kernels' is none of the words that tb-doctor lists
Try 'tb-doctor --help'."
}

zero_namespaces() {
	echo 0 >/proc/sys/user/max_user_namespaces
	is_no userns '*: ENOSPC' 'sysctl user.max_user_namespaces=15000'
	is_no overlay-user '*: ENOSPC' 'sysctl user.max_user_namespaces=15000'
	echo 0 >/proc/sys/user/max_net_namespaces
}

@test "user namespaces: none allowed" {
	requires userns
	# The limit is each user namespace's own: set in one, it holds for those in it.
	in_fresh '--user --map-root-user' zero_namespaces
}

debian_switch() {
	in_front unprivileged_userns_clone=0
	with unshare:EPERM is_no userns '*: EPERM' 'sysctl kernel.unprivileged_userns_clone=1'
	with unshare:EPERM is_no overlay-user '*: EPERM' 'sysctl kernel.unprivileged_userns_clone=1'
	echo 1 >/proc/sys/kernel/unprivileged_userns_clone
	is_yes userns
}

@test "user namespaces: Debian's switch" {
	requires root userns
	fresh debian_switch
}

ubuntu_switch() {
	in_front apparmor_restrict_unprivileged_userns=1
	# The namespace is made, but the rights in it are not given: which call says so first varies.
	local fault
	for fault in mount:EACCES mount:EPERM write:EPERM write:EACCES unshare:EACCES; do
		with "$fault" is_no userns "*: ${fault#*:}" \
			'sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile *'
	done
	with write:EPERM is_no overlay-user '*: EPERM' 'sysctl kernel.apparmor_restrict_unprivileged_userns=0*'
}

@test "user namespaces: Ubuntu's AppArmor switch" {
	requires root userns
	fresh ubuntu_switch
}

@test "user namespaces: something else forbids them" {
	with unshare:EPERM is_no userns '*: EPERM' 'a seccomp filter or security module forbids it*'
	with unshare:EUSERS is_no userns '*: EUSERS' 'namespaces are nested too deep*'
	with clone:EAGAIN is_no userns '*: EAGAIN' '*'
}

@test "each other kind of namespace" {
	local word
	for word in mountns pidns netns utsns ipcns cgroupns timens; do
		with unshare:EPERM is_no "$word" '*: EPERM' '*'
		with unshare:ENOSPC is_no "$word" '*: ENOSPC' '*/proc/sys/user/max_*_namespaces'
	done
	with unshare:ENOSPC is_no mountns '*' '*max_mnt_namespaces'
}

@test "overlay: no module, an old kernel, only the old call" {
	requires overlay userns
	with fsopen:ENODEV is_no overlay '*: ENODEV' '*modprobe overlay*--copy*'
	with fsopen:EPERM,mount:EPERM@3 is_no overlay-user '*: EPERM' 'overlay in a user namespace needs Linux 5.11*'
	with fsconfig:EINVAL is_no overlay-api '*: EINVAL' 'Linux 6.8; until then mount(2)*'
	with fsconfig:EINVAL is_yes overlay
	with fsopen:ENOSYS is_yes overlay
	with fsopen:ENOSYS is_no overlay-api '*: ENOSYS' 'Linux 6.8*'
}

@test "the kernel is too old" {
	requires setarch
	run -1 setarch --uname-2.6 tb-doctor --require kernel
	assert_like "$output" 'tb-doctor: kernel is a no for *: *: Linux 2.6.* *'$'\n''hint: Linux 5.11 or newer*'
	run -0 setarch --uname-2.6 tb-doctor
	assert_like "$output" '*no    kernel *'
}

@test "seccomp, bridges and packet rules" {
	requires net
	with seccomp:EINVAL is_no seccomp '*: EINVAL' 'a kernel with CONFIG_SECCOMP_FILTER'
	with prctl:EINVAL@1 is_no seccomp '*: EINVAL' '*'
	with newlink:EOPNOTSUPP is_no bridge '*: EOPNOTSUPP' 'as root: modprobe -a bridge veth'
	with newlink:EOPNOTSUPP@2 is_no bridge '*' '*veth'
	with unshare:ENOSPC is_no bridge '*: ENOSPC' '*max_net_namespaces'
	with nft:EOPNOTSUPP is_no nft '*: EOPNOTSUPP' 'as root: modprobe nf_tables'
	with unshare:EPERM is_no nft '*: EPERM' '*'
}

no_groups() {
	awk '/ - cgroup2? /{ print $5 }' /proc/self/mountinfo | while read -r point; do
		umount -l "$point"
	done
	is_no cgroup '*' 'as root: mount -t cgroup2 none /sys/fs/cgroup'
	is_no cg-memory '*' 'see cgroup'
	is_no cg-make '*' '*'
	is_no cg-kill '*' 'Linux 5.14 and cgroup v2*'
	is_no cg-swap '*' 'see cg-memory'
}

@test "no control groups at all" {
	requires root
	fresh no_groups
}

@test "control groups: version and controllers, one by one" {
	requires root cg1-memory cg1-pids
	run -0 tb-doctor --json
	jq -se '.[] | select(.word == "cgroup") | .detail | test("^v1 [(]memory .*[)]")' <<<"$output"
	fresh eval 'umount -l "$(cg_dir memory)"; is_no cg-memory "*" "boot with cgroup_enable=memory*"; is_yes cg-pids'
	fresh eval 'umount -l "$(cg_dir pids)"; is_no cg-pids "*" "a kernel with this controller*"'
	# In front of the tree a directory without its files.
	fresh eval 'mount -t tmpfs tbtest "$(cg_dir memory)"; is_no cg-swap "*" "boot with swapaccount=1"; is_yes cg-memory'
	fresh eval 'mount -o remount,bind,ro "$(cg_dir pids)"; is_no cg-make "*: in * of * trees" "mount the groups writable*"'
}

@test "control groups that a user may not make" {
	requires root cg
	run -1 as_nobody tb-doctor --require cg-make
	assert_like "$output" 'tb-doctor: cg-make is a no for nobody*'$'\n''hint: systemd-run --user --scope -p Delegate=yes*'
}

forwarding() {
	local n
	for n in 1 0; do
		echo $n >/proc/sys/net/ipv4/ip_forward
		((n == 0)) || is_yes forward
	done
	is_no forward '*' 'sysctl net.ipv4.ip_forward=1; br-setup*'
	mount -t tmpfs tbtest /proc/sys/net
	is_no br-netfilter '*' 'as root: modprobe br_netfilter*'
}

@test "forwarding, and packet rules inside a bridge" {
	requires root net
	in_fresh --net forwarding
}

ranges() {
	mkdir bin && cp /bin/true bin/newuidmap && cp /bin/true bin/newgidmap && chmod 4755 bin/newuidmap bin/newgidmap
	local path=$PWD/bin:$PATH
	mount --bind /dev/null /etc/subuid && mount --bind /dev/null /etc/subgid
	PATH=$path run -1 as_nobody tb-doctor --require ids
	assert_like "$output" '*as root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 nobody'
	umount /etc/subuid /etc/subgid
	echo 65534:100000:65536 >u && echo nobody:200000:1000 >g && echo other:1:1 >>g
	mount --bind u /etc/subuid && mount --bind g /etc/subgid
	PATH=$path run -0 as_nobody tb-doctor --json --require ids
	assert_json '.detail == "65536 users, 1000 groups"'
	chmod 755 bin/newuidmap
	PATH=$path run -1 as_nobody tb-doctor --require ids
	assert_like "$output" "*hint: as root: chmod u+s $PWD/bin/newuidmap *"
	mkdir few && ln -s "$(command -v env)" "$(command -v setpriv)" few
	PATH=$BIN:$PWD/few run -1 as_nobody "$BIN/tb-doctor" --require ids
	assert_like "$output" '*apt-get install uidmap'
	is_yes ids
}

@test "ranges of ids: the helpers, their rights, and the user's own lines" {
	requires root
	fresh ranges
}

devices() {
	mkdir dev && mount -t tmpfs tbtest dev && mknod -m 600 dev/tun c 10 200
	mount --bind dev/tun /dev/net/tun
	is_yes tun
	run -1 as_nobody tb-doctor --require tun
	assert_like "${lines[1]}" 'hint: as root: chmod 0666 /dev/net/tun'
	chmod 666 dev/tun
	run -0 as_nobody tb-doctor --require tun
	run -1 as_nobody tb-doctor --require loop
	assert_like "${lines[1]}" "hint: only root mounts a file as a disk: *"
	mount -t tmpfs tbtest /dev
	is_no tun '*' 'as root: modprobe tun; *'
	is_no loop '*' 'as root: modprobe loop; *'
}

@test "devices: that of networks without root, and that of disks in files" {
	requires root
	[[ -e /dev/net/tun ]] || skip "no /dev/net/tun"
	fresh devices
}

no_mkfs() {
	mount -t tmpfs tbtest /usr/sbin
	PATH=$BIN:/usr/bin is_no mkfs '*' 'apt-get install e2fsprogs'
}

@test "a file system for a disk in a file" {
	requires root mkfs.ext4
	is_yes mkfs
	fresh no_mkfs
}

file_systems() {
	# A tmpfs keeps no quotas of projects.
	TACKLEBOX_ROOT=$PWD/not/there is_no projects '*' 'boxes on xfs, or on ext4 *'
	TACKLEBOX_ROOT=/proc/self is_no idmap 'EINVAL' 'its file system, or this kernel, has no idmapped mounts *'
	run -1 as_nobody tb-doctor --require idmap
	assert_like "${lines[1]}" "hint: --userns is for root's boxes: *"
	run -1 as_nobody tb-doctor --require projects
	assert_like "${lines[1]}" "hint: only root sets quotas: *"
	! ufs-mount -u u -w w --uid-map 0:100000:9 --gid-map 0:100000:9 m / >/dev/null 2>&1 || is_yes idmap
}

@test "the file system that boxes are on: other ids, and quotas" {
	requires root tmpfs
	fresh file_systems
}

@test "limits of an ordinary user: what of the v2 tree is his" {
	requires root cg2
	run -1 as_nobody tb-doctor --require cg-user
	assert_like "$output" 'tb-doctor: cg-user is a no for nobody*'$'\n''hint: *'
	is_yes cg-user
	run -1 as_nobody unshare --user --map-root-user tb-doctor --require cg-user
	assert_like "${lines[0]}" 'tb-doctor: cg-user is a no for root of a user namespace*'
}

@test "programs that make up for what is missing" {
	mkdir "$T/bin"
	local word
	for word in fuse-overlayfs net-user; do
		PATH=$T/bin run -1 "$BIN/tb-doctor" --require $word
		assert_like "$output" "tb-doctor: $word is a no for *"$'\n''hint: apt-get install *'
	done
	cp /bin/true "$T/bin/pasta"
	PATH=$T/bin run -0 "$BIN/tb-doctor" --json --require net-user
	assert_json '.yes and .detail == $path' --arg path "$T/bin/pasta"
	cp /bin/true "$T/bin/fuse-overlayfs"
	if ((EUID == 0)) && [[ -e /dev/fuse ]]; then
		PATH=$T/bin run -0 "$BIN/tb-doctor" --require fuse-overlayfs
		fresh eval 'mount --bind /bin/true /dev/fuse; PATH='"$T/bin"' run -1 "$BIN/tb-doctor" --require fuse-overlayfs
			assert_like "$output" "*modprobe fuse"'
	fi
}

mounts_stay() {
	state_mounts >before
	tb-doctor >/dev/null
	tb-doctor --json >/dev/null
	diff before <(state_mounts)
}

@test "it leaves nothing, and changes nothing that others see" {
	requires root strace
	fresh mounts_stay
	# Every change lies behind an unshare of the same process.
	strace -f -o "$T/trace" -e trace=mount,fsopen,mkdir,unshare,setns,openat tb-doctor >/dev/null
	awk '$2 ~ /^unshare\(/ { inside[$1] = 1 }
		!inside[$1] && $2 ~ /^(mount|fsopen|mkdir)\(/ { print "outside: " $0; bad = 1 }
		/O_CREAT/ { print "made: " $0; bad = 1 }
		{ calls++ }
		END { exit bad || calls < 20 }' "$T/trace"
}

@test "every step of every trial may fail: an answer all the same, and no line too much" {
	local n out
	for ((n = 1; n <= 14; n++)); do
		out=$(TACKLEBOX_FAIL=step:EIO@$n tb-doctor --json 2>&1)
		jq -se 'length == 36 and all(.[]; .yes or .mend != "")' <<<"$out" >/dev/null || fail "step $n: $out"
	done
}

@test "the script of what is tried can be run" {
	requires userns net overlay nft
	local words=userns,mountns,utsns,overlay,overlay-user,overlay-api,bridge,nft,timens
	# The far end of the cable is in the same namespace: nothing of it is left.
	run -0 tb-doctor -n --require $words
	sh <<<"$output" >"$T/out"
	as_nobody tb-doctor -n --require $words >"$T/script"
	as_nobody sh "$T/script"
	run -0 tb-doctor -x --require $words
	sh -n <<<"$output"
	sh <<<"$output"
}
