# shellcheck shell=bash
# A root directory to run programs in.

# make_root DIR: busybox and a link for each of its applets, the files that name users, and /probe.
# Made once a file and copied from then on.
make_root() {
	local model=$TB_DIR/root.model
	# An empty variable in front of the name must not make it the root directory of the host.
	[[ ${1-} && $TB_DIR && $(realpath -m -- "$1") == "$TB_DIR"/?* ]] || fail "make_root: '${1-}' is not below $TB_DIR" || return
	[[ -d $model ]] || make_root_model "$model"
	mkdir -p "$1"
	cp -a "$model/." "$1/"
}

make_root_model() {
	local dir=$1 busybox
	busybox=$(command -v busybox) || fail "busybox-static is not installed" || return
	mkdir -p "$dir"/{bin,dev,etc,home,proc,root,sys,tmp,usr,var}
	chmod 1777 "$dir/tmp"
	chmod 0700 "$dir/root"
	cp "$busybox" "$dir/bin/busybox"
	# One process: hundreds of ln take half a minute where processors are emulated (make check-vm).
	"$busybox" --list | python3 -Sc 'import os, sys
for name in sys.stdin.read().split():
	if name != "busybox": os.symlink("busybox", sys.argv[1] + "/" + name)' "$dir/bin" || return
	ln -s bin "$dir/sbin"
	ln -s ../bin "$dir/usr/bin"
	printf '%s\n' root:x:0:0:root:/root:/bin/sh daemon:x:1:1::/:/bin/false \
		dan:x:1000:1000:Dan:/home/dan:/bin/sh nobody:x:65534:65534::/:/bin/false \
		>"$dir/etc/passwd"
	printf '%s\n' root:x:0: daemon:x:1: audio:x:29:dan wheel:x:10:root,dan dan:x:1000: \
		nogroup:x:65534: >"$dir/etc/group"
	echo tbtest >"$dir/etc/hostname"
	cp "$PROBE" "$dir/probe"
}
