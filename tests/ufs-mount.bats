#!/usr/bin/env bats
# bats file_tags=overlay
# shellcheck disable=SC2030,SC2031 # each test is a subshell of its own, as is meant
# ufs-mount: overlays by both calls, by root and in a user namespace; copies; and what it says when
# the kernel says EINVAL.
load helpers

setup_file() { tb_setup_file; }
teardown_file() { tb_teardown_file; }
setup() { tb_setup; }
teardown() { tb_teardown; }

# Two layers that overlap, in the current directory.
two_layers() {
	mkdir -p base/etc app/etc
	echo base >base/etc/name && echo only >base/etc/base
	echo app >app/etc/name && echo x >app/run
}

# many_layers N: names of 71 bytes below layers, bottom first in the file `names`. Each holds its
# number in `same`, and a file of its own.
many_layers() {
	local i=0 dir
	printf 'layers/%064d\n' $(seq "$1") >names
	xargs mkdir -p <names
	while read -r dir; do
		i=$((i + 1))
		echo "$i" >"$dir/same"
		: >"$dir/own$i"
	done <names
}

# Everything overlay can hide and replace, in three layers; $1 is the name of its marks' space.
hard_layers() {
	mkdir -p l1/a/deep l1/gone l1/opq l1/tofile l2/a l2/opq l2/todir l2/tolink l3/a l3/gone
	echo 1 >l1/f && ln l1/f l1/f2 && ln l1/f l1/a/f3 && ln l1/f l1/a/f4 && ln -s f l1/link
	echo x >l1/gone/x && echo o >l1/opq/o && echo r >l1/todir && echo q >l1/tofile/q
	ln -s /etc l1/tolink && mkfifo l1/fifo && chmod 0751 l1/a/deep
	((EUID)) || chown 5:6 l1/a/deep
	touch -d '2001-02-03 04:05:06.123456789' l1/a/deep
	setfattr -n "$1.kept" -v yes l1/f && chmod 4755 l1/f
	truncate -s 10M l1/sparse && printf hi | dd of=l1/sparse bs=1 seek=5000000 conv=notrunc status=none
	mknod l2/gone c 0 0 && setfattr -n "$1.overlay.opaque" -v y l2/opq
	echo n >l2/opq/n && echo over >l2/f2 && echo f >l2/tofile && echo in >l2/tolink/in
	mknod l3/a/f3 c 0 0 && setfattr -n "$1.overlay.origin" -v z l3/a
	echo t >l3/a/t && echo back >l3/gone/b && chmod 1777 l3
}

# What a tree holds, times included, as text. Link counts are those of the tree, not of its layers.
whole_tree() {
	(
		cd "$1" || exit
		find . -type d -printf '%p d %#m %U:%G\n' -o -printf '%p %y %#m %U:%G %s %l %T@\n' | LC_ALL=C sort
		find . -type f -exec sha256sum {} + | LC_ALL=C sort -k2
		find . -exec getfattr -h -d -m '^(user|security)' {} + 2>/dev/null
	)
}

# nothing_made: no mount and no directory but those that the test made before (in the file `was`).
nothing_made() {
	! grep -q " $PWD/" /proc/self/mountinfo || fail "a mount is left" || return
	[[ -z $(ls -A "$TACKLEBOX_RUN/made" 2>/dev/null) ]] || fail "a note is left" || return
	diff was <(find . ! -path './run*' ! -path './faults*' ! -name was | LC_ALL=C sort)
}
remember() {
	local all
	all=$(find . ! -path './run*' ! -path './faults*' ! -name was | LC_ALL=C sort)
	echo "$all" >was
}

