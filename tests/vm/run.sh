#!/bin/bash
# run.sh [FILE.bats...]: the tests tagged cgroup, chain, network or overlay (or the files named) on
# Debian's own kernel, in qemu without KVM: there cgroup controllers are on v2, overlays are mounted by
# the old mount(2), joining a group waits as on other people's machines, and there is swap. Tests that
# are tagged "anywhere" do not run: no kernel makes a difference to them.
#
#   O             build directory (build), with everything built
#   PACKAGES      Debian packages that the tests need
#   TEST_ROUNDS   how often the long loops go round (5)
#   VM_TIMEOUT    seconds until the machine is ended (1500)
#
# The machine's disk is made from the installed packages, the built tree and the tests; it has no
# network, and what happens on it is gone when it ends. Prints what the machine's console says,
# and ends in the tests' own line; the exit status is theirs.
set -euo pipefail
cd "$(dirname "$0")/../.."
O=${O:-build}
[[ $O == /* ]] || O=$PWD/$O
vm=$O/vm top=$PWD
mkdir -p "$vm"

say() { printf 'vm: %s\n' "$*"; }

# The package that today's cloud kernel is in; nothing where apt has no index of packages.
kernel_package() {
	apt-cache depends linux-image-cloud-amd64 2>/dev/null | awk '/Depends:/ && !n++ { print $2 }' || :
}

# download DIR PACKAGE: into DIR, which is new.
download() {
	[[ $2 ]] || return
	rm -rf "$1"
	mkdir -p "$1"
	(cd "$1" && apt-get -q download "$2") >"$vm/log" 2>&1
}

# Kernel and modules, out of the package; nothing of it is installed here. An index that is missing,
# or older than what the servers have, is fetched.
fetch_kernel() {
	local package
	package=$(kernel_package)
	kernel=$vm/$package
	[[ ! -e $kernel/done ]] || return 0
	say "fetching ${package:-a kernel}"
	if ! download "$kernel" "$package"; then
		apt-get -q update >"$vm/log" 2>&1 || { cat "$vm/log"; return 1; }
		package=$(kernel_package)
		kernel=$vm/$package
		[[ $package ]] || { say "no package linux-image-cloud-amd64"; return 1; }
		download "$kernel" "$package" || { cat "$vm/log"; return 1; }
	fi
	dpkg-deb -x "$kernel"/*.deb "$kernel/root"
	rm "$kernel"/*.deb
	depmod -b "$kernel/root" "$(basename "$kernel"/root/lib/modules/*)"
	touch "$kernel/done"
}

# The installed packages that the tests need, what those need, and what every Debian has.
closure() {
	local essential
	essential=$(dpkg-query -W -f '${Essential} ${Package}\n' | sed -n 's/^yes //p')
	# shellcheck disable=SC2086 # words
	apt-cache depends --recurse --installed --no-recommends --no-suggests --no-conflicts \
		--no-breaks --no-replaces --no-enhances $PACKAGES kmod mawk mount passwd $essential |
		grep '^[a-z0-9]' | sort -u | comm -12 - <(dpkg-query -W -f '${Package}\n' | sort -u)
}

make_root() {
	local root=$1 dir
	for dir in bin sbin lib lib64; do
		mkdir -p "$root/usr/$dir"
		ln -s "usr/$dir" "$root/$dir"
	done
	mkdir -p "$root"/{dev,proc,sys,run,tmp,root,src,etc,var/lib}
	# What documents and translates is half of it, and nobody reads it there.
	closure | xargs dpkg-query -L | sort -u |
		grep -vE '^/(etc|var)(/|$)|^/usr/share/(doc|man|info|locale|bug|lintian)/|/__pycache__' |
		while IFS= read -r path; do
			[[ ! -L $path && ! -f $path ]] || printf '%s\n' "$path"
		done | sed 's,^/,,' | tar -C / -cf - --no-recursion -T - | tar -C "$root" -xf - --keep-directory-symlink
	cp -a /etc/{passwd,group,alternatives,ld.so.conf,ld.so.conf.d} "$root/etc"
	[[ ! -e /etc/iproute2 ]] || cp -a /etc/iproute2 "$root/etc"
	ldd "$O"/bin/* | awk '$2 == "=>" && $3 ~ "^/" { print $3; }' | sort -u | xargs readlink -f |
		sed 's,^/,,' | tar -C / -cf - -T - | tar -C "$root" -xf - --keep-directory-symlink
	# Names such as awk belong to no package: they lead by way of /etc/alternatives.
	find /usr/bin /usr/sbin -type l -lname '/etc/alternatives/*' | sed 's,^/,,' |
		tar -C / -cf - --no-recursion -T - | tar -C "$root" -xf -
	ldconfig -r "$root"
	cp -a "$kernel/root/lib/modules" "$root/usr/lib/"
	tar -cf - tests lib tools tutorial Makefile README.md | tar -C "$root/src" -xf -
	mkdir -p "$root/src/build"
	cp -a "$O/bin" "$root/src/build"
	mkdir -p "$root/src/build/tests"
	cp -a "$O"/tests/{probe,subreaper,swap} "$root/src/build/tests"
	[[ ! -e $O/busybox ]] || cp "$O/busybox" "$root/src/build"
	# There is no compiler.
	mkdir "$root/src/build/props"
	(cd "$root/src/build/props" && "$top/tutorial/props/prop" hog threads)
	install -m 755 tests/vm/init "$root/sbin/vm-init"
	printf '%s\n' "$@" | sed 1d >"$root/src/vm-files"
	printf '%s=%s\n' TEST_ROUNDS "${TEST_ROUNDS:-5}" TEST_STRICT "${TEST_STRICT:-}" \
		TEST_AGAIN "${TEST_AGAIN:-}" V "${V:-}" \
		>"$root/src/vm-env"
}

# Modules by name with all they need, first things first.
module_files() {
	modprobe -d "$kernel/root" -S "$(basename "$kernel"/root/lib/modules/*)" --show-depends "$@" |
		awk '$1 == "insmod" && !seen[$2]++ { print $2 }'
}

# As little as finds the disk: busybox and the modules of virtio.
make_initramfs() {
	local dir=$1 file
	mkdir -p "$dir"/{bin,lib,dev,proc,sys,mnt}
	cp "$busybox" "$dir/bin/busybox"
	{
		printf '%s\n' '#!/bin/busybox sh' 'b=/bin/busybox' '$b mount -t devtmpfs dev /dev' \
			'$b mount -t proc proc /proc'
		for module in virtio_pci virtio_blk; do
			module_files $module
		done | awk '!seen[$0]++' | while IFS= read -r file; do
			cp "$file" "$dir/lib"
			printf '$b insmod /lib/%s\n' "${file##*/}"
		done
		printf '%s\n' '$b mount -t ext4 /dev/vda /mnt' 'exec $b switch_root /mnt /sbin/vm-init'
	} >"$dir/init"
	chmod 755 "$dir/init"
	(cd "$dir" && find . | cpio -o -H newc --quiet) | gzip -1 >"$work/initramfs"
}

