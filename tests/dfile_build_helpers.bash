# shellcheck shell=bash
# For the tests of dfile-build: an image bb for all tests of a file, and a context in $T/c.

build_setup_file() {
	tb_setup_file
	requires root || return 0
	export TACKLEBOX_ROOT=$TB_DIR/state
	make_root "$TB_DIR/rootfs"
	mkdir -p "$TB_DIR/rootfs/old/dir" "$TB_DIR/rootfs/root"
	printf 'root:x:0:0:root:/root:/bin/sh\ndan:x:1000:1000::/home/dan:/bin/sh\n' >"$TB_DIR/rootfs/etc/passwd"
	printf 'root:x:0:\ndan:x:1000:\nextra:x:7:dan\n' >"$TB_DIR/rootfs/etc/group"
	chmod 1777 "$TB_DIR/rootfs/old"
	chown 5:6 "$TB_DIR/rootfs/old/dir"
	ln -s old "$TB_DIR/rootfs/link"
	tar -C "$TB_DIR/rootfs" -c . | img-import --cmd '["/bin/sh"]' --env BASE=base bb >/dev/null
}

build_setup() {
	tb_setup
	requires root overlay cg
	export TACKLEBOX_ROOT=$TB_DIR/state
	mkdir "$T/c"
	cd "$T/c" || return
}

build_teardown() {
	[ "$EUID" -ne 0 ] || no_build_left
	tb_teardown
}

no_build_left() {
	local what
	what=$(find "$TACKLEBOX_ROOT/build/run" -mindepth 1 -maxdepth 1 2>/dev/null || :)
	[ -z "$what" ] || fail "left: $what"
	what=$(find "$TACKLEBOX_ROOT/layers" "$TACKLEBOX_ROOT/images/tmp" -maxdepth 1 -name '*tmp-*' 2>/dev/null || :)
	[ -z "$what" ] || fail "left: $what"
	if grep -F "$TACKLEBOX_ROOT" /proc/self/mountinfo; then fail "still mounted"; fi
	what=$(find /run/netns -name 'tb-build-*' -size 0 2>/dev/null | while read -r f; do grep -qF "$f" "$TACKLEBOX_RUN"/made/* 2>/dev/null && echo "$f"; done)
	[ -z "$what" ] || fail "left: $what"
}

# build [OPTION…] with the Dockerfile on standard input, quietly, without a network; called `it`.
build() { dfile-build -q --network none -t it -f - "$@" . >"$T/id"; }
# The same, and what it says is in $output, its status in $status.
# shellcheck disable=SC2034
try() {
	status=0
	output=$(dfile-build --network none -t it -f - "$@" . 2>&1) || status=$?
}

# tree: the files of the image `it` that bb does not have, or has otherwise: mode owner:group name.
tree() {
	mkdir "$T/t"
	# shellcheck disable=SC2046
	ufs-mount --ro "$T/t" $(img-layers "${1:-it}") >/dev/null
	(cd "$T/t" && find . -mindepth 1 -printf '%M %U:%G %P%l\n' | sort -k3) >"$T/now"
	ufs-mount --umount "$T/t" && rmdir "$T/t"
	(cd "$TB_DIR/rootfs" && find . -mindepth 1 -printf '%M %U:%G %P%l\n' | sort -k3) >"$T/before"
	grep -vxFf "$T/before" "$T/now" || :
}
# in_image PATH: a file of the image. stat_in_image FORMAT PATH
in_image() { of_image cat "$1"; }
stat_in_image() { of_image stat -c "$1" "$2"; }
# of_image COMMAND… PATH
of_image() {
	local path=${*: -1}
	mkdir "$T/t"
	# shellcheck disable=SC2046
	ufs-mount --ro "$T/t" $(img-layers it) >/dev/null
	"${@:1:$#-1}" "$T/t/$path"
	ufs-mount --umount "$T/t" && rmdir "$T/t"
}
setting() { img-config it | jq -c ".config.$1"; }
layers() { img-config "${1:-it}" | jq '.rootfs.diff_ids | length'; }
