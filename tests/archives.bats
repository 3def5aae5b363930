#!/usr/bin/env bats
# bats file_tags=image
# shellcheck disable=SC2030,SC2031 # each test is a subshell of its own, as is meant
# Layers made to do harm: each is replayed against a canary beside the directory. What broke Docker,
# containerd, umoci and others once, and bombs; then Go's test archives, one by one.
load helpers
load lib/layers

setup_file() { tb_setup_file; }
teardown_file() { tb_teardown_file; }
teardown() { tb_teardown; }

setup() {
	tb_setup && cd "$T" || return
	mkdir -m 0711 canary && echo alive >canary/file && chmod 0640 canary/file
	setfattr -n user.canary -v sings canary
	dump canary -t >canary.before && stat -c '%n %a %Z' canary canary/file >>canary.before
}

# unharmed: the canary is what it was, and nothing new lies beside the directory d.
unharmed() {
	{ dump canary -t && stat -c '%n %a %Z' canary canary/file; } | diff canary.before - ||
		fail "the canary was touched" || return
	local extra
	extra=$(find . -mindepth 1 -maxdepth 1 ! -name canary ! -name canary.before ! -name d ! -name lower ! -name 'l.*')
	[[ ! $extra ]] || fail "lies outside: $extra"
}

# refused GLOB <LINES: the layer is refused with that message, the canary unharmed.
refused() {
	rm -rf d
	mktar >l.tar
	run -1 ufs-apply d <l.tar
	assert_error ufs-apply "$1" && unharmed && [[ ! -e d ]] || return
	run -1 ufs-apply --flat d <l.tar
	assert_error ufs-apply "$1" && unharmed
}

# confined <LINES: the layer is taken, the canary unharmed; d holds what it made.
confined() {
	mktar >l.tar
	rm -rf d
	run -0 ufs-apply --flat d <l.tar
	unharmed || return
	rm -rf d
	run -0 ufs-apply d <l.tar
	unharmed
}

@test "names that lead out by .. are refused, or stay inside" {
	refused "cannot use the name ../x: it leads outside" <<<'{"name":"../x"}'
	refused "cannot use the name a/../../x: it leads outside" <<<'{"name":"a/../../x"}'
	refused "cannot use the name ../: it leads outside" <<<'{"name":"..","type":"5"}'
	refused "cannot use the name ../canary/.wh.file: it leads outside" <<<'{"name":"../canary/.wh.file"}'
	confined <<<$'{"name":"/../../../canary/file","data":"x"}\n{"name":"'"$T"'/canary/file","data":"x"}'
	[[ -f d/canary/file && -f d$T/canary/file ]]
}

@test "a symlink of the layer's own does not lead out: files, directories, whiteouts below it" {
	confined <<-E
		{"name":"abs","type":"2","link":"$T/canary"}
		{"name":".$T/canary/","type":"5"}
		{"name":"abs/file","data":"x"}
		{"name":"abs/sub/new","data":"x"}
		{"name":"abs/.wh.file"}
		{"name":"abs/.wh..wh..opq"}
	E
	[[ -f d$T/canary/sub/new ]]
	refused "cannot make up/file: its parent up is a symbolic link that leads to no directory" <<-'E'
		{"name":"up","type":"2","link":"../canary"}
		{"name":"up/file","data":"x"}
	E
	refused "cannot make far/canary/file: *" <<-'E'
		{"name":"far","type":"2","link":"../../../../../../../.."}
		{"name":"far/canary","type":"2","link":"nowhere"}
		{"name":"far/canary/file","data":"x"}
	E
}

@test "a chain of symlinks, and one that loops" {
	refused "cannot make a/file: its parent a is a symbolic link that leads to no directory" <<-E
		{"name":"c","type":"2","link":"$T/canary"}
		{"name":"b","type":"2","link":"c"}
		{"name":"a","type":"2","link":"b"}
		{"name":"a/file","data":"x"}
	E
	refused "cannot open the parent directory of a/file: Too many levels of symbolic links (ELOOP)" <<-'E'
		{"name":"a","type":"2","link":"b"}
		{"name":"b","type":"2","link":"a"}
		{"name":"a/file","data":"x"}
	E
}

