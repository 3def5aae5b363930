#!/usr/bin/env bats
# bats file_tags=box
# The files of a box from outside: copied in and out, what changed, images of it.
load helpers
load box_helpers

setup_file() { box_setup_file; }
teardown_file() { tb_teardown_file; }
setup() { box_setup; }
teardown() { box_teardown; }

# A box called one: running, frozen, or not started yet.
box_is() {
	box-create --name one --network none -v vol:/vol -v "$T/bound:/bound" --tmpfs /tmp bb sleep 100 >/dev/null
	[ "$1" = created ] || box-start one >/dev/null
	[ "$1" != paused ] || box-pause one >/dev/null
}

each_state() {
	local state
	for state in created running paused; do
		mkdir -p "$T/bound"
		box_is "$state"
		"$1" "$state" || fail "$1 with a box that is $state"
		box-rm -f one >/dev/null
		vol-rm vol >/dev/null
		rm -rf "${T:?}"/*
	done
}

as_docker() {
	local d=$T/d
	mkdir -p "$d/sub"
	echo x >"$d/sub/f"
	ln "$d/sub/f" "$d/hard"
	ln -s /nowhere "$d/sym"
	chown 5:6 "$d/sub/f"
	# Into a directory under its own name; as another name; what is in it.
	box-cp "$d" one:/srv 2>/dev/null || box-cp "$d" one:/srv/ || return
	box-cp "$d/." one:/vol || return
	box-cp "$d/sub/f" one:/bound/named || return
	assert_eq x "$(<"$T/bound/named")" || return
	box-cp one:/vol "$T/back" || return
	diff -r --no-dereference "$d" "$T/back" || return
	[ "$T/back/hard" -ef "$T/back/sub/f" ] || return
	# Owners: root's in the box, ours here, or as they were.
	assert_eq 0:0 "$(stat -c %u:%g "$T/back/sub/f")" || return
	box-cp -a "$d/sub/f" one:/vol/kept && box-cp -a one:/vol/kept "$T/kept" || return
	assert_eq 5:6 "$(stat -c %u:%g "$T/kept")" || return
	# A tar in and out.
	tar -C "$d" -c . | box-cp - one:/vol || return
	box-cp one:/etc/passwd - | tar -xO passwd | cmp - "$TB_DIR/rootfs/etc/passwd" || return
	box-cp one:/etc/link/sub/file "$T/through" && assert_eq image "$(<"$T/through")" || return
	box-cp -L one:/etc/link "$T/followed" && assert_eq image "$(<"$T/followed/sub/file")" || return
	box-cp one:/etc/link "$T/link" && [ -L "$T/link" ]
}
@test "box-cp: as docker cp, whether the box runs, is frozen, or was never started" { each_state as_docker; }

@test "box-cp: what cannot be is one clear error" {
	box_is created
	mkdir -p "$T/dir"
	touch "$T/file"
	cp_fails() {
		local want=$1
		shift
		run -1 box-cp "$@"
		assert_like "$output" "$want"
	}
	cp_fails '*Could not find the file /nosuch in container one' one:/nosuch "$T"
	cp_fails '*Could not find the file /nosuch/x in container one' "$T/file" one:/nosuch/x
	cp_fails '*cannot find*nothing: No such file or directory' "$T/nothing" one:/
	cp_fails '*there is no directory /nosuch/' "$T/file" one:/nosuch/
	cp_fails '*cannot copy directory*to a file' "$T/dir" one:/etc/passwd
	touch "$T/sub"
	cp_fails '*cannot overwrite directory*' "$T/sub" one:/data
	cp_fails '*No such container: two' "$T/file" two:/
	cp_fails "*it is no directory*" - one:/etc/passwd <"$T/file"
	run -2 box-cp one:/a one:/b
	run -2 box-cp "$T/file" "$T/dir"
	box-create --name ro --read-only --network none -v v2:/vol bb >/dev/null
	cp_fails '*read-only*' "$T/file" ro:/etc
	box-cp "$T/file" ro:/vol
}

@test "box-cp: links that the user names are followed, those inside are not written through, hard links stay" {
	box-create --name one --network none bb >/dev/null
	mkdir -p "$T/in/d" "$T/far/tree/real" "$T/real"
	echo a >"$T/in/d/a"
	ln "$T/in/d/a" "$T/in/d/b"
	ln -s d/a "$T/in/to"
	ln -s real "$T/there"
	ln -s real "$T/far/tree/d"
	box-cp "$T/in" one:/data/tree
	# To a directory that is there, by way of a symlink; to a name in it.
	box-cp one:/data/tree "$T/there"
	box-cp one:/data/tree "$T/there/new"
	for dir in "$T/real/tree" "$T/real/new"; do
		assert_eq a "$(<"$dir/to")"
		[ "$dir/d/a" -ef "$dir/d/b" ]
	done
	# Where the copy has a directory, and a symlink to another one is: that is not written through.
	run -1 box-cp one:/data/tree/. "$T/far/tree"
	assert_like "$output" '*cannot overwrite non-directory */far/tree/d with directory d'
	[ -L "$T/far/tree/d" ]
	assert_eq "" "$(ls "$T/far/tree/real")"
	# The same into the box.
	box-run --name two --network none bb sh -c 'mkdir -p /data/real; ln -s real /data/there; mkdir /data/there/d2; ln -s d2 /data/real/d'
	run -1 box-cp "$T/in/." two:/data/there
	assert_like "$output" '*cannot overwrite non-directory /data/there/d with directory d'
	box-cp two:/data/real "$T/out"
	[ -L "$T/out/d" ]
	assert_eq "" "$(ls "$T/out/d2")"
}