@test "the upper layer hides the lower, writes go to UPPER, a removal leaves a whiteout" {
	requires root overlay
	cd "$T" && two_layers
	run -0 ufs-mount -u up -w wk root base app
	assert_eq root "$output"
	assert_eq app "$(<root/etc/name)"
	assert_eq only "$(<root/etc/base)"
	echo new >root/etc/new
	rm root/run
	assert_eq new "$(<up/etc/new)"
	assert_eq "character special file 0 0" "$(stat -c '%F %t %T' up/run)"
	[ ! -e base/etc/new ]
	[ ! -e app/etc/new ]
	[ -e app/run ]
	grep -q " $T/root rw[^-]* - overlay tacklebox rw," /proc/self/mountinfo
	run -0 ufs-mount --umount root
	assert_eq "" "$output"
	[ -z "$(ls root)" ]
}

@test "the names of the layers come from standard input, one a line, when none is given" {
	requires root overlay
	cd "$T" && two_layers && mkdir 'a name with blanks' && touch 'a name with blanks/b'
	printf 'base\n\na name with blanks\napp' | ufs-mount --ro root
	assert_eq app "$(<root/etc/name)"
	[ -e root/b ]
	ufs-mount --umount root
	run -1 ufs-mount --ro root </dev/null
	assert_error ufs-mount 'cannot mount overlay on root: no layers given'
	run -2 script -qec 'ufs-mount --ro root' /dev/null
	assert_like "$output" '*no LAYER given, and standard input is a terminal*'
}

@test "directories that are missing are made, with the top layer's mode and owner for UPPER" {
	requires root overlay
	cd "$T" && two_layers
	chmod 1777 app && chown 1000:1001 app
	umask 077
	ufs-mount -u deep/up -w deep/wk deep/er/root base app
	assert_eq "1777 1000:1001" "$(stat -c '%a %u:%g' deep/er/root)"
	assert_eq "700" "$(stat -c %a deep/wk)"
	ufs-mount --umount deep/er/root
}