@test "a symlink at the end of a name is replaced, not followed" {
	confined <<-E
		{"name":"f","type":"2","link":"$T/canary/file"}
		{"name":"f","data":"overwritten","mode":511}
		{"name":"g","type":"2","link":"../canary"}
		{"name":"g/","type":"5","mode":511,"mtime":1,"pax":{"SCHILY.xattr.user.canary":"silent"}}
		{"name":"g/file","data":"x"}
		{"name":"h","type":"2","link":"../canary/file","mode":511,"mtime":1,"uid":5}
	E
	[[ ! -L d/f && -d d/g && ! -L d/g ]]
}

@test "what lies in the directory already does not lead out either" {
	mkdir d && ln -s ../canary d/up && ln -s "$T/canary/file" d/f && ln -s "$T/canary" d/dir
	mktar >l.tar <<<$'{"name":"f","data":"x"}\n{"name":".wh.up"}\n{"name":"dir/","type":"5","mode":511}'
	run -0 ufs-apply --flat d <l.tar
	unharmed
	[[ ! -L d/f && ! -e d/up && ! -L d/dir ]]
}

@test "hard links to outside: by .., absolute, by a symlink, to a symlink" {
	refused "hard link h: cannot use the name ../canary/file: it leads outside" <<<'{"name":"h","type":"1","link":"../canary/file"}'
	refused "cannot make hard link h: its target *canary/file is not in this layer" \
		<<<"{\"name\":\"h\",\"type\":\"1\",\"link\":\"$T/canary/file\"}"
	refused "cannot make hard link h: its target s/file is not in this layer" <<-E
		{"name":"s","type":"2","link":"$T/canary"}
		{"name":"h","type":"1","link":"s/file"}
	E
	refused "cannot make h: a hard link to the top" <<<'{"name":"h","type":"1","link":"x/.."}'
	# The mode of a link's own entry goes to the link, not through the symlink it is linked to.
	confined <<-E
		{"name":"s","type":"2","link":"$T/canary/file"}
		{"name":"h","type":"1","link":"s","mode":511,"uid":7,"mtime":1}
		{"name":"h","data":"x","mode":511}
	E
	[[ -L d/s && -f d/h && ! -L d/h ]]
}

@test "lower layers do not lead out: their symlinks are not followed for hard links and parents" {
	mkdir lower && ln -s "$T/canary" lower/dir && ln -s "$T/canary/file" lower/f
	mktar >l.tar <<<'{"name":"h","type":"1","link":"dir/file"}'
	run -1 ufs-apply --lower lower d <l.tar
	assert_error ufs-apply "cannot make hard link h: its target dir/file is not in this layer, nor in those below"
	mktar >l.tar <<<$'{"name":"h","type":"1","link":"f"}\n{"name":"dir/x"}'
	run -0 ufs-apply --lower lower d <l.tar
	unharmed
	[[ -L d/h && -L d/f && -d d/dir && ! -L d/dir ]]
}

@test "the top can only be a directory" {
	refused "cannot make ./: the top of a layer can only be a directory" <<<"{\"name\":\"./\",\"type\":\"2\",\"link\":\"$T/canary\"}"
	refused "cannot make /: the top of a layer can only be a directory" <<<'{"name":"/","type":"1","link":"x"}'
	refused "cannot make a/..: the top of a layer can only be a directory" <<<'{"name":"a/..","data":"x"}'
	refused "cannot make an entry without a name: the top of a layer can only be a directory" <<<'{"name":"","data":"x"}'
}

@test "whiteouts with strange names" {
	mkdir -p d/a && : >d/a/kept
	for name in .wh. .wh.. .wh... a/.wh. a/.wh.. a/.wh...; do
		mktar >l.tar <<<"{\"name\":\"$name\"}"
		run -1 ufs-apply --flat d <l.tar
		assert_error ufs-apply "cannot apply the whiteout $name: it names a directory by itself"
		unharmed
		[[ -f d/a/kept ]]
	done
	# aufs's book-keeping is passed over, with all that is in it.
	mktar >l.tar <<<$'{"name":".wh..wh.aufs"}\n{"name":".wh..wh.plnk/","type":"5"}\n{"name":".wh..wh.plnk/1.2","data":"x"}\n{"name":"a/.wh..wh.x"}'
	run -0 ufs-apply --flat d <l.tar
	assert_eq $'d\nd/a\nd/a/kept' "$(find d | sort)"
	mktar >l.tar <<<'{"name":".wh.a/b","data":"x"}'
	run -1 ufs-apply --flat d <l.tar
	assert_error ufs-apply "cannot make .wh.a/b: a whiteout has nothing below it"
	# Of any type, a whiteout makes nothing of its own.
	mktar >l.tar <<<$'{"name":"a/.wh.kept","type":"2","link":"../../canary"}\n{"name":".wh.q","type":"5"}'
	run -0 ufs-apply --flat d <l.tar
	assert_eq $'d\nd/a' "$(find d | sort)"
	unharmed
}