# A directory that becomes a symlink to a place of the host and back, all the time (CVE-2018-15664).
# Also of what lies deeper than the names given; a tar has its way unless it is told not to.
kinds() {
	local d=$T/d
	mkdir -p "$d/in/file" "$d/out/sub" "$d/dirs/data/sub"
	touch "$d/in/file/x" "$d/out/data"
	box-cp "$d/dirs/." one:/srv || return
	run -1 box-cp "$d/out/." one:/srv
	assert_like "$output" '*cannot overwrite directory /srv/data with non-directory data' || return
	box-cp one:/srv "$T/before" && diff -r "$d/dirs/data" "$T/before/data" || return
	run -1 bash -c 'tar -C "$1" -c data | box-cp --no-overwrite-dir-non-dir - one:/srv' - "$d/out"
	assert_like "$output" '*cannot overwrite directory /srv/data with non-directory data' || return
	box-cp one:/srv/data/sub - | tar -t >/dev/null || return
	tar -C "$d/out" -c data | box-cp - one:/srv || return
	run -1 bash -c 'tar -C "$1" -c data | box-cp --no-overwrite-dir-non-dir - one:/srv' - "$d/dirs"
	assert_like "$output" '*cannot overwrite non-directory /srv/data with directory data' || return
	# The parent of an entry, which has none of its own.
	run -1 bash -c 'tar -C "$1" -c data/sub | box-cp --no-overwrite-dir-non-dir - one:/srv' - "$d/dirs"
	assert_like "$output" '*cannot overwrite non-directory /srv/data with directory data' || return
	tar -C "$d/out" -c data | box-cp --no-overwrite-dir-non-dir - one:/srv || return
	tar -C "$d/dirs" -c data | box-cp - one:/srv || return
	tar -C "$d/dirs" -c data | box-cp --no-overwrite-dir-non-dir - one:/srv
}
@test "box-cp: no directory gives way to a file, nor the other way round, but to a tar" {
	box_is created
	kinds
}

@test "box-cp: a box that bends its paths meanwhile leads nobody out of it" {
	local i out=0
	mkdir "$T/canary" "$T/got" "$T/in"
	echo secret >"$T/canary/f"
	echo new >"$T/in/f"
	box-run -d --name one --network none bb sh -c "
		mkdir -p /w/d; echo mine >/w/d/f
		while :; do
			mv /w/d /w/e; ln -s '$T/canary' /w/d; rm /w/d; mv /w/e /w/d
			mv /w/d /w/e; ln -s ../../../../../../../../..$T/canary /w/d; rm /w/d; mv /w/e /w/d
		done" >/dev/null
	wait_for box-exec one test -d /w
	for i in $(seq $(($(rounds) * 5))); do
		box-cp one:/w/d/f "$T/got/f" 2>/dev/null && out=$((out + 1))
		box-cp one:/w "$T/got/w$i" >/dev/null 2>&1 || :
		box-cp "$T/in/f" one:/w/d/f 2>/dev/null || :
		box-cp "$T/in" one:/w/d/ 2>/dev/null || :
	done
	[ "$out" -gt 0 ] || fail "nothing was ever copied"
	! grep -rq secret "$T/got" || fail "a file of the host came out"
	assert_eq secret "$(cat "$T/canary/"*)"
	# A tar that plants a symlink and writes through it.
	mkdir "$T/evil"
	ln -s "$T/canary" "$T/evil/x"
	tar -C "$T/evil" -cf "$T/evil.tar" x
	rm "$T/evil/x"
	mkdir "$T/evil/x"
	echo bad >"$T/evil/x/f"
	tar -C "$T/evil" -rf "$T/evil.tar" x/f
	box-cp - one:/ <"$T/evil.tar" || :
	assert_eq secret "$(cat "$T/canary/"*)"
}