# Those with the most tests that run there come first, so that no processor stands idle at the end.
tagged() {
	local file
	grep -lE '^# bats file_tags=.*(cgroup|chain|network|overlay)' tests/*.bats | while read -r file; do
		printf '%d %s\n' "$(bats -c --filter-tags '!anywhere' "$file")" "$file"
	done | sort -rn | cut -d' ' -f2-
}

work=$(mktemp -d "$vm/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
fetch_kernel
busybox=$O/busybox
[[ -x $busybox ]] || busybox=/bin/busybox
(($# > 0)) || mapfile -t files < <(tagged)
(($# == 0)) || files=("$@")
start=$SECONDS
make_root "$work/root" "${files[@]}"
make_initramfs "$work/initramfs.d"
mke2fs -qF -t ext4 -O ^has_journal -d "$work/root" "$work/disk" \
	$(($(du -sm "$work/root" | cut -f1) * 5 / 4 + 200))M
say "a disk of $(du -m "$work/disk" | cut -f1) MB in $((SECONDS - start)) s: ${files[*]##*/}"
# Two processors and no KVM; a panic ends it. The console is all we hear of it. What a processor does is
# translated page by page: with each program at another address (norandmaps) it would be so again for
# every start, which then takes four times as long.
timeout --foreground "${VM_TIMEOUT:-1500}" qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m 3072 \
	-nodefaults -nographic -no-reboot -serial stdio -kernel "$kernel"/root/boot/vmlinuz-* \
	-initrd "$work/initramfs" -drive "file=$work/disk,if=virtio,format=raw,cache=unsafe" \
	-append 'console=ttyS0 quiet loglevel=1 panic=-1 norandmaps mitigations=off tsc=reliable' </dev/null | sed -u "s,\r,,g" | tee "$vm/console" |
	sed -un '/vm: Linux/,$ { /^vm-status/d; /^$/d; /^\[ *[0-9]*\.[0-9]*\]/d; p; }' || :
say "$((SECONDS - start)) s in all"
status=$(sed -n 's/^vm-status \([0-9]*\)$/\1/p' "$vm/console")
[[ $status ]] || { say "it did not come to its end"; exit 1; }
sed -n '/^[0-9]* passed, [0-9]* failed, [0-9]* skipped$/h; ${x;p}' "$vm/console"
exit "$status"
