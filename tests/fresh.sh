#!/bin/bash
# fresh.sh MINBASE.tar: the README's two commands on a machine where nothing was installed by hand.
#
# The machine is a new Debian in mount and pid namespaces of its own, its root on a tmpfs that goes
# with them; what a person has before the first command is there: make, and a clone of the
# repository. Everything else the two commands must bring. The whole of the tests runs outside;
# here a few files of each kind show that what they need gets installed (FRESH_FILES).
set -euo pipefail

if [ "${FRESH_STAGE-}" = "" ]; then
	[ "$(id -u)" = 0 ] || { echo "fresh: needs root" >&2; exit 1; }
	FRESH_TREE=$(cd "$(dirname "$0")/.." && pwd)
	FRESH_DIR=$(mktemp -d)
	export FRESH_STAGE=outside FRESH_TREE FRESH_DIR
	trap 'rmdir "$FRESH_DIR"' EXIT
	unshare --mount --pid --fork --kill-child --propagation private bash "$0" "$(realpath "$1")"
	exit
fi

# Second: in the new namespaces, still in the old root.
if [ "$FRESH_STAGE" = outside ]; then
	mount -t tmpfs -o size=6g,mode=755 fresh "$FRESH_DIR"
	root=$FRESH_DIR/root
	mkdir "$root"
	tar -C "$root" -xpf "$1" --numeric-owner --exclude=./dev/*
	cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
	# Package sources may be reached by TLS, through an authority of the host's own.
	[ ! -d /etc/ssl/certs ] || cp -rL /etc/ssl/certs "$root/etc/ssl/" 2>/dev/null || true
	# What a clone holds, and what is about to be committed.
	mkdir "$root/root/tacklebox"
	(cd "$FRESH_TREE" && git ls-files -z --cached --others --exclude-standard |
		xargs -0 ls -d 2>/dev/null | tar -c -T -) | tar -x --no-same-owner -C "$root/root/tacklebox"
	cp "$0" "$root/root/fresh.sh"
	mount --bind "$root" "$root"
	mount --rbind /dev "$root/dev"
	mount --rbind /sys "$root/sys"
	mount -t proc proc "$root/proc"
	mount -t tmpfs tmpfs "$root/tmp"
	mount -t tmpfs tmpfs "$root/run"
	mount -t tmpfs tmpfs "$root/dev/shm"
	cd "$root"
	pivot_root . mnt
	umount -l /mnt
	keep=(PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8
		FRESH_STAGE=inside)
	for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY TEST_STRICT TEST_AGAIN FRESH_FILES; do
		[ -z "${!name-}" ] || keep+=("$name=${!name}")
	done
	exec env -i "${keep[@]}" bash /root/fresh.sh
fi

# Third: in the new root.
say() {
	printf '== fresh root: %s\n' "$*"
}

say "what a person has: an account, make, a clone"
apt-get -qq update
apt-get -qq -y --no-install-recommends install make >/dev/null 2>&1
useradd --create-home somebody
mv /root/tacklebox /home/somebody/
chown -R somebody: /home/somebody/tacklebox
cd /home/somebody/tacklebox

say "make demo as somebody, before anything is installed"
if said=$(runuser -u somebody -- make demo 2>&1); then
	echo "fresh: went well without a compiler?" >&2
	exit 1
fi
grep '^to install them: ' <<<"$said"

say "make demo as root"
make demo
say "make demo as somebody"
runuser -u somebody -- make demo
say "make check"
make check FILES="${FRESH_FILES:-tests/demo.bats tests/common.bats tests/img.bats tests/cg.bats}"
