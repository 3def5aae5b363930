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
