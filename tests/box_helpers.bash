# shellcheck shell=bash
# For the tests of boxes: an image bb for all tests of a file, whose layer is only read, and the end
# of all boxes after each test.

# With more words for img-import.
box_setup_file() {
	tb_setup_file
	requires root || return 0
	export TACKLEBOX_ROOT=$TB_DIR/state
	make_root "$TB_DIR/rootfs"
	mkdir -p "$TB_DIR/rootfs/data/sub"
	echo image >"$TB_DIR/rootfs/data/sub/file"
	chown 7:8 "$TB_DIR/rootfs/data"
	chmod 1750 "$TB_DIR/rootfs/data"
	ln -s ../data "$TB_DIR/rootfs/etc/link"
	tar -C "$TB_DIR/rootfs" -c . | img-import --cmd '["/bin/sh"]' --env A=b "$@" bb >/dev/null
}

box_setup() {
	tb_setup
	requires root overlay
	export TACKLEBOX_ROOT=$TB_DIR/state
}

box_teardown() {
	if [ "$EUID" -eq 0 ]; then
		box-ps -aq 2>/dev/null | xargs -r timeout 20 box-rm -fv >/dev/null 2>&1
		vol-prune --all >/dev/null 2>&1
		no_box_left
	fi
	tb_teardown
}

no_box_left() {
	local what
	what=$(find "$TACKLEBOX_ROOT/boxes" "$TACKLEBOX_ROOT/names" -mindepth 1 -maxdepth 1 2>/dev/null || :)
	[ -z "$what" ] || fail "left: $what"
	! grep -F "$TACKLEBOX_ROOT" /proc/self/mountinfo || fail "still mounted"
}

# steady NAME OPTION…: a box that says when it runs, so that signals find their handlers.
steady() {
	local name=$1
	shift
	box-run -d --name "$name" --network none "$@" bb sh -c \
		'trap "exit 7" TERM; trap "echo usr1" USR1; echo ready; while :; do sleep 0.05; done' >/dev/null
	wait_for grep -q ready "$TACKLEBOX_ROOT/names/$name/log"
}

state_of() { box-inspect "$1" | jq -r ".State.$2"; }

# as_boxer CMD…: as nobody, with ids of his own in /etc/subuid and /etc/subgid, and a /dev/net/tun that
# is open to all, as on most hosts; in a network of the test's own. The machine's files stay as they
# are: these lie in a mount namespace, $T/boxer.mnt, and a network namespace that a process keeps.
boxer_setup() {
	local dir=$TB_DIR/boxer
	mkdir -p "$dir"
	echo nobody:500000:65536 >"$dir/subid"
	unshare --mount --net --propagation slave bash -c '
		set -e
		mount --bind "$1/subid" /etc/subuid
		mount --bind "$1/subid" /etc/subgid
		mkdir -p "$1/dev"
		mount -t tmpfs tbtest "$1/dev"
		mknod -m 666 "$1/dev/tun" c 10 200
		mount --bind "$1/dev/tun" /dev/net/tun
		ip link set lo up
		ip link add out type veth peer name out-far && ip link set out-far up && ip addr add 192.0.2.2/24 dev out && ip link set out up
		ip route add default via 192.0.2.1
		echo >"$1/ready"
		exec sleep 3600' - "$dir" </dev/null >"$dir/log" 2>&1 3>&- &
	echo $! >"$dir/pid"
	wait_for test -e "$dir/ready" || fail "$(<"$dir/log")"
}

boxer_teardown() {
	[[ ! -e $TB_DIR/boxer/pid ]] || kill "$(<"$TB_DIR/boxer/pid")" 2>/dev/null || :
}

# Where he lives lasts as long as the file, for images are there. What keeps his namespaces ends at once
# here, so that no test has to wait for it.
as_boxer() {
	local home=$TB_DIR/home
	if [[ ! -d $home ]]; then
		mkdir -p "$home/run" && chmod 0700 "$home/run"
		chown -R nobody:nogroup "$home"
	fi
	nsenter --target "$(<"$TB_DIR/boxer/pid")" --mount --net -- env -u TACKLEBOX_ROOT -u TACKLEBOX_RUN \
		-u XDG_DATA_HOME PATH="$BIN:/usr/sbin:/usr/bin:/sbin:/bin" HOME="$home" USER=nobody LOGNAME=nobody TMPDIR="$home" XDG_RUNTIME_DIR="$home/run" \
		TACKLEBOX_LINGER="${BOXER_LINGER:-0s}" \
		setpriv --reuid nobody --regid nogroup --clear-groups timeout --foreground "${BOXER_TIME:-30}" "$@"
}

# Nothing of his runs, is mounted or has a name any more: he needs nobody to clean up.
boxer_is_gone() {
	local left
	left=$(pgrep -u nobody -f "rootless-keep .*$TB_DIR/home|$TB_DIR/home.*box-mon|--netns $TB_DIR/home|slirp4netns .*$TB_DIR/home|net-resolve $TB_DIR/home" |
		xargs -r ps -o stat=,args= -p | grep -v '^Z' || :)
	[ -z "$left" ] || fail "runs: $left" || return
	left=$(find "$TB_DIR/home/.local/share/tacklebox/"{boxes,names,nets,volumes} "$TB_DIR/home/run/tacklebox" \
		-mindepth 1 ! -type d ! -name '*.lock' ! -name .lock 2>/dev/null || :)
	[ -z "$left" ] || fail "left: $left"
}

# The same for boxes of an ordinary user, in all files that have such.
boxer_setup_file() {
	tb_setup_file
	((EUID == 0)) || return 0
	make_root "$TB_DIR/rootfs"
	mkdir -p "$TB_DIR/rootfs/data"
	echo image >"$TB_DIR/rootfs/data/file"
	chown -R 7:8 "$TB_DIR/rootfs/data"
	echo 'bob:x:1000:1000::/:/bin/sh' >>"$TB_DIR/rootfs/etc/passwd"
	tar -C "$TB_DIR/rootfs" -c . >"$TB_DIR/rootfs.tar"
	boxer_setup
	as_boxer img-import --cmd '["/bin/sh"]' bb <"$TB_DIR/rootfs.tar" >/dev/null
}
boxer_teardown_file() {
	boxer_teardown
	[[ ! -d $TB_DIR/home ]] || chown -R root: "$TB_DIR/home"
	tb_teardown_file
}
boxer_test_setup() {
	tb_setup
	requires root userns overlay-user pasta newuidmap nft
}
boxer_test_teardown() {
	if ((EUID == 0)) && [[ -e $TB_DIR/boxer/pid ]]; then
		as_boxer bash -c 'box-ps -aq | xargs -r box-rm -fv; vol-prune --all; net-prune' >/dev/null 2>&1
		wait_for boxer_is_gone || boxer_is_gone
	fi
	tb_teardown
}

# rows WORD: the tools that have it in the README's column "rootless".
rows() {
	awk -F' *[|] *' -v word="$1" '$2 == "tool" { for (i = 1; i <= NF; i++) if ($i == "rootless") column = i }
		column && $column == word { print $2 }' "$TB_TOP/README.md"
}
