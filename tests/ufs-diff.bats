#!/usr/bin/env bats
# bats file_tags=image
# shellcheck disable=SC2030,SC2031 # each test is a subshell of its own, as is meant
# ufs-diff: what changed, as a tar and as a list; and the round trip with ufs-apply on random trees.
load helpers
load lib/layers

setup_file() { tb_setup_file; }
teardown_file() { tb_teardown_file; }
setup() { tb_setup && cd "$T" || return; }
teardown() { tb_teardown; }

# An overlay on base at m, upper up; the caller unmounts it.
overlay_on_base() {
	mkdir -p up wk m
	mount -t overlay overlay -o lowerdir=base,upperdir=up,workdir=wk,redirect_dir=off,metacopy=off,xino=off m
}

@test "packing and unpacking an upper gives the same directory, and the same bytes again" {
	for ((seed = 1; seed <= ($(rounds) + 1) / 2; seed++)); do
		rm -rf u v
		grow_upper u "$seed"
		ufs-diff u >u.tar && ufs-apply v <u.tar || fail "seed $seed"
		assert_same_tree u v || fail "seed $seed"
		ufs-diff v | cmp - u.tar || fail "seed $seed: other bytes"
	done
}

@test "the difference of two trees, applied to the first, gives the second" {
	for ((seed = 1; seed <= ($(rounds) + 1) / 2; seed++)); do
		rm -rf a b c
		grow a "$seed"
		cp -a a b && cp -a a c
		change b "$seed"
		ufs-diff --from a b >ab.tar && ufs-apply --flat c <ab.tar || fail "seed $seed"
		assert_same_tree b c || fail "seed $seed"
		assert_eq "" "$(ufs-diff --from b --list c)" "seed $seed"
		ufs-diff --from b c >none.tar
		assert_eq 1024 "$(stat -c %s none.tar)"
	done
}

@test "what is done in a mounted overlay comes back from its layer" {
	requires root overlay
	mkdir -p base/dir/sub base/gone base/opq && echo 1 >base/f && echo 2 >base/dir/f && : >base/gone/x
	: >base/opq/old && : >base/dir/sub/x && ln base/f base/hard && chmod 0751 base/dir
	overlay_on_base
	echo changed >>m/f && rm m/dir/f && rm -r m/gone && rm -r m/opq && mkdir m/opq && : >m/opq/new
	rm -r m/dir/sub && echo file >m/dir/sub && mkdir m/new && mkfifo m/new/p && mknod m/new/null c 1 3
	ln m/f m/f2 && ln -s f m/s && chmod 4711 m/dir && setfattr -n user.x -v y m/dir
	rm m/hard
	cp -a m want
	ufs-diff up >l.tar
	umount m
	ufs-apply --lower base layer <l.tar
	mount -t overlay overlay -o lowerdir=layer:base,xino=off m
	diff <(dump want) <(dump m) >differs || :
	umount m
	[[ ! -s differs ]] || fail "$(<differs)"
	# The same in the form that --copy needs.
	cp -a base flat && ufs-apply --flat flat <l.tar
	assert_same_tree want flat
}

@test "--list: A, C and D as docker diff has them" {
	requires root overlay
	mkdir -p base/etc base/opq/sub base/tree && : >base/etc/passwd && : >base/etc/gone && : >base/opq/old
	: >base/opq/both && : >base/opq/sub/deep && : >base/tree/x
	overlay_on_base
	echo x >m/etc/passwd && rm m/etc/gone && : >m/etc/new && rm -r m/opq && mkdir -p m/opq/sub && : >m/opq/both
	rm -r m/tree && mkdir -p m/added/dir
	umount m
	want=$'A /added\nA /added/dir\nC /etc\nD /etc/gone\nA /etc/new\nC /etc/passwd\nC /opq\nC /opq/both\nD /opq/old\nC /opq/sub\nD /opq/sub/deep\nD /tree'
	run -0 ufs-diff --list --lower base up
	assert_eq "$want" "$output"
	# Without the layers: what overlay notes on its copies. What was made anew is added then.
	run -0 ufs-diff --list up
	assert_eq $'A /added\nA /added/dir\nC /etc\nD /etc/gone\nA /etc/new\nC /etc/passwd\nA /opq\nA /opq/both\nA /opq/sub\nD /tree' "$output"
	run -0 ufs-diff --json --lower base up
	assert_json -s 'length == 12 and .[0] == {kind: "A", path: "/added"} and .[3].kind == "D"'
	# And two trees side by side say the same as the overlay.
	mount -t overlay overlay -o lowerdir=up:base m && cp -a m after && umount m
	run -0 ufs-diff --from base --list after
	assert_eq "$want" "$output"
}