@test "read-only: of several layers, and of a single one, which is bound and noted" {
	requires root overlay
	cd "$T" && two_layers
	ufs-mount root base app
	run ! touch root/x
	ufs-mount --umount root
	ufs-mount --ro one base
	assert_eq base "$(<one/etc/name)"
	run ! touch one/x
	grep -q "^mount $T/one\$" "$TACKLEBOX_RUN"/made/*
	ufs-mount --umount one
	[ -z "$(ls -A "$TACKLEBOX_RUN/made")" ]
	# What the layer's own mount forbids stays forbidden.
	mount -t tmpfs -o nosuid,nodev,noexec tbtest base && mkdir base/in
	ufs-mount --ro one base/in
	grep -q " $T/one ro,nosuid,nodev,noexec" /proc/self/mountinfo
	ufs-mount --umount one
	umount base
}

# bats test_tags=anywhere
@test "500 layers by the new call, and by the old one; 501 are refused" {
	requires root overlay
	cd "$T" && many_layers 501
	local fail
	head -n 500 names >names.500
	for fail in '' fsopen:ENOSYS fsopen:EPERM fsconfig:EINVAL fsconfig:EINVAL@507; do
		TACKLEBOX_FAIL=$fail ufs-mount -u up -w wk root <names.500
		assert_eq 500 "$(<root/same)" "the top layer, with $fail"
		assert_eq 501 "$(find root -type f | wc -l)" "files, with $fail"
		echo w >root/written && assert_eq w "$(<up/written)" || return
		ufs-mount --umount root
		rm -r up wk
	done
	run -1 ufs-mount -u up -w wk root <names
	assert_error ufs-mount 'cannot mount overlay on root: 501 layers, and the kernel stacks at most 500' \
		'squash makes one layer of several*'
	[ ! -e up ]
}

# bats test_tags=anywhere
@test "the script for many layers: as many as fit in a page by name, 500 by short links" {
	requires root overlay
	cd "$T" && many_layers 500
	local n
	for n in 2 40 100 500; do
		head -n "$n" names >some
		ufs-mount -n -u up -w wk root <some >script
		if ((n < 50)); then run ! grep -q mktemp script; else grep -q mktemp script; fi
		TMPDIR=$T sh script
		assert_eq "$n" "$(<root/same)" "top of $n layers"
		assert_eq $((n + 1)) "$(find root -type f | wc -l)" "files of $n layers"
		ufs-mount --umount root
		rm -r up wk
	done
	[ -z "$(compgen -G 'tmp.*')" ]
}

# bats test_tags=anywhere
@test "any character in any name, in both calls and in the script" {
	requires root overlay
	cd "$T" && mkdir t
	local n=0 name fail lower upper
	for name in 'a:b' 'a,b' 'a\b' 'a\:b' 'a"b' 'a b' "a'b" $'a\tb' $'a\xffb' 'upperdir=x' a\\; do
		mkdir "$name" && : >"$name/in"
		for fail in '' fsopen:ENOSYS -n; do
			n=$((n + 1))
			lower=$name upper="t/$name $n"
			# A backslash that is taken away must not lead to another directory.
			mkdir -p "t/${name//\\/} $n"
			if [[ $fail == -n ]]; then
				ufs-mount -n -u "$upper" -w "t/w$name$n" "t/r$name" "$lower" >script
				sh script
			else
				TACKLEBOX_FAIL=$fail ufs-mount -u "$upper" -w "t/w$name$n" "t/r$name" "$lower"
			fi
			[ -e "t/r$name/in" ] || fail "no layer: $name, $fail"
			echo x >"t/r$name/out"
			[ -e "$upper/out" ] || fail "not written to UPPER: $name, $fail"
			ufs-mount --umount "t/r$name"
		done
	done
}

# Layers one by one came with Linux 6.7; before it there is one string of options for all.
@test "the kernel's own way is taken, and -x tells which" {
	requires root overlay strace
	cd "$T" && two_layers
	strace -o trace -e trace=mount,fsmount ufs-mount -x -u up -w wk root base app 2>told
	if printf '%s\n' 6.7 "$(uname -r)" | sort -CV; then
		grep -q '^fsmount(.* = [0-9]' trace
		run ! grep '^mount(' trace
		grep -q '"lowerdir+", .* = 0$' told
	else
		grep -q '^mount("tacklebox", .*, "overlay", .* = 0$' trace
		grep -q 'the same by the older call' told
		tb-doctor | grep -q '^no *overlay-api '
	fi
	assert_eq app "$(<root/etc/name)"
	ufs-mount --umount root
}

@test "in a user namespace: whiteouts, opaque directories and a layer made of UPPER" {
	requires overlay-user user-xattr
	cd "$T" && two_layers
	chmod 0777 .
	as_nobody unshare --user --map-root-user --mount sh -ec '
		ufs-mount -u up -w wk root base app
		grep -q "overlay tacklebox rw,.*,userxattr" /proc/self/mountinfo
		test app = "$(cat root/etc/name)"
		mkdir root/d; echo n >root/d/n; rm root/run
		ufs-mount --umount root
		ufs-mount root base app up
		test -e root/d/n
		test ! -e root/run
		ufs-mount --umount root
		ufs-mount one base && test base = "$(cat one/etc/name)" && ! touch one/x 2>/dev/null
		ufs-mount --umount one
		TACKLEBOX_FAIL=fsopen:ENOSYS ufs-mount -u up -w wk root base app
		mkdir root/run
		ufs-mount --umount root
		getfattr -n user.overlay.opaque up/run >&2 || test -d up/run
		rm -rf up wk
	'
}

@test "outside a user namespace an ordinary user is told the way" {
	requires overlay
	cd "$T" && two_layers && chmod 0777 .
	run -1 as_nobody ufs-mount -u up -w wk root base app
	assert_error ufs-mount "cannot mount overlay on $T/root: Operation not permitted (EPERM)" \
		'*ns-exec --user --mount --*'
	[ ! -e up ]
	[ ! -e root ]
	# Before Linux 5.11 it is the same inside one.
	TACKLEBOX_FAIL=fsopen:EPERM,mount:EPERM run -1 as_nobody unshare --user --map-root-user --mount \
		ufs-mount -u up -w wk root base app
	assert_error ufs-mount '* (EPERM)' 'overlay in a user namespace needs Linux 5.11*--copy does without'
}

@test "--copy is what the overlay shows" {
	requires root overlay getfattr
	cd "$T" && hard_layers trusted
	ufs-mount root l1 l2 l3
	run -0 ufs-mount --copy copy l1 l2 l3
	assert_eq copy "$output"
	diff <(whole_tree root) <(whole_tree copy)
	ufs-mount --umount root
	# Of the four names of one file two are left, and they are still one file.
	assert_eq "$(stat -c %i copy/f)" "$(stat -c %i copy/a/f4)"
	assert_eq 2 "$(stat -c %h copy/f)"
	assert_eq 1777 "$(stat -c %a copy)"
	(($(du -k copy/sparse | cut -f1) < 100)) || fail "the holes are filled"
	[ -z "$(getfattr -R -h -m overlay copy 2>/dev/null)" ]
	grep -q "^copy $T/copy\$" "$TACKLEBOX_RUN"/made/*
	run -1 ufs-mount --umount copy
	assert_error ufs-mount 'cannot unmount copy: nothing is mounted there' '*--umount --copy*'
	ufs-mount --umount --copy copy
	[ ! -e copy ]
	[ -z "$(ls -A "$TACKLEBOX_RUN/made")" ]
	run -1 ufs-mount --umount --copy l1
	assert_error ufs-mount 'cannot remove l1: it is no copy of ours' '*'
	[ -e l1/f ]
}

# bats test_tags=anywhere
@test "--copy: devices, capabilities of files, times of directories" {
	requires root setcap
	cd "$T" && mkdir -p l/dev l/bin
	mknod l/dev/null c 1 3 && mknod -m 0640 l/dev/b b 7 9 && chown 0:6 l/dev/b
	cp /bin/true l/bin/t && setcap cap_net_raw+ep l/bin/t
	touch -d '2011-11-11 11:11:11.111111111' l/dev
	ufs-mount --copy copy l
	assert_eq "$(stat -c '%n %F %t %T %a %u %g %y' l/dev/* l/dev | sed 's/^l//')" \
		"$(stat -c '%n %F %t %T %a %u %g %y' copy/dev/* copy/dev | sed 's/^copy//')"
	assert_eq "copy/bin/t cap_net_raw=ep" "$(getcap copy/bin/t)"
	ufs-mount --umount --copy copy
}

@test "--copy in a user namespace: marks of its own kind, and a word about what is lost" {
	requires root userns getfattr user-xattr # layers of another owner, marked as a user marks them
	cd "$T" && mkdir -m 0777 n && chmod 0777 .
	cd n && (umask 0; hard_layers user) && chmod -R a+rX . && chmod 0755 l1/f
	as_nobody unshare --user --map-root-user --mount bash -ec "$(declare -f whole_tree)"'
		ufs-mount --copy copy l1 l2 l3 2>said
		test n = "$(cat copy/opq/n)"
		test ! -e copy/opq/o
		test ! -e copy/gone/x
		test -e copy/gone/b
		grep -q "^ufs-mount: warning: .*: cannot keep its owner (EINVAL)$" said
		test 1 = "$(wc -l <said)"
		ufs-mount --umount --copy copy
	'
}

# bats test_tags=anywhere
@test "--copy takes an empty directory, and none inside a layer" {
	cd "$T" && two_layers && mkdir empty full && echo mine >full/file
	run -0 ufs-mount --copy empty base
	ufs-mount --umount --copy empty
	run -1 ufs-mount --copy full base
	assert_error ufs-mount "cannot copy to $T/full: Directory not empty (ENOTEMPTY)"
	assert_eq file "$(ls full)"
	run -1 ufs-mount --copy base/in app base
	assert_error ufs-mount "cannot copy to $T/base/in: it lies in layer $T/base"
	[ ! -e base/in ]
}

# bats test_tags=anywhere
@test "no symlink of a layer leads the copy outside" {
	cd "$T" && mkdir -p l1 l2/out/sub victim && ln -s "$T/victim" l1/out
	echo evil >l2/out/sub/file
	ufs-mount --copy copy l1 l2
	[ -z "$(ls victim)" ]
	assert_eq evil "$(<copy/out/sub/file)"
	ufs-mount --umount --copy copy
	# And in the script.
	rm -rf copy
	ufs-mount -n --copy copy l1 l2 | sh
	[ -z "$(ls victim)" ]
	assert_eq evil "$(<copy/out/sub/file)"
	ufs-mount --umount --copy copy
}

# bats test_tags=anywhere
@test "a layer that is missing, a file, or unreadable is named, and nothing is left" {
	cd "$T" && two_layers && chmod 0777 . && remember
	run -1 ufs-mount -u up -w wk root base nope
	assert_error ufs-mount 'cannot open layer nope: No such file or directory (ENOENT)'
	run -1 ufs-mount -u up -w wk root base app/run
	assert_error ufs-mount 'cannot open layer app/run: Not a directory (ENOTDIR)' 'a layer is a directory*'
	chmod 0700 app
	[[ $EUID == 0 ]] || return 0
	run -1 as_nobody ufs-mount -u up -w wk root base app
	assert_error ufs-mount 'cannot open layer app: Permission denied (EACCES)'
	rm -r nobody
	nothing_made
}

# bats test_tags=anywhere
@test "a layer given twice, under another name, or inside another" {
	requires root overlay
	cd "$T" && two_layers && mkdir app/in other && mount --bind app other
	run -1 ufs-mount -u up -w wk root base app base
	assert_error ufs-mount '* (ELOOP)' 'base is given twice'
	run -1 ufs-mount -u up -w wk root base app other
	assert_error ufs-mount '* (ELOOP)' 'app and other are one directory, and an overlay can have it only once'
	umount other
	run -1 ufs-mount root base app app/in
	assert_error ufs-mount '* (ELOOP)' 'app/in lies in app: no directory*'
	run -1 ufs-mount -u app -w wk root base app
	assert_error ufs-mount '* (ELOOP)' 'app *'
	[[ ${lines[1]} == *' app are one directory'* || ${lines[1]} == *' is given twice' ]]
}

@test "UPPER and WORK: on two file systems, in each other, or in use" {
	requires root overlay
	cd "$T" && two_layers && mkdir other && mount -t tmpfs tbtest other && remember
	run -1 ufs-mount -u up -w other/wk root base
	assert_error ufs-mount '* (EINVAL)' 'up and other/wk have to lie in one mount*'
	run -1 ufs-mount -u up -w up/wk root base
	assert_error ufs-mount '* (EINVAL)' 'up/wk lies in up*'
	umount other && nothing_made
	ufs-mount -u up -w wk root base
	run -1 ufs-mount -u up -w wk2 root2 app
	assert_error ufs-mount "cannot mount overlay on root2: up is the upper directory of $T/root already" \
		'every overlay needs an upper directory of its own'
	[ ! -e root2 ]
	[ ! -e wk2 ]
	ufs-mount --umount root
	# With index=on, which we do not set, the kernel says EBUSY.
	TACKLEBOX_FAIL=fsconfig:EBUSY@9 run -1 ufs-mount -u up -w wk root base
	assert_error ufs-mount '* (EBUSY)' 'another overlay, perhaps in another mount namespace, uses up or wk'
}

@test "UPPER where it cannot be: an overlay, ramfs, a read-only or a full file system" {
	requires root overlay
	cd "$T" && two_layers && mkdir fs
	ufs-mount -u up -w wk fs base
	run -1 ufs-mount -u fs/up -w fs/wk root app
	assert_error ufs-mount '* (EINVAL)' 'fs/up lies on an overlay itself, which overlay cannot write to*--copy'
	ufs-mount --umount fs
	mount -t ramfs tbtest fs
	TACKLEBOX_FAIL=fsconfig:EINVAL,mount:EINVAL run -1 ufs-mount -u fs/up -w fs/wk root app
	assert_error ufs-mount '* (EINVAL)' 'fs/up lies on ramfs*'
	[ -z "$(ls fs)" ]
	umount fs
	mount -t tmpfs tbtest fs && mkdir fs/up fs/wk && mount -o remount,ro fs
	run -1 ufs-mount -u fs/up -w fs/wk root app
	assert_error ufs-mount '*' 'fs/up lies on a file system that is read-only' ||
		assert_error ufs-mount '*the kernel cannot write to fs/wk*' '*'
	umount fs
	[ ! -e root ]
}

@test "a full disk: the kernel would mount read-only, and say nothing" {
	requires root overlay
	cd "$T" && two_layers && mkdir fs && mount -t tmpfs -o size=1m,nr_inodes=4 tbtest fs
	mkdir fs/up fs/wk && touch fs/last
	run -1 ufs-mount -u fs/up -w fs/wk root base app
	assert_error ufs-mount \
		'cannot mount overlay on root: the kernel cannot write to fs/wk, and would make it read-only' \
		'the file system of fs/wk may be full'
	[ ! -e root ]
	[ -z "$(ls fs/wk)" ]
	rmdir fs/wk fs/up
	touch fs/a fs/b
	run -1 ufs-mount -u fs/up -w fs/wk root base app
	assert_error ufs-mount "cannot make directory $T/fs/up: No space left on device (ENOSPC)"
	[ ! -e root ]
	umount fs
}

# bats test_tags=anywhere
@test "--copy to a full disk leaves nothing" {
	requires root
	cd "$T" && two_layers && mkdir fs && mount -t tmpfs -o size=64k tbtest fs
	head -c 200000 /dev/urandom >app/big
	run -1 ufs-mount --copy fs/copy base app
	assert_error ufs-mount "cannot copy $T/app/big to $T/fs/copy: No space left on device (ENOSPC)"
	[ -z "$(ls -A fs)" ]
	[ -z "$(ls -A "$TACKLEBOX_RUN/made")" ]
	# A directory that was there before stays, and is empty again.
	run -1 ufs-mount --copy fs base app
	[ -z "$(ls -A fs)" ]
	[ -z "$(ls -A "$TACKLEBOX_RUN/made")" ]
	umount fs
}

@test "overlays stack two deep" {
	requires root overlay
	cd "$T" && two_layers && mkdir third
	ufs-mount one base app
	ufs-mount two one third
	run -1 ufs-mount three two third
	assert_error ufs-mount '* (EINVAL)' 'layer two lies on an overlay itself*'
	ufs-mount --umount two
	ufs-mount --umount one
}

@test "other refusals of the kernel, and what it says itself" {
	requires root overlay
	cd "$T" && two_layers && remember
	TACKLEBOX_FAIL=fsopen:ENODEV run -1 ufs-mount -u up -w wk root base
	assert_error ufs-mount "cannot mount overlay on $T/root: No such device (ENODEV)" '*modprobe overlay*--copy*'
	TACKLEBOX_FAIL=fsconfig:EINVAL,mount:EINVAL run -1 ufs-mount -u up -w wk root base
	assert_error ufs-mount '* (EINVAL)' '*dmesg*'
	TACKLEBOX_FAIL=fsopen:ENOSYS,mount:ENOSPC run -1 ufs-mount -u up -w wk root base
	assert_error ufs-mount '* (ENOSPC)' '*mount-max*'
	TACKLEBOX_FAIL=fsconfig:EOPNOTSUPP run -1 ufs-mount -u up -w wk root base
	assert_error ufs-mount '* (EOPNOTSUPP)'
	nothing_made
}

@test "--umount: only what is ours, and who keeps it busy" {
	requires root overlay
	cd "$T" && two_layers && mkdir fs && mount -t tmpfs tbtest fs
	run -1 ufs-mount --umount fs
	assert_error ufs-mount 'cannot unmount fs: what is mounted there is not ours' '*umount(8)*'
	umount fs
	run -1 ufs-mount --umount fs
	assert_error ufs-mount 'cannot unmount fs: nothing is mounted there'
	ufs-mount -u up -w wk root base app
	mount -t tmpfs tbtest root/etc
	run -1 ufs-mount --umount root
	assert_error ufs-mount "cannot unmount $T/root: Device or resource busy (EBUSY)" "$T/root/etc is mounted below it*"
	umount root/etc
	(cd root && exec sleep 60) &
	local pid=$!
	wait_for test "/proc/$pid/cwd" -ef "$T/root"
	TACKLEBOX_ERRORS=json run -1 ufs-mount --umount root
	assert_like "$output" "*hint: process $pid (*) stands in it: end it first, or use --lazy*"
	jq -e '.class == "in-use"' <<<"${lines[-1]}"
	kill "$pid" && wait "$pid" || :
	sleep 60 3<root/etc/name &
	pid=$!
	run -1 ufs-mount --umount root
	assert_error ufs-mount '* (EBUSY)' "process $pid (*) has a file open there*"
	run -0 ufs-mount --umount --lazy root
	run ! grep -q " $T/root " /proc/self/mountinfo
	kill "$pid" && wait "$pid" || :
}

# bats test_tags=anywhere
@test "options that do not go together" {
	cd "$T"
	local args
	while read -r args; do
		# shellcheck disable=SC2086 # words are wanted
		run -2 ufs-mount $args
		assert_like "$output" "ufs-mount: *"$'\n'"Try 'ufs-mount --help'."
	done <<-'EOF'

		-u up root l
		-w wk root l
		-u up -w wk --ro root l
		--copy -u up -w wk root l
		--copy --ro root l
		--lazy root l
		--umount
		--umount a b
		--umount --ro a
		--umount --lazy --copy a
	EOF
	[ -z "$(ls -A)" ]
}

prepare_two() { two_layers && chmod 1777 app; }
prepare_one_mount() { two_layers && ufs-mount -u up -w wk root base app >/dev/null; }
prepare_one_bind() { two_layers && ufs-mount --ro root base >/dev/null; }
prepare_hard() { hard_layers trusted; }
prepare_copy() { two_layers && ufs-mount --copy root base app >/dev/null; }
# The mounts, all names, the given trees, the notes. Overlay gives a new UPPER a random number.
here() {
	state_mounts | grep "$T/here/" || :
	find . ! -path './run/*' | LC_ALL=C sort
	state_tree "$@" | grep -v '^[a-z]*\.overlay\.uuid='
	find . -path './run/*' -type f -exec cat {} +
}
# Where names had to be replaced, the mount table shows what they were replaced with.
here_unnamed() { here "$@" | sed -E 's/lowerdir=.*,workdir=[^,]*/-/'; }

# bats test_tags=anywhere
@test "the script does what the tool does" {
	requires root overlay getfattr
	replay_same -p prepare_two 'here up root' -- ufs-mount -u up -w wk root base app
	replay_same -p prepare_two 'here up root' -- ufs-mount -u "a b/u'p" -w 'a b/w' "r'oot" base app
	replay_same -p prepare_two 'here root' -- ufs-mount root base app
	replay_same -p prepare_two 'here root' -- ufs-mount --ro root base
	replay_same -p prepare_two 'here_unnamed a,b/u a:b' -- ufs-mount -u 'a,b/u' -w 'a,b/w' 'a:b' base app
	replay_same -p prepare_one_mount 'here root' -- ufs-mount --umount root
	replay_same -p prepare_one_mount 'here root' -- ufs-mount --umount --lazy root
	replay_same -p prepare_one_bind 'here root' -- ufs-mount --umount root
	replay_same -p prepare_hard 'here copy' -- ufs-mount --copy copy l1 l2 l3
	replay_same -p prepare_copy 'here root' -- ufs-mount --umount --copy root
	export TACKLEBOX_FAIL=fsopen:ENOSYS
	replay_same -p prepare_two 'here up root' -- ufs-mount -u up -w wk root base app
}

# bats test_tags=anywhere
@test "the script does what the tool does in a user namespace" {
	requires overlay-user
	replay_same -u '--user --map-root-user' -p prepare_two 'here up root' -- ufs-mount -u up -w wk root base app
	replay_same -u '--user --map-root-user' -p prepare_two 'here root' -- ufs-mount --ro root base
}

@test "what -x tells is what happens" {
	requires root overlay strace
	cd "$T" && two_layers
	chown 1000 app
	told_same -- ufs-mount -u up -w wk root base app
	told_same -- ufs-mount --umount root
	told_same -- ufs-mount --ro root base
	told_same -- ufs-mount --umount root
	rm -r up wk root run
	mkdir 'od,d' && told_same -- ufs-mount 'root' 'od,d' base
	ufs-mount --umount root && rmdir root
	hard_layers trusted
	told_same -l mkdir -l symlink -l link -l mknod -- ufs-mount --copy copy l1 l2 l3
	told_same -- ufs-mount --umount --copy copy
}

clean_walk() { nothing_made; }

# bats test_tags=anywhere
@test "any step may fail: nothing is left" {
	requires root overlay
	cd "$T" && two_layers && chown 1000 app && remember
	faults_walk clean_walk -- ufs-mount -u up -w wk root base app
	((faults > 10)) || fail "only $faults steps"
	ufs-mount --umount root && rm -rf up wk root run
	faults_walk clean_walk -- ufs-mount root base app
	ufs-mount --umount root && rmdir root
	faults_walk clean_walk -- ufs-mount --ro root base
	ufs-mount --umount root && rm -r root
	ufs-mount -n root base app >script && rm script
	hard_layers trusted && remember
	faults_walk -e ENOSPC clean_walk -- ufs-mount --copy root l1 l2 l3
	((faults > 60)) || fail "only $faults steps"
	ufs-mount --umount --copy root
	# By the older call, by names and by numbers.
	mkdir 'a,b' && remember
	local n
	for n in base 'a,b'; do
		for fail in chdir mount; do
			[[ $n$fail != basechdir ]] || continue
			TACKLEBOX_FAIL=fsopen:ENOSYS,$fail:EIO run -1 ufs-mount -u up -w wk root app "$n"
			assert_error ufs-mount '* (EIO)'
			nothing_made
		done
	done
}

# bats test_tags=anywhere
@test "a result that cannot be written is a failure, and the mount goes" {
	requires root overlay
	cd "$T" && two_layers && remember
	status=0
	output=$(ufs-mount -u up -w wk root base app 2>&1 >/dev/full) || status=$?
	assert_status 1
	assert_like "$output" '* standard output: * (ENOSPC)'
	nothing_made
}

@test "twenty rounds leave nothing" {
	requires root overlay
	cd "$T" && two_layers && remember
	local i mounts
	# Other tests mount things at the same time.
	mounts=$(grep -cF "$TB_DIR" /proc/self/mountinfo || :)
	for ((i = 0; i < $(rounds); i++)); do
		ufs-mount -u up -w wk root base app && touch root/x && ufs-mount --umount root && rm -r up wk root
		ufs-mount --ro root base && ufs-mount --umount root && rmdir root
		ufs-mount --copy root base app && ufs-mount --umount --copy root
	done >/dev/null
	nothing_made
	assert_eq "$mounts" "$(grep -cF "$TB_DIR" /proc/self/mountinfo || :)"
}

# bats test_tags=anywhere
@test "it loads nothing but the C library" {
	assert_eq libc.so.6 "$(readelf -d "$BIN/ufs-mount" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')"
}
