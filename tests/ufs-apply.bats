#!/usr/bin/env bats
# bats file_tags=image
# shellcheck disable=SC2030,SC2031 # each test is a subshell of its own, as is meant
# ufs-apply: everything a layer can say, in overlay's form and flat, by root and in a user namespace.
# What layers must not be able to do stands in archives.bats.
load helpers
load lib/layers

setup_file() { tb_setup_file; }
teardown_file() { tb_teardown_file; }
setup() { tb_setup && cd "$T" || return; }
teardown() { tb_teardown; }

# A tree of ordinary things in the directory $1.
plain_tree() {
	mkdir -p "$1/usr/bin" "$1/etc" "$1/empty"
	echo root:x:0:0::/root:/bin/sh >"$1/etc/passwd"
	echo '#!/bin/sh' >"$1/usr/bin/tool" && chmod 0755 "$1/usr/bin/tool"
	ln "$1/usr/bin/tool" "$1/usr/bin/hard"
	ln -s usr/bin "$1/bin"
	mkfifo "$1/fifo"
	chmod 01777 "$1/empty"
	touch -h -d '2001-02-03 04:05:06.123456789' "$1"/*
	touch -d '1969-12-31 23:59:58.5 UTC' "$1/etc/passwd"
}

@test "a plain tar gives what tar x gives" {
	plain_tree src
	tar -C src --format=pax --xattrs -c . >layer.tar
	run -0 ufs-apply dir <layer.tar
	assert_eq "" "$output"
	assert_same_tree src dir
}

@test "every compression that is built in, by its first bytes alone" {
	plain_tree src
	tar -C src -c . >layer.tar
	mkdir want && tar -C want -xpf layer.tar
	requires gzip bzip2 xz zstd
	gzip -c layer.tar >l.gz && bzip2 -c layer.tar >l.bz2 && xz -c layer.tar >l.xz
	xz --format=lzma -c layer.tar >l.lzma && zstd -q -c layer.tar >l.zst
	! command -v lz4 >/dev/null || { lz4 -q -c layer.tar >l.lz4 && lz4 -l -q -c layer.tar >l.lz4old; }
	! command -v lzip >/dev/null || lzip -c layer.tar >l.lz
	! command -v compress >/dev/null || compress -c layer.tar >l.Z
	# Two gzip members in a row, and what pigz and estargz leave behind: an empty one.
	{ head -c 3000 layer.tar | gzip; tail -c +3001 layer.tar | gzip; gzip </dev/null; } >l.two
	# zstd's chunked layers begin and end in frames that hold nothing.
	{ printf '\x50\x2a\x4d\x18\x04\0\0\0skip'; cat l.zst; printf '\x5f\x2a\x4d\x18\x04\0\0\0skip'; } >l.frames
	for f in l.*; do
		rm -rf dir
		run -0 ufs-apply dir <"$f"
		assert_same_tree want dir || fail "$f"
	done
	# Bytes that come one by one.
	rm -rf dir
	run -0 sh -c 'dd bs=1 if=l.gz 2>/dev/null | ufs-apply dir'
	assert_same_tree want dir
}

@test "--diff-id is the digest of the plain tar, whatever it came in" {
	plain_tree src
	tar -C src -c . >layer.tar
	want=sha256:$(sha256sum layer.tar | cut -d' ' -f1)
	run -0 ufs-apply --diff-id a <layer.tar
	assert_eq "$want" "$output"
	gzip layer.tar
	run -0 ufs-apply --diff-id b <layer.tar.gz
	assert_eq "$want" "$output"
}

@test "whiteouts become devices 0:0, opaque directories a mark" {
	mktar >l.tar <<-'E'
		{"name":"etc/.wh.gone"}
		{"name":"var/","type":"5","mode":448}
		{"name":"var/.wh..wh..opq"}
		{"name":"var/new","data":"x"}
	E
	run -0 ufs-apply d <l.tar
	assert_whiteout d/etc/gone
	opaque d/var || fail "var is not opaque"
	assert_eq "gone" "$(ls d/etc)"
	assert_eq "new" "$(ls -A d/var)"
	assert_eq 700 "$(stat -c %a d/var)"
}

@test "overlay sees what the layer says" {
	requires root overlay
	mkdir -p base/a/sub base/b base/c && echo 1 >base/a/f && echo 2 >base/b/f && echo 3 >base/c/f
	mktar >l.tar <<-'E'
		{"name":"./","type":"5"}
		{"name":"a/.wh.f"}
		{"name":"b/.wh..wh..opq"}
		{"name":"b/own"}
		{"name":".wh.c"}
		{"name":"c/","type":"5"}
		{"name":"c/mine"}
	E
	run -0 ufs-apply --lower base l <l.tar
	mkdir m && mount -t overlay overlay -o lowerdir=l:base m
	run -0 sh -c 'cd m && find . -mindepth 1 | sort'
	umount m
	assert_eq $'./a\n./a/sub\n./b\n./b/own\n./c\n./c/mine' "$output"
}

@test "an opaque top hides every name below" {
	requires root overlay
	mkdir -p base/a base/both && echo 1 >base/f && : >base/both/old
	mktar >l.tar <<<$'{"name":".wh..wh..opq"}\n{"name":"both/new"}'
	run -0 ufs-apply --lower base l <l.tar
	mkdir m && mount -t overlay overlay -o lowerdir=l:base m
	run -0 sh -c 'cd m && find . -mindepth 1 | sort'
	umount m
	assert_eq $'./both\n./both/new' "$output"
}

@test "a whiteout does not touch its own layer, in either order" {
	mktar >l.tar <<-'E'
		{"name":"f","data":"1"}
		{"name":".wh.f"}
		{"name":".wh.g"}
		{"name":"g","data":"2"}
		{"name":"d/","type":"5"}
		{"name":"d/x"}
		{"name":".wh.d"}
		{"name":".wh.e"}
		{"name":"e/x"}
	E
	run -0 ufs-apply l <l.tar
	assert_eq 12 "$(cat l/f l/g)"
	[[ -f l/d/x && -f l/e/x ]]
	opaque l/d && opaque l/e || fail "what replaces a deleted directory hides it"
}

@test "parents without an entry take after the lower layers, the topmost that has them" {
	mkdir -p l1/srv/www l2/srv && chmod 0750 l1/srv && chmod 02711 l2/srv && chmod 0700 l1/srv/www
	setfattr -n user.who -v me l2/srv
	((EUID)) || chown 7:8 l2/srv
	chmod 0711 l2 && touch -d 2002-02-02 l2
	touch -d 2001-01-01 l2/srv
	mktar >l.tar <<<'{"name":"srv/www/other/f","mtime":5}'
	run -0 ufs-apply --lower l1 --lower l2 d <l.tar
	assert_eq "$(stat -c '%a %u:%g %Y' l2/srv)" "$(stat -c '%a %u:%g %Y' d/srv)"
	assert_eq me "$(getfattr --only-values -n user.who d/srv)"
	assert_eq "$(stat -c '%a %Y' l1/srv/www)" "$(stat -c '%a %Y' d/srv/www)"
	assert_eq "$(stat -c '%a %Y' l2)" "$(stat -c '%a %Y' d)"
	assert_eq "755 5" "$(stat -c '%a %Y' d/srv/www/other)"
	# Unknown, or hidden by the layer itself: the usual mode.
	run -0 ufs-apply e <l.tar
	assert_eq 755 "$(stat -c %a e/srv)"
	mktar >o.tar <<<$'{"name":"srv/.wh..wh..opq"}\n{"name":"srv/www/f"}'
	run -0 ufs-apply --lower l1 f <o.tar
	assert_eq "750 755" "$(stat -c %a f/srv f/srv/www | xargs)"
}

@test "a hard link to a file of a lower layer copies it up" {
	mkdir -p l1/a l2 && echo content >l1/a/file && chmod 04750 l1/a && chmod 04755 l1/a/file
	touch -d '2003-03-03 03:03:03.333' l1/a/file
	mktar >l.tar <<<$'{"name":"b/link","type":"1","link":"a/file"}\n{"name":"b/again","type":"1","link":"b/link"}'
	run -0 ufs-apply --lower l1 --lower l2 d <l.tar
	assert_eq 3 "$(stat -c %h d/a/file)"
	assert_eq "$(stat -c '%i' d/a/file)" "$(stat -c '%i' d/b/link)"
	assert_eq "$(stat -c '%a %Y %s' l1/a/file)" "$(stat -c '%a %Y %s' d/b/again)"
	assert_eq 4750 "$(stat -c %a d/a)"
	assert_eq 1 "$(stat -c %h l1/a/file)"
	# Hidden by a layer in between, or not there at all.
	mknod l2/a c 0 0
	run -1 ufs-apply --lower l1 --lower l2 e <l.tar
	assert_error ufs-apply "cannot make hard link b/link: its target a/file is not in this layer, nor in those below"
	run -1 ufs-apply e <l.tar
	assert_error ufs-apply "cannot make hard link b/link: its target a/file is not in this layer"
	[[ ! -e e ]]
}

@test "hard links: to symlinks, forward, to themselves, twice" {
	mktar >l.tar <<-'E'
		{"name":"late","type":"1","link":"z"}
		{"name":"s","type":"2","link":"z"}
		{"name":"hs","type":"1","link":"s"}
		{"name":"z","data":"zz"}
		{"name":"z","type":"1","link":"./z"}
		{"name":"y","type":"1","link":"/z"}
		{"name":"y","type":"1","link":"x/../z"}
	E
	run -0 ufs-apply d <l.tar
	assert_eq zz "$(cat d/z)"
	assert_eq 3 "$(stat -c %h d/z)"
	assert_eq "symbolic link 2" "$(stat -c '%F %h' d/hs)"
}

@test "the last of several entries wins, whatever its type" {
	mktar >l.tar <<-'E'
		{"name":"a","data":"file"}
		{"name":"a/","type":"5","mode":493}
		{"name":"a/sub/deep","data":"x"}
		{"name":"b/c/d","data":"x"}
		{"name":"b","type":"2","link":"nowhere"}
		{"name":"c","type":"2","link":"a"}
		{"name":"c","data":"new"}
		{"name":"p","type":"6"}
		{"name":"p","data":"now a file"}
		{"name":"t/","type":"5","mode":448,"mtime":7}
		{"name":"t/x"}
		{"name":"t/","type":"5","mode":493,"mtime":9}
	E
	run -0 ufs-apply d <l.tar
	[[ -f d/a/sub/deep && -L d/b && -f d/c && -f d/p ]]
	assert_eq new "$(cat d/c)"
	assert_eq "755 9" "$(stat -c '%a %Y' d/t)"
}

@test "setuid, capabilities and attributes survive the owner; overlay's attributes are dropped" {
	requires root
	mktar >l.tar <<-'E'
		{"name":"su","mode":2541,"uid":12,"gid":34,"data":"x","pax":{"SCHILY.xattr.security.capability":"\u0001\u0000\u0000\u0002\u0000 \u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000"}}
		{"name":"f","pax":{"SCHILY.xattr.user.empty":"","SCHILY.xattr.user.bin":"a\nb\u0000c","SCHILY.xattr.trusted.overlay.opaque":"y","SCHILY.xattr.user.overlay.whiteout":"y"}}
		{"name":"d/","type":"5","pax":{"SCHILY.xattr.trusted.overlay.opaque":"y","SCHILY.xattr.trusted.overlay.redirect":"/etc","SCHILY.xattr.user.dir":"1"}}
		{"name":"s","type":"2","link":"x","pax":{"SCHILY.xattr.trusted.on":"link"}}
	E
	run -0 ufs-apply d <l.tar
	assert_eq "4755 12:34" "$(stat -c '%a %u:%g' d/su)"
	assert_like "$(getcap d/su 2>/dev/null || getfattr -n security.capability d/su)" "*cap*"
	assert_eq "610a620063" "$(getfattr -e hex -n user.bin d/f | sed -n 's/user.bin=0x//p')"
	assert_eq 'user.empty=0x' "$(getfattr -e hex -n user.empty d/f | grep '^user' | sed 's/=""/=0x/')"
	assert_eq "" "$(getfattr -R -h -d -m overlay d 2>/dev/null)"
	assert_eq 1 "$(getfattr --only-values -n user.dir d/d)"
	assert_eq link "$(getfattr -h --only-values -n trusted.on d/s)"
}

@test "the default ACL of a directory is not inherited by what comes with it" {
	requires root setfacl
	mkdir -p src/d && : >src/d/f && chmod 0640 src/d/f && setfacl -d -m u:5:rwx src/d
	ufs-diff src | ufs-apply d
	assert_same_tree src d
	assert_like "$(getfacl -n -p d/d)" "*default:user:5:rwx*"
	assert_eq 640 "$(stat -c %a d/d/f)"
}

@test "times: nanoseconds, before 1970, of symlinks, of directories that are filled later" {
	mktar >l.tar <<-'E'
		{"name":"d/","type":"5","mode":320,"mtime":11}
		{"name":"d/e/","type":"5","pax":{"mtime":"12.000000001"}}
		{"name":"d/e/f","pax":{"mtime":"-1.25"}}
		{"name":"d/s","type":"2","link":"q","pax":{"mtime":"1234567890.98765432199"}}
		{"name":"d/e/g","pax":{"mtime":"9000000000.5"}}
	E
	run -0 ufs-apply x <l.tar
	assert_eq "11.000000000 500" "$(stat -c '%.9Y %a' x/d)"
	assert_eq 12.000000001 "$(stat -c %.9Y x/d/e)"
	assert_eq -1.250000000 "$(stat -c %.9Y x/d/e/f)"
	assert_eq 1234567890.987654321 "$(stat -c %.9Y x/d/s)"
	assert_eq 9000000000.500000000 "$(stat -c %.9Y x/d/e/g)"
}

@test "names are bytes: composed and decomposed, not UTF-8, newlines, long ones of both kinds" {
	long=$(printf 'l%.0s' {1..180})
	mkdir -p "src/$long/$long" src/$'new\nline' && : >src/$'caf\xc3\xa9' && : >src/$'cafe\xcc\x81'
	: >src/$'\xff\xfe' && : >"src/$long/$long/f" && : >src/$'new\nline/tab\t'
	ln -s "$long/$long/f" src/link && ln "src/$long/$long/f" src/hard
	ln -s "$(printf 'x/%.0s' {1..300})" src/far
	for format in gnu pax; do
		tar -C src --format=$format -c . >l.tar
		rm -rf d
		run -0 ufs-apply d <l.tar
		mkdir -p want.$format && tar -C want.$format -xpf l.tar
		assert_same_tree want.$format d
	done
	[[ -e d/$'caf\xc3\xa9' && -e d/$'cafe\xcc\x81' && -e d/$'\xff\xfe' ]]
	# pax writes all three as records when they are long.
	mktar >p.tar <<-'E'
		{"name":"short","pax":{"path":"a/cafe\u0301"}}
		{"name":"short","pax":{"path":"a/caf\u00e9"}}
		{"name":"short","pax":{"path":"a/\udcff"}}
	E
	run -0 ufs-apply p <p.tar
	assert_eq 3 "$(find p/a -type f -printf x | wc -c)"
	[[ -e p/a/$'cafe\xcc\x81' && -e p/a/$'\xff' ]]
}

@test "names: ./, doubled and trailing slashes, absolute, dots, too long" {
	mktar >l.tar <<-'E'
		{"name":"./","type":"5","mode":489,"mtime":3}
		{"name":"./a//b/","type":"5"}
		{"name":"/abs"}
		{"name":"x/../y/./z"}
		{"name":"/../up"}
	E
	run -0 ufs-apply d <l.tar
	assert_eq $'a\na/b\nabs\nup\ny\ny/z' "$(cd d && find . -mindepth 1 -printf '%P\n' | sort)"
	assert_eq "751 3" "$(stat -c '%a %Y' d)"
	n=$(printf 'n%.0s' {1..256})
	mktar >l.tar <<<"{\"name\":\"q\",\"pax\":{\"path\":\"a/$n\"}}"
	run -1 ufs-apply e <l.tar
	assert_error ufs-apply "cannot make a/nn*: File name too long (ENAMETOOLONG)"
	deep=$(printf 'd/%.0s' {1..2000})
	mktar >l.tar <<<"{\"name\":\"q\",\"pax\":{\"path\":\"${deep}f\"}}"
	(ulimit -n 32 && ufs-apply deep <l.tar)
	[[ $(find deep | tail -n 1) == deep/d/d/* ]]
	mktar >l.tar <<<"{\"name\":\"q\",\"pax\":{\"path\":\"$deep${deep}f\"}}"
	run -1 ufs-apply deeper <l.tar
	assert_error ufs-apply "cannot make d/d/*: File name too long (ENAMETOOLONG)"
	[[ ! -e deeper ]]
}

@test "sparse files keep their holes in every form; 8 EiB are only a size" {
	truncate -s 10M holes && printf data | dd of=holes bs=1 seek=5000000 conv=notrunc status=none
	printf end >>holes
	tar -S --format=gnu -c holes >gnu.tar
	for v in 0.0 0.1 1.0; do tar -S --format=pax --sparse-version=$v -c holes >$v.tar; done
	for f in gnu 0.0 0.1 1.0; do
		run -0 ufs-apply $f <$f.tar
		cmp holes $f/holes
		(($(stat -c %b $f/holes) < 100)) || fail "$f has no holes"
	done
	mktar >big.tar <<<'{"name":"big","data":"3\n0\n1\n","pax":{"GNU.sparse.major":"1","GNU.sparse.minor":"0","GNU.sparse.name":"big","GNU.sparse.realsize":"9223372036854775807"}}'
	run -1 ufs-apply big <big.tar
	assert_error ufs-apply "cannot read the tar at byte*: a map of holes is damaged"
	# The map is one block that says: no span at all.
	python3 -c 'import json; print(json.dumps({"name": "x", "data": "0\n" + "\0" * 510, "pax": {
		"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "big",
		"GNU.sparse.realsize": str(2**63 - 1)}}))' | mktar >big2.tar
	if [[ $(stat -f -c %T .) == tmpfs ]]; then
		run -0 ufs-apply big <big2.tar
		assert_eq "9223372036854775807 0" "$(stat -c '%s %b' big/big)"
		run -0 sh -c 'timeout 60 ufs-diff big | wc -c'
		((output < 10000))
	fi
}

@test "--flat: what is deleted goes, what the layer brings stays" {
	mkdir -p d/a d/b/sub d/c d/keep && : >d/f && : >d/a/x && : >d/b/x && : >d/b/sub/y && : >d/c/x
	mktar >l.tar <<-'E'
		{"name":".wh.f"}
		{"name":"b/","type":"5"}
		{"name":"b/sub/new"}
		{"name":"b/.wh..wh..opq"}
		{"name":".wh.c"}
		{"name":"c/own"}
		{"name":"a/.wh.never"}
	E
	run -0 ufs-apply --flat d <l.tar
	assert_eq $'a\na/x\nb\nb/sub\nb/sub/new\nc\nc/own\nkeep' "$(cd d && find . -mindepth 1 -printf '%P\n' | sort)"
	assert_eq "" "$(getfattr -R -h -d -m overlay d 2>/dev/null)"
	run -2 ufs-apply --flat --lower d e <l.tar
	assert_like "$output" "ufs-apply: --flat has no --lower*"
}

@test "flat and merged layers show what overlay shows" {
	requires root overlay
	for ((seed = 1; seed <= ($(rounds) + 3) / 4; seed++)); do
		rm -rf one two three flat both shown && mkdir flat both shown
		grow one $seed && grow_upper two $seed.2 && grow_upper three $seed.3
		for l in two three; do ufs-diff $l >$l.tar && rm -rf $l; done
		ufs-apply --lower one two <two.tar && ufs-apply --lower one --lower two three <three.tar
		cp -a one/. flat
		ufs-apply --flat flat <two.tar && ufs-apply --flat flat <three.tar
		ufs-apply --lower one both <two.tar && ufs-apply --lower one both <three.tar
		mkdir m
		mount -t overlay overlay -o lowerdir=three:two:one,xino=off,redirect_dir=off m
		cp -a m/. shown
		umount m
		assert_same_tree shown flat -t || fail "seed $seed: flat"
		mount -t overlay overlay -o lowerdir=both:one,xino=off,redirect_dir=off m
		rm -rf shown && mkdir shown && cp -a m/. shown
		umount m && rmdir m
		assert_same_tree flat shown -t || fail "seed $seed: merged"
	done
}

@test "an ordinary user: owners need a user namespace, or to be left alone" {
	mktar >l.tar <<<$'{"name":"f","uid":0}\n{"name":"su","uid":0,"mode":2541}\n{"name":"d/","type":"5","mode":320}\n{"name":"d/x"}'
	chmod 0755 . && as_nobody true
	home=$T/nobody; ((EUID == 0)) || home=$T
	run -1 as_nobody ufs-apply "$home/d" <l.tar
	assert_error ufs-apply "cannot give f to owner 0:0: Operation not permitted (EPERM)" "*--no-same-owner*"
	[[ ! -e $home/d ]]
	run -0 as_nobody ufs-apply --no-same-owner "$home/d" <l.tar
	assert_eq "644 755 500" "$(stat -c %a "$home"/d/f "$home"/d/su "$home"/d/d | xargs)"
	[[ -f $home/d/d/x ]] || as_nobody test -f "$home/d/d/x"
}

@test "in a user namespace: whiteouts, user.overlay marks, no devices, unmapped owners" {
	requires userns
	mktar >l.tar <<-'E'
		{"name":"./","type":"5"}
		{"name":".wh.gone"}
		{"name":"o/.wh..wh..opq"}
		{"name":"dev/null","type":"3","major":1,"minor":3}
		{"name":"su","mode":2541}
	E
	chmod 0755 . && as_nobody true
	home=$T/nobody; ((EUID == 0)) || home=$T
	run -0 in_userns ufs-apply "$home/d" <l.tar
	assert_eq "ufs-apply: warning: left out: device dev/null: only root on the host may make it" "$output"
	assert_whiteout "$home/d/gone"
	assert_eq y "$(getfattr --only-values -n user.overlay.opaque "$home/d/o")"
	assert_eq 4755 "$(stat -c %a "$home/d/su")"
	mktar >l.tar <<<'{"name":"f","gid":42}'
	run -1 in_userns ufs-apply "$home/e" <l.tar
	assert_error ufs-apply "cannot give f to owner 0:42: Invalid argument (EINVAL)" "*newuidmap*--no-same-owner*"
	run -0 in_userns ufs-apply --no-same-owner "$home/e" <l.tar
}

@test "empty layers: no byte, the end alone, padded, compressed" {
	for n in 0 512 1024 10240; do
		head -c $n /dev/zero >l.tar
		run -0 ufs-apply d$n <l.tar
		assert_eq "" "$(ls -A d$n)$output"
		gzip -c l.tar >l.gz
		run -0 ufs-apply g$n <l.gz
	done
}

@test "what is no tar, and what is damaged, is one line, and DIR goes" {
	plain_tree src && tar -C src -c . >l.tar && gzip -c l.tar >l.gz
	echo "this is some text, not a tar" >text
	head -c 2048 /dev/urandom | tr '\037\050\102\135\004\120' x >noise
	head -c $(($(stat -c %s l.gz) / 2)) l.gz >cut.gz
	head -c 1000 l.tar >cut.tar
	{ cat l.tar; echo garbage; } >tail.tar
	{ cat l.gz; echo garbage; } >tail.gz
	{ head -c 1024 l.tar; echo broken; tail -c +1031 l.tar; } >hole.tar
	check() {
		run -1 ufs-apply d <"$1"
		assert_error ufs-apply "$2"
		[[ ! -e d ]]
	}
	check text "cannot read the tar: it ends too early, after * bytes"
	check noise "cannot read the tar: this is no tar"
	check cut.gz "*cannot decompress the stream after * bytes: *"
	check cut.tar "*cannot read the tar: it ends too early, after 1000 bytes"
	check tail.tar "cannot read the tar: something else follows its end at byte *"
	check tail.gz "cannot decompress the stream*: something else follows its end*"
	check hole.tar "cannot read the tar at byte *"
	# Cut at every block and some other places: never a crash, never success but at an entry's end.
	for ((n = 100; n < $(stat -c %s l.tar) - 10240; n += 500)); do
		head -c $n l.tar >cut.tar
		run ufs-apply d <cut.tar
		((status == 1 || (status == 0 && n % 512 == 0))) || fail "$n bytes: $status $output"
		rm -rf d
	done
}

@test "mistakes: DIR is a file, has no parent, lower is not there, is not readable, a terminal" {
	tar -c -T /dev/null >l.tar
	: >file
	run -1 ufs-apply file <l.tar
	assert_error ufs-apply "cannot open directory file: Not a directory (ENOTDIR)"
	run -1 ufs-apply no/such <l.tar
	assert_error ufs-apply "cannot make directory no/such: No such file or directory (ENOENT)"
	run -1 ufs-apply --lower nowhere d <l.tar
	assert_error ufs-apply "cannot open directory nowhere: No such file or directory (ENOENT)"
	[[ ! -e d ]]
	run -2 ufs-apply <l.tar
	assert_like "$output" "ufs-apply: DIR is missing*"
	run -2 ufs-apply a b <l.tar
	run -2 script -qec "ufs-apply d" /dev/null
	assert_like "$output" "*standard input is a terminal*"
	mkdir -p closed/sub && chmod 0700 closed && chmod 0755 . && as_nobody true
	if ((EUID == 0)); then
		run -1 as_nobody ufs-apply --lower closed/sub "$T/nobody/d" <l.tar
		assert_error ufs-apply "cannot open directory closed/sub: Permission denied (EACCES)"
	fi
	mkdir there && : >there/mine
	echo text >text
	run -1 ufs-apply there <text
	[[ -e there/mine ]]
}

@test "--max-size and --max-entries" {
	mktar >l.tar <<<$'{"name":"a","data":"12345"}\n{"name":"b","data":"67890"}'
	run -0 ufs-apply --max-size 10 --max-entries 2 ok <l.tar
	run -1 ufs-apply --max-size 9 d <l.tar
	assert_error ufs-apply "cannot write b: the layer has more than 9 bytes"
	run -1 ufs-apply --max-entries 1 d <l.tar
	assert_error ufs-apply "cannot make b: the layer has more than 1 entries"
}

@test "a full disk is one line that names the file, and nothing stays" {
	requires root
	mkdir disk && mount -t tmpfs -o size=8m tmpfs disk
	head -c 16M /dev/urandom >big && tar -c big >l.tar
	run -1 ufs-apply disk/d <l.tar
	left=$(ls -A disk)
	umount disk
	assert_error ufs-apply "cannot write big: No space left on device (ENOSPC)"
	assert_eq "" "$left"
}

@test "what is mounted below DIR is not entered" {
	requires root
	mkdir -p d/m && mount -t tmpfs tmpfs d/m && : >d/m/mine
	mktar >l.tar <<<'{"name":"m/f"}'
	run -1 ufs-apply --flat d <l.tar
	assert_error ufs-apply "cannot open the parent directory of m/f: Invalid cross-device link (EXDEV)"
	mktar >l.tar <<<'{"name":"m","data":"x"}'
	run ufs-apply --flat d <l.tar
	kept=$(ls d/m)
	umount d/m
	assert_status 1
	assert_error ufs-apply "cannot replace what is in the place of m: Device or resource busy (EBUSY)"
	assert_eq mine "$kept"
}

@test "-x tells a step a kind; -n prints commands that leave the same" {
	mktar >l.tar <<-'E'
		{"name":"./","type":"5"}
		{"name":"a/","type":"5"}
		{"name":"a/f","data":"x"}
		{"name":"a/.wh.g"}
		{"name":"o/","type":"5"}
		{"name":"o/.wh..wh..opq"}
	E
	run -0 ufs-apply -x d <l.tar
	((${#lines[@]} < 30)) || fail "too much is told"
	assert_line "#    mkdirat(parent, name, mode), 2 times"
	run -0 ufs-apply -n e
	[[ ! -e e ]]
	printf '%s\n' "$output" >script
	if ((EUID == 0)); then
		run -0 sh script <l.tar
		diff <(dump d -t) <(dump e -t)
	fi
}

@test "every step fails once: one line, and DIR is gone" {
	mktar >l.tar <<-'E'
		{"name":"d/","type":"5","mode":320}
		{"name":"d/f","data":"x","mode":2541}
		{"name":"d/h","type":"1","link":"d/f"}
		{"name":"s","type":"2","link":"x"}
		{"name":"p","type":"6"}
		{"name":".wh.w"}
		{"name":"s","data":"again"}
	E
	ufs-apply() {
		[[ ! -d $T/d ]] || rm -r "$T/d"
		command ufs-apply "$@" <"$T/l.tar"
	}
	gone() { [[ ! -e $T/d ]]; }
	faults_walk gone -- ufs-apply "$T/d"
	((faults > 15)) || fail "only $faults steps"
}