@test "--from sees what changed without a trace in the size or the whole second" {
	mkdir a && for f in content mode time attr same owner; do echo "$f" >a/$f; done && ln -s x a/link
	touch -h -d '2001-01-01 00:00:00 UTC' a/* a
	cp -a a b
	echo CONTENT >b/content && touch -d '2001-01-01 00:00:00 UTC' b/content
	chmod 0600 b/mode && setfattr -n user.a -v b b/attr
	touch -d '2001-01-01 00:00:00.000000001 UTC' b/time
	ln -sfn y b/link && touch -h -d '2001-01-01 00:00:00 UTC' b/link b
	run -0 ufs-diff --from a --list b
	assert_eq $'C /attr\nC /content\nC /link\nC /mode\nC /time' "$output"
}

@test "hard links stay together, also with names that did not change" {
	mkdir a && echo x >a/one && ln a/one a/two && echo y >a/lone
	cp -a a b && ln b/one b/three && ln b/lone b/z
	run -0 ufs-diff --from a --list b
	assert_eq $'A /three\nA /z' "$output"
	cp -a a c && ufs-diff --from a b | ufs-apply --flat c
	assert_same_tree b c
}

@test "a tree in use: a name that became another file meanwhile has that one's content" {
	mkdir none live && head -c 1M /dev/urandom >live/a
	for i in 'b c' 'd e' 'f g h'; do
		echo "old $i" >live/"${i%% *}"
		for k in ${i#* }; do ln live/"${i%% *}" live/"$k"; done
	done
	mkfifo pipe
	ufs-diff --from none live >pipe &
	local pid=$!
	exec 9<pipe
	# The list is made before the first byte comes, and the pipe has no room for all of a.
	dd bs=512 count=1 iflag=fullblock status=none <&9 >out.tar
	for i in c d; do
		echo "new $i" >new && mv new live/$i
	done
	rm live/f
	cat <&9 >>out.tar
	exec 9<&-
	wait "$pid"
	mkdir got && tar -C got -xf out.tar
	assert_eq "old b c, new c" "$(<got/b), $(<got/c)"
	assert_eq "new d, old d e" "$(<got/d), $(<got/e)"
	[[ ! -e got/f ]]
	assert_eq "old f g h, 2" "$(<got/h), $(stat -c %h got/g)"
	cmp live/a got/a
}

@test "the same tree gives the same bytes, however it was made" {
	mkdir -p x/d y
	for f in b a d/z d/y c; do echo "$f" >x/$f; done
	touch -d 2001-01-01 x/*/* x/* x
	for f in d/y c d/z a b; do mkdir -p y/d; cp -p x/$f y/$f; done
	touch -d 2001-01-01 y/*/* y/* y
	TZ=UTC-5 LC_ALL=C.UTF-8 ufs-diff y >y.tar
	ufs-diff x | cmp - y.tar
	assert_eq $'./\na\nb\nc\nd/\nd/y\nd/z' "$(tar tf y.tar)"
}

@test "other programs read the tar: GNU tar, bsdtar's library, Python" {
	long=$(printf 'l%.0s' {1..130})
	mkdir -p u/d && echo hi >"u/$long" && ln -s "$long$long" u/link && ln "u/$long" u/hard
	: >u/$'caf\xc3\xa9' && : >u/$'\xff' && truncate -s 3M u/holes && printf x >>u/holes
	touch -d '2001-02-03 04:05:06.5 UTC' "u/$long" && setfattr -n user.a -v $'b\nc' "u/$long"
	touch -d '1965-02-03 04:05:06.25 UTC' u/d
	ufs-diff u >l.tar
	mkdir t && tar -C t --xattrs --xattrs-include='*' -xpf l.tar
	assert_same_tree u t
	(($(stat -c %b t/holes) < 100)) || fail "GNU tar sees no holes"
	run -0 python3 -c 'import tarfile,sys; t = tarfile.open("l.tar"); [print(m.size, m.mtime, m.type) for m in t if m.name == "hard" or len(m.name) == 130]'
	assert_eq $'3 981173106.5 b\'0\'\n0 981173106.5 b\'1\'' "$output"
	if command -v bsdtar >/dev/null; then
		mkdir b && bsdtar -C b -xpf l.tar
		assert_eq "$(dump u | grep holes | cut -d' ' -f1-7)" "$(dump b | grep holes | cut -d' ' -f1-7)"
	fi
}

@test "what cannot lie in a layer is left out and said" {
	mkdir -p u/d && : >u/kept && : >u/d/.wh.x
	python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("u/sock")'
	run -0 --separate-stderr sh -c 'ufs-diff u | tar t'
	assert_eq $'./\nd/\nkept' "$output"
	assert_eq "ufs-diff: warning: left out: d/.wh.x: in a layer such a name stands for a deleted file (and 1 more)" "$stderr"
	if ((EUID == 0)); then
		rm u/d/.wh.x u/sock && mkdir u/mnt && mount -t tmpfs tmpfs u/mnt && : >u/mnt/secret
		run -0 --separate-stderr sh -c 'ufs-diff u | tar t'
		umount u/mnt
		assert_eq $'./\nd/\nkept' "$output"
		assert_eq "ufs-diff: warning: left out: mnt: something else is mounted there" "$stderr"
	fi
}

@test "uppers that lean on their lower layers by name are refused" {
	requires root
	mkdir -p u/d && truncate -s 100 u/f
	setfattr -n trusted.overlay.redirect -v other u/d
	run -1 ufs-diff u
	assert_error ufs-diff "cannot make a layer of d: overlay has renamed*" "*redirect_dir=off*"
	setfattr -x trusted.overlay.redirect u/d
	setfattr -n trusted.overlay.metacopy -v '' u/f
	run -1 ufs-diff u
	assert_error ufs-diff "cannot make a layer of f: overlay has copied only its attributes*"
}

@test "whiteouts of both kinds" {
	requires root
	mkdir -p u/d && mknod u/dev c 0 0 && : >u/d/x && : >u/empty
	setfattr -n trusted.overlay.opaque -v x u/d
	setfattr -n trusted.overlay.whiteout -v '' u/d/x
	run -0 ufs-diff --list u
	assert_eq $'A /d\nD /d/x\nD /dev\nA /empty' "$output"
}

@test "in a user namespace: marks are user.overlay" {
	requires userns
	chmod 0755 . && as_nobody true
	home=$T/nobody; ((EUID == 0)) || home=$T
	mktar >l.tar <<<$'{"name":"./","type":"5"}\n{"name":"o/","type":"5"}\n{"name":"o/.wh..wh..opq"}\n{"name":"o/f","data":"x"}\n{"name":".wh.gone"}'
	in_userns ufs-apply "$home/u" <l.tar
	run -0 in_userns sh -c "ufs-diff '$home/u' | tar t"
	assert_eq $'./\n.wh.gone\no/\no/.wh..wh..opq\no/f' "$output"
	for ((seed = 1; seed <= 3; seed++)); do
		in_userns env PATH="$PATH" python3 "$TB_TESTS/lib/tree.py" grow "$home/none" 1 2>/dev/null || :
		in_userns mkdir "$home/g$seed"
		in_userns python3 "$TB_TESTS/lib/tree.py" grow-upper "$home/g$seed" "$seed"
		in_userns sh -c "ufs-diff '$home/g$seed' | ufs-apply '$home/v$seed'"
		diff <(in_userns python3 "$TB_TESTS/lib/tree.py" dump "$home/g$seed") \
			<(in_userns python3 "$TB_TESTS/lib/tree.py" dump "$home/v$seed") || fail "seed $seed"
	done
}

@test "a tree deeper than a process may have files open" {
	d=u
	mkdir u && for ((i = 0; i < 20; i++)); do d+=$(printf '/d%.0s' {1..50}); done
	mkdir -p "$d" && : >"$d/f"
	run -0 sh -c 'ulimit -n 40; ufs-diff u >l.tar && ufs-apply v <l.tar && ufs-diff --from u v | wc -c'
	assert_eq 1024 "$output"
	assert_same_tree u v
}

@test "control characters in names are escaped" {
	mkdir u && : >u/$'a\nb\e[31m'
	run -0 ufs-diff --list u
	assert_eq 'A /a\nb\x1b[31m' "$output"
	run -0 ufs-diff --json u
	assert_json '.path == "/a\nb\u001b[31m"'
}

@test "mistakes: not there, no directory, full standard output, a terminal, nonsense together" {
	run -1 ufs-diff nowhere
	assert_error ufs-diff "cannot open directory nowhere: No such file or directory (ENOENT)"
	: >file && mkdir u
	run -1 ufs-diff file
	assert_error ufs-diff "cannot open directory file: Not a directory (ENOTDIR)"
	run -1 ufs-diff --from nowhere u
	run -1 ufs-diff --lower nowhere u
	run -1 sh -c 'ufs-diff u >/dev/full'
	assert_error ufs-diff "cannot write to standard output: No space left on device (ENOSPC)"
	run -1 sh -c 'ufs-diff --list --from / u >/dev/full'
	run -2 ufs-diff --from u --lower u u
	run -2 ufs-diff
	run -2 script -qec "ufs-diff u" /dev/null
	assert_like "$output" "*standard output is a terminal*"
	run -0 script -qec "ufs-diff --list u" /dev/null
}

@test "a directory that may not be read is an error that names it" {
	mkdir -p u/closed && chmod 0755 . && as_nobody true
	chmod 0 u/closed
	run -1 as_nobody sh -c "cd '$T' && ufs-diff u >/dev/null"
	chmod 0700 u/closed
	assert_error ufs-diff "cannot read directory closed: Permission denied (EACCES)"
}

@test "-n shows the names and writes no tar" {
	mkdir -p a "b/it's" && : >b/f
	run -0 ufs-diff -n b
	run -0 sh -c "$output"
	assert_eq $'./f\n./it\'s' "$(sort <<<"$output")"
	run -0 ufs-diff -n --from a b
	run -0 sh -c "$output"
	assert_line "Only in b: f"
}