# moby 2019-14271: a helper that changed its root loaded the box's own libraries.
@test "box-cp, box-exec -u and box-top run nothing of the box's own" {
	requires gcc
	local lib
	echo "#include <fcntl.h>
		__attribute__((constructor)) static void here(void) { open(\"$T/marker\", O_CREAT | O_WRONLY, 0600); }" >"$T/evil.c"
	gcc -shared -fPIC -o "$T/evil.so" "$T/evil.c"
	box-run -d --name one --network none bb sleep 100 >/dev/null
	for lib in libnss_files.so.2 libnss_compat.so.2 libc.so.6 libjansson.so.4 libarchive.so.13; do
		for dir in lib lib64 lib/x86_64-linux-gnu usr/lib/x86_64-linux-gnu; do
			box-exec one mkdir -p "/$dir"
			box-cp "$T/evil.so" "one:/$dir/$lib"
		done
	done
	box-exec one sh -c 'echo "passwd: compat files" >/etc/nsswitch.conf; echo "/lib/libnss_files.so.2" >/etc/ld.so.preload'
	box-cp "$T/evil.c" one:/tmp/in
	box-cp one:/etc/passwd "$T/out"
	box-cp one:/etc - | tar -t >/dev/null
	box-exec -u dan one id >/dev/null
	box-top one >/dev/null
	box-commit one >/dev/null
	[ ! -e "$T/marker" ] || fail "a library of the box ran"
	# It would have: loaded, it leaves the marker.
	LD_PRELOAD=$T/evil.so /bin/true
	[ -e "$T/marker" ]
}

@test "box-diff: what was added, changed, deleted; the places of mounts do not count" {
	box-run --name one --network none -v /vol -v "$T:/new/place" bb true
	assert_eq "" "$(box-diff one)"
	# One that never ran has no layer of its own.
	box-create --name three --network none bb true >/dev/null
	assert_eq "" "$(box-diff three)"
	box-commit -c 'ENV NEW=1' three new >/dev/null
	assert_eq 1 "$(box-run --rm --network none new sh -c 'echo $NEW')"
	img-rm new >/dev/null
	box-run --name two --network none -v /vol bb sh -c 'echo x >/etc/new; rm -r /data/sub; chmod 600 /etc/passwd; mkdir /d'
	run -0 box-diff two
	assert_eq $'C /data\nD /data/sub\nC /etc\nA /etc/new\nC /etc/passwd\nA /d' "$(sort -k2.2 <<<"$output" | LC_ALL=C sort -s -k2,2 | awk '/ \/d$/ { last = $0; next } { print } END { print last }')"
	assert_eq '{"kind":"A","path":"/d"}' "$(box-diff --json two | grep '/d"')"
	assert_like "$(box-diff -n two)" '*ufs-diff --list --lower*'
}

@test "ufs-diff --except: a path and what is below it, and directories touched for its sake" {
	mkdir -p "$T/low/etc" "$T/low/opt" "$T/up/etc" "$T/up/opt" "$T/up/made/a/b"
	touch "$T/up/etc/hosts" "$T/up/opt/x" "$T/up/opt/y" "$T/up/made/a/b/c"
	run -0 ufs-diff --list --lower "$T/low" --except /etc/hosts --except /opt/x --except /made/a "$T/up"
	assert_eq $'C /opt\nA /opt/y' "$output"
	# A directory that has changed itself is still there.
	chmod 700 "$T/up/etc"
	run -0 ufs-diff --list --lower "$T/low" --except etc/hosts "$T/up"
	assert_like "$output" $'*C /etc\n*'
	assert_eq "etc/ opt/ opt/y" "$(ufs-diff --lower "$T/low" --except /etc/hosts --except /opt/x --except /made "$T/up" | tar -t | grep -v '^\./$' | xargs)"
}

@test "box-commit: an image of what changed, and of what the box was told; box-export" {
	box-run --name one --network none -e X='a "b" $c' -l k=v -w /tmp -u 1:2 --expose 80 -v /vol bb \
		sh -c 'echo hello >/tmp/greeting; echo volume >/vol/f; rm -r /data/sub' 2>/dev/null || :
	box-rm -f one >/dev/null
	box-run --name one --network none -e X='a "b" $c' -l k=v -w /tmp --expose 80 -v /vol bb \
		sh -c 'echo hello >/tmp/greeting; echo volume >/vol/f; rm -r /data/sub'
	run -0 box-commit -a me -m why -c 'CMD ["cat", "greeting"]' one mine:1
	assert_like "$output" 'sha256:*'
	assert_eq hello "$(box-run --rm --network none mine:1)"
	run -0 box-run --rm --network none mine:1 sh -c 'echo "$X"; ls /data; ls /vol; pwd'
	assert_eq $'a "b" $c\n/tmp' "$output"
	assert_eq v "$(img-config mine:1 | jq -r .config.Labels.k)"
	assert_eq me "$(img-config mine:1 | jq -r .author)"
	assert_eq 2 "$(img-layers mine:1 | wc -l)"
	# One that runs is frozen meanwhile, and goes on.
	box-run -d --name two --network none bb sleep 100 >/dev/null
	box-commit two >/dev/null
	box-commit --no-pause two >/dev/null
	assert_eq running "$(box-inspect two | jq -r .State.Status)"
	# All files as they are seen, running or not, without volumes.
	for i in one two; do
		mkdir "$T/$i"
		box-export -o "$T/$i.tar" "$i"
		tar -C "$T/$i" -xf "$T/$i.tar"
		[ -e "$T/$i/bin/busybox" ]
	done
	# What is there and no file is written into.
	mkfifo "$T/fifo"
	timeout 30 cat "$T/fifo" >"$T/fifo.tar" &
	local pid=$!
	box-export -o "$T/fifo" one
	wait "$pid"
	[ -p "$T/fifo" ] || fail "the fifo is gone"
	grep -qx tmp/greeting <(tar -tf "$T/fifo.tar")
	assert_eq hello "$(<"$T/one/tmp/greeting")"
	[ ! -e "$T/one/vol/f" ]
	[ ! -e "$T/one/data/sub" ]
	[ -e "$T/two/data/sub" ]
	box-export one | img-import flat >/dev/null
	assert_eq hello "$(box-run --rm --network none flat cat /tmp/greeting)"
	# What it was told to be without, and how it is looked after.
	box-create --name three --network none --entrypoint /bin/echo --health-cmd '[ -e "$x" ]' --health-interval 7s --health-retries 4 bb >/dev/null
	box-commit three entry >/dev/null
	assert_eq '{"Test":["CMD-SHELL","[ -e \"$x\" ]"],"Interval":7000000000,"Retries":4}' \
		"$(img-config entry | jq -c '.config.Healthcheck | {Test, Interval, Retries}')"
	box-create --name four --network none --entrypoint '' --no-healthcheck entry echo plain >/dev/null
	box-commit four plain >/dev/null
	assert_eq plain "$(box-run --rm --network none plain)"
	assert_eq '["NONE"]' "$(img-config plain | jq -c .config.Healthcheck.Test)"
	run -1 box-commit one 'Not A Name'
	img-rm plain entry >/dev/null 2>&1 || :
	img-rm mine:1 flat >/dev/null 2>&1 || :
}

@test "box-top: the box's processes, with the host's numbers" {
	box-run -d --name one --network none bb sh -c 'sleep 100 & wait' >/dev/null
	wait_for sh -c '[ "$(box-top one | wc -l)" -eq 3 ]'
	assert_like "$(box-top one)" 'UID *PID *CMD*sleep 100*'
	assert_eq "$(box-inspect one | jq .State.Pid)" "$(box-top --json one -o pid,comm | jq -r '.Processes[0][0]')"
	run -1 box-top one -o comm
	assert_like "$output" "*Couldn't find PID field in ps output"
	box-stop -t 0 one >/dev/null
	run -1 box-top one
	assert_like "$output" '*is not running'
}

@test "box-cp and box-commit: each step fails once, and nothing is left" {
	local n got
	box-create --name one --network none bb >/dev/null
	echo x >"$T/f"
	clean() { ! grep -F "$TACKLEBOX_ROOT" /proc/self/mountinfo || fail mounted; }
	# The tools that it runs fail too, and say so themselves.
	for n in $(seq 300); do
		got=0
		TACKLEBOX_FAIL=step:EIO@$n timeout 20 box-cp "$T/f" one:/srv >"$T/out" 2>&1 || got=$?
		[ "$got" -ne 0 ] || break
		grep -q EIO "$T/out" && clean || fail "step $n: $(<"$T/out")"
	done
	[ "$n" -gt 5 ] && [ "$got" -eq 0 ] || fail "$n steps, status $got"
	assert_like "$(box-commit -n one mine)" '*ufs-diff*img-commit*'
}