@test "devices: 0:0 is the whiteout it would be, numbers that are none are refused" {
	requires root
	mktar >l.tar <<<$'{"name":"x","type":"3"}\n{"name":"d/","type":"5"}\n{"name":"d","type":"3"}'
	run -0 ufs-apply d <l.tar
	assert_whiteout d/x
	[[ -d d/d ]]
	opaque d/d
	refused "cannot make x: there is no device 5000:1" <<<'{"name":"x","type":"3","major":5000,"minor":1}'
	refused "cannot make x: its owner 4294967295:0 is no id" <<<'{"name":"x","uid":4294967295}'
	refused "cannot make x: its owner 0:-2 is no id" <<<'{"name":"x","pax":{"gid":"-2"}}'
	# A fifo of the same name is not opened and waited for.
	confined <<<$'{"name":"p","type":"6"}\n{"name":"p","data":"x"}'
}

@test "overlay's attributes come from us alone" {
	requires root
	confined <<-'E'
		{"name":"./","type":"5","pax":{"SCHILY.xattr.trusted.overlay.opaque":"y"}}
		{"name":"d/","type":"5","pax":{"SCHILY.xattr.trusted.overlay.redirect":"/etc","SCHILY.xattr.user.overlay.opaque":"y"}}
		{"name":"f","pax":{"SCHILY.xattr.trusted.overlay.metacopy":"","SCHILY.xattr.user.overlay.whiteout":"y","SCHILY.xattr.user.kept":"1"}}
	E
	assert_eq "user.kept" "$(getfattr -R -h -m - d 2>/dev/null | grep -v '^#' | grep .)"
}

@test "no program is run to decompress, whatever PATH says" {
	mkdir evil && for p in xz gzip unpigz bzip2 zstd lzop lrzip grzip unxz; do
		printf '#!/bin/sh\ntouch %s/ran\n' "$T" >evil/$p && chmod +x evil/$p
	done
	mktar <<<'{"name":"f"}' >l.tar && xz -k l.tar && gzip -k l.tar
	for f in l.tar.xz l.tar.gz; do
		rm -rf d
		PATH=$T/evil:$PATH run -0 ufs-apply d <$f
		[[ -f d/f && ! -e ran ]]
	done
	# Forms that libarchive has no code for are not handed to others.
	printf '\x89LZO\x00\x0d\x0a\x1a\x0a%0600d' 0 >l.lzo
	PATH=$T/evil:$PATH run -1 ufs-apply e <l.lzo
	assert_error ufs-apply "cannot read the tar*"
	[[ ! -e ran ]]
}

# small CMD…: with little memory. The sanitizers' shadow would not fit.
small() {
	if nm "$BIN/ufs-apply" | grep -q __asan_init; then
		"$@"
	else
		(ulimit -v $((96 * 1024)) && "$@")
	fi
}

@test "bombs: 1 GiB of zeros in a megabyte streams, and a limit stops it" {
	# Gzip members in a row: the header, 64 times 16 MiB, the end.
	python3 -c 'import sys, tarfile; t = tarfile.TarInfo("zeros"); t.size = 1 << 30
sys.stdout.buffer.write(t.tobuf())' | gzip >l.gz
	head -c 16M /dev/zero | gzip >l.part
	for ((i = 0; i < 64; i++)); do cat l.part; done >>l.gz
	head -c 1024 /dev/zero | gzip >>l.gz
	run -1 small ufs-apply --max-size 8M d <l.gz
	assert_error ufs-apply "cannot write zeros: the layer has more than 8388608 bytes"
	[[ ! -e d ]]
	run -0 small ufs-apply --diff-id d <l.gz
	assert_eq 1073741824 "$(stat -c %s d/zeros)"
	rm -rf d
}

@test "bombs: a pax header of gigabytes, a map without end, headers without entries" {
	python3 - >l.tar <<-'E'
		import sys, tarfile
		t = tarfile.TarInfo("x"); t.type = b"x"; t.size = 4 << 30
		sys.stdout.buffer.write(t.tobuf())
	E
	run -1 small ufs-apply d < <(cat l.tar; head -c 100M /dev/zero)
	assert_error ufs-apply "cannot read the tar at byte 0: a header's extension is larger than 1 MiB"
	python3 - >l.tar <<-'E'
		import sys, tarfile
		body = b"30 GNU.sparse.major=1\n"
		def rec(k, v):
		    s = b" " + k + b"=" + v + b"\n"; n = len(s)
		    while n != len(str(n)) + len(s): n = len(str(n)) + len(s)
		    return str(n).encode() + s
		body = rec(b"GNU.sparse.major", b"1") + rec(b"GNU.sparse.minor", b"0") + rec(b"GNU.sparse.realsize", b"99999999")
		h = tarfile.TarInfo("x"); h.type = b"x"; h.size = len(body)
		f = tarfile.TarInfo("f"); f.size = 64 << 20
		out = sys.stdout.buffer
		out.write(h.tobuf() + body + b"\0" * (-len(body) % 512) + f.tobuf() + b"9000000\n" + b"1\n0\n" * 9000000)
	E
	run -1 small ufs-apply d <l.tar
	assert_error ufs-apply "cannot read the tar at byte *: a map of holes has more than a million entries"
	mktar <<<'{"name":"g","type":"g","repeat":50000}' >l.tar
	run -0 small ufs-apply d <l.tar
	mktar <<<'{"name":"L","type":"L","data":"x","repeat":50000}' >l.tar
	run -1 small ufs-apply e <l.tar
	assert_error ufs-apply "cannot read the tar at byte *: a special header with nothing behind it"
}

@test "bombs: 20,000 files and 20,000 directories, one name 20,000 times, in little memory and time" {
	mktar <<<'{"name":"d%d/f","repeat":20000}' >l.tar
	run -0 small timeout 60 ufs-apply d <l.tar
	assert_eq 20000 "$(find d -type f -printf x | wc -c)"
	mktar <<<$'{"name":"f","data":"%d","repeat":20000}\n{"name":"f","type":"5"}\n{"name":"f/x"}' >l.tar
	run -0 small timeout 60 ufs-apply e <l.tar
	mktar <<<$'{"name":"d/.wh.%d","repeat":20000}\n{"name":"d/.wh..wh..opq"}' >l.tar
	run -0 small timeout 60 ufs-apply f <l.tar
	mktar <<<'{"name":"h%d","type":"1","link":"late","repeat":5000}' >l.tar
	run -1 small timeout 60 ufs-apply g <l.tar
	rm -rf d e f
}

@test "names with control characters never reach the terminal raw" {
	refused 'cannot use the name ../?x1b?0;x?x07?n: it leads outside' <<<'{"name":"../\u001b]0;x\u0007\n"}'
}

# Go's archives: what each holds as Go's archive/tar reads it, or that it is refused. Only facts:
# names, types, modes, owners, sizes, times.
@test "Go's test archives are read as Go reads them" {
	requires root
	local data=("/usr/share/go-"*/src/archive/tar/testdata)
	[[ -d ${data[0]} ]] || tb_skip "needs golang-src"
	cp "${data[0]}"/*.tar* . || return
	for f in *.tar*; do
		rm -rf d
		echo "== $f"
		if timeout 20 "$BIN/ufs-apply" d <"$f" >out 2>&1; then
			go_entries d
		elif [[ $(wc -l <out) == 1 && ! -e d ]]; then
			echo "refused"
		else
			cat out
		fi
	done >got
	diff "$TB_TESTS/golden/go-tar.txt" got || fail "not as Go reads them"
}

# go_entries DIR: a line an entry; long names are cut, sparse sizes are real ones.
go_entries() {
	python3 - "$1" <<-'E'
		import os, stat, sys
		top = os.fsencode(sys.argv[1])
		for d, dirs, files in os.walk(top):
		    dirs.sort()
		    for n in sorted(dirs + files):
		        p = os.path.join(d, n); s = os.lstat(p)
		        if stat.S_ISDIR(s.st_mode) and s.st_mode & 0o777 == 0o755 and s.st_uid == 0:
		            continue  # a parent without an entry
		        size = "" if stat.S_ISDIR(s.st_mode) else s.st_size
		        link = os.readlink(p)[:40].decode() if stat.S_ISLNK(s.st_mode) else ""
		        name = os.path.relpath(p, top)
		        what = "%o %d:%d %s %d.%09d %s%s %s" % (s.st_mode, s.st_uid, s.st_gid, size,
		              *divmod(s.st_mtime_ns, 10**9), ascii(name[:40])[1:],
		              "" if len(name) <= 40 else "+%d" % (len(name) - 40), link)
		        print(" ".join(what.split()))
	E
}
