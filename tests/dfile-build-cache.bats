#!/usr/bin/env bats
# What is done again, and what is not; stages side by side; what mounts of RUN show; images that are
# the same to the bit.

load helpers
load dfile_build_helpers
load registry

setup_file() { build_setup_file; }
teardown_file() { tb_teardown_file; }
setup() { build_setup; }
teardown() { registry_stop; build_teardown; }

# done_again [OPTION…] with the Dockerfile on standard input: numbers of the steps that were not found.
done_again() {
	dfile-build --network none -t it -f - "$@" . 2>&1 | awk '/^Step/ { split($2, a, "/"); n = a[1]; if ($4 != "FROM") left[n] = 1 }
		/Using cache/ { delete left[n] } END { for (i = 2; i <= 99; i++) if (i in left) printf "%s%d", s, i; s = " " }' |
		fold -w 1 | tr -d '\n'
}

@test "a step is done again when its text, its files, or what is before it has changed" {
	local df=$'FROM bb\nENV X=1\nCOPY a /\nRUN cat /a\nRUN echo x >/x\nCMD ["c"]'
	echo 1 >a
	assert_eq 23456 "$(done_again <<<"$df")"
	assert_eq "" "$(done_again <<<"$df")"
	touch -d 2001-01-01 a
	assert_eq "" "$(done_again <<<"$df")"
	echo 2 >a
	assert_eq 3456 "$(done_again <<<"$df")"
	assert_eq "" "$(done_again <<<"$df")"
	chmod 600 a
	assert_eq 3456 "$(done_again <<<"$df")"
	assert_eq 56 "$(done_again <<<"${df/echo x/echo  x}")"
	assert_eq 6 "$(done_again <<<"${df/\"c\"/\"d\"}")"
	assert_eq 23456 "$(done_again <<<"${df/X=1/X=2}")"
	echo 1 >a && chmod 644 a
	assert_eq "" "$(done_again <<<"$df")"
	assert_eq 23456 "$(done_again --no-cache <<<"$df")"
}

@test "files are not read again, but one that was changed behind its size and time is" {
	local df=$'FROM bb\nCOPY a b /'
	echo 1 >a && echo same >b && touch -d 2001-01-01 a
	wait_for eval '[ $(($(date +%s) - $(stat -c %Z a))) -gt 3 ]'
	assert_eq 2 "$(done_again <<<"$df")"
	strace -f -e trace=openat2 -o "$T/trace" dfile-build -q --network none -f - . <<<"$df" >/dev/null
	run ! grep -qE '"[ab]", .*O_NONBLOCK' "$T/trace"
	echo 2 >a && touch -d 2001-01-01 a
	assert_eq 2 "$(done_again <<<"$df")"
	assert_eq 2 "$(in_image a)"
	# What a machine may leave that lost its power: a list that is cut off in a digest, or empty.
	wait_for eval '[ $(($(date +%s) - $(stat -c %Z a))) -gt 3 ]'
	for size in -40 0; do
		assert_eq 2 "$(done_again --no-cache <<<"$df")"
		truncate -s "$size" "$TACKLEBOX_ROOT"/build/sums/*
		assert_eq "" "$(done_again <<<"$df")"
	done
	# Of files that are long gone nothing is kept when there are too many of them.
	local known
	known=$TACKLEBOX_ROOT/build/sums/$(printf %s "$(pwd -P)" | sha256sum | cut -c-32)
	assert_eq 2 "$(wc -l <"$known")"
	awk 'NR == 1 { for (i = 1; i <= 262144; i++) { $2 = 1000000000 + i; print } }' "$known" >>"$known.more"
	cat "$known.more" >>"$known" && rm "$known.more"
	touch c && wait_for eval '[ $(($(date +%s) - $(stat -c %Z c))) -gt 3 ]'
	build <<<"${df/a b/a b c}"
	assert_eq 3 "$(wc -l <"$known")"
	img-gc --cache >/dev/null
	[ -z "$(ls "$TACKLEBOX_ROOT/build/sums")" ]
}

@test "the value of an ARG counts from the RUN that sees it, a proxy never" {
	local df=$'FROM bb\nRUN true\nARG A\nRUN echo $A'
	assert_eq 234 "$(done_again --build-arg A=1 <<<"$df")"
	assert_eq "" "$(done_again --build-arg A=1 <<<"$df")"
	assert_eq 4 "$(done_again --build-arg A=2 <<<"$df")"
	assert_eq "" "$(done_again --build-arg A=1 --build-arg HTTP_PROXY=x <<<"$df")"
}

@test "what was done with a layer that is gone is done again" {
	local df=$'FROM bb\nRUN echo gone >/gone\nRUN echo after'
	assert_eq 23 "$(done_again <<<"$df")"
	img-rm it >/dev/null
	# The layers of a build stay for the next one, until they are not to.
	img-gc >/dev/null
	assert_eq "" "$(done_again <<<"$df")"
	img-rm it >/dev/null
	img-gc --cache >/dev/null
	[ -z "$(ls "$TACKLEBOX_ROOT/build/cache")" ]
	assert_eq 23 "$(done_again <<<"$df")"
	# A record that is half there is none: the disk is not waited for.
	for broken in '{"created":1,"lay' '' '\0\0\0\0\0\0\0\0'; do
		# shellcheck disable=SC2059
		for f in "$TACKLEBOX_ROOT"/build/cache/*; do printf "$broken" >"$f"; done
		assert_eq 23 "$(done_again <<<"$df")"
	done
}

@test "COPY --from a stage that was made anew with the same files is found" {
	local df=$'FROM bb AS one\nRUN echo same >/f; date +%N >/other\nFROM bb\nCOPY --from=one /f /\nRUN cat /f'
	assert_eq 245 "$(done_again <<<"$df")"
	local id
	id=$(img-config it | sha256sum)
	assert_eq 2 "$(done_again <<<"${df/echo same/echo  same}")"
	assert_eq "$id" "$(img-config it | sha256sum)"
}

# copied: the diff id of the second layer from above.
copied() { img-config it | jq -r '.rootfs.diff_ids[-2]'; }

@test "COPY --link: one layer, the same upon any image, and not made again when that changes" {
	local one df=$'FROM bb\nRUN echo base\nCOPY --link --chown=dan f d /tmp/x/\nRUN ls -A /tmp/x >/seen'
	mkdir -p d/e && echo f >f && echo g >d/e/g && touch -d 2001-01-01 f d/e/g d/e d
	printf 'FROM bb\nRUN chmod 711 / && chmod 1777 /tmp && echo other >/other\n' | dfile-build -q --network none -t other -f - . >/dev/null
	assert_eq 234 "$(done_again <<<"$df")"
	one=$(copied)
	assert_eq "e f" "$(in_image seen | xargs)"
	# Another image below: what RUN saw is made again, the copy is not.
	assert_eq 24 "$(done_again <<<"${df/echo base/echo changed}")"
	assert_eq "$one" "$(copied)"
	assert_eq 24 "$(done_again <<<"${df/FROM bb/FROM other}")"
	assert_eq "$one" "$(copied)"
	# It says nothing of the image below, but what is on the way to the files is as COPY makes it.
	assert_eq "711 755 1000 1000" "$(stat_in_image %a .) $(stat_in_image %a tmp) $(stat_in_image '%u' tmp/x/f) $(stat_in_image %g tmp/x/e/g)"
	# Made anew, and upon nothing at all, it is the same to the bit.
	sleep 1.1
	assert_eq 234 "$(done_again --no-cache <<<"$df")"
	assert_eq "$one" "$(copied)"
	build --no-cache <<<$'FROM scratch\nCOPY --link --chown=1000:1000 f d /tmp/x/'
	assert_eq "$one" "$(img-config it | jq -r '.rootfs.diff_ids[]')"
	# The store holds what other stores make of it.
	tree >"$T/one"
	img-save it | TACKLEBOX_ROOT=$T/other img-load >/dev/null
	TACKLEBOX_ROOT=$T/other tree >"$T/two"
	diff "$T/one" "$T/two"
	# Other files, another owner, another place are another layer.
	echo F >f
	assert_eq 34 "$(done_again <<<"$df")"
	assert_eq 34 "$(done_again <<<"${df/=dan/=7}")"
	assert_eq 34 "$(done_again <<<"${df/tmp/tmp2}")"
}

@test "COPY --link: a blob that is not that layer any more is not taken for it, but made anew" {
	local df=$'FROM bb\nRUN echo intact\nCOPY --link f /f' blob
	echo as-copied >f
	assert_eq 23 "$(done_again <<<"$df")"
	blob=$(img-config it | jq -r '.rootfs.diff_ids[-1]')
	sed -i 's/as-copied/tampered!/' "$TACKLEBOX_ROOT/images/blobs/sha256/${blob#*:}"
	# Upon another image it is to be unpacked again.
	assert_eq 23 "$(done_again <<<"${df/echo intact/echo other}")"
	assert_eq as-copied "$(in_image f)"
	assert_eq "$blob" "$(img-config it | jq -r '.rootfs.diff_ids[-1]')"
}

@test "COPY --link: a symlink on the way is replaced, a stage's files keep their owners" {
	local df=$'FROM bb AS s\nRUN mkdir /s && echo s >/s/f && chown 3:4 /s/f\nFROM bb\nCOPY --link --from=s /s /link/s\nCOPY --link <<E /doc\nx\nE'
	echo x >x
	build <<<"$df"
	assert_eq "-rw-r--r-- 0:0 doc
drwxr-xr-x 0:0 link
drwxr-xr-x 0:0 link/s
-rw-r--r-- 3:4 link/s/f" "$(tree)"
	assert_eq "" "$(done_again <<<"$df")"
	build <<<$'FROM bb\nADD --link x /old/dir/\nCOPY --link=false x /link/y'
	assert_eq "old/dir/x old/y" "$(tree | awk '/^-/ { print $3 }' | xargs)"
	dfile-build -n --network none -f - . >"$T/script" <<<$'FROM bb\nCOPY --link x /y'
	sh -n "$T/script"
}

@test "--cache-from: the layers of an image whose records are gone" {
	local df=$'FROM bb\nRUN date +%N >/when\nENV A=1\nRUN echo x >/x'
	done_again <<<"$df" >/dev/null
	img-tag it cached
	rm -f "$TACKLEBOX_ROOT"/build/cache/*
	assert_eq "" "$(done_again --cache-from cached <<<"$df")"
	assert_eq "$(img-config cached | jq -c .rootfs)" "$(img-config it | jq -c .rootfs)"
	rm -f "$TACKLEBOX_ROOT"/build/cache/*
	assert_eq 4 "$(done_again --cache-from cached <<<"${df/echo x/echo y}")"
	# A setting that was another one counts for what ran after it.
	rm -f "$TACKLEBOX_ROOT"/build/cache/*
	assert_eq 34 "$(done_again --cache-from cached <<<"${df/A=1/A=2}")"
}

@test "--cache-from: what no history tells is done: files that were mounted, programs that were here-documents" {
	local df=$'FROM bb\nRUN --mount=source=f,target=/f cat /f >/g\nRUN <<E\n#!/bin/sh\necho one >/h\nE\nARG A=1\nRUN echo $A'
	echo 1 >f
	assert_eq 2345 "$(done_again <<<"$df")"
	img-tag it cached
	rm -f "$TACKLEBOX_ROOT"/build/cache/*
	assert_eq 2345 "$(done_again --cache-from cached <<<"$df")"
	echo 2 >f
	rm -f "$TACKLEBOX_ROOT"/build/cache/*
	done_again --cache-from cached <<<"${df/one/two}" >/dev/null
	assert_eq "2 two" "$(in_image g) $(in_image h)"
	df=$'FROM bb\nARG A=1\nRUN echo $A >/a; date +%N >/when'
	done_again <<<"$df" >/dev/null
	img-tag it cached
	rm -f "$TACKLEBOX_ROOT"/build/cache/*
	assert_eq "" "$(done_again --cache-from cached <<<"$df")"
	rm -f "$TACKLEBOX_ROOT"/build/cache/*
	assert_eq 3 "$(done_again --cache-from cached --build-arg A=2 <<<"$df")"
}

@test "--cache-from: an image that was pushed elsewhere and pulled here, what it copied included" {
	requires docker-registry jq
	local df=$'FROM bb\nENV A=1\nCOPY --chown=3 f d /x/\nRUN cat /x/f; date +%N >/when\nADD t.tar /y\nWORKDIR /w\nCOPY --link f /z\nRUN date +%N >/w/when\nCMD ["c"]' once
	mkdir -p d/e && echo f >f && echo g >d/e/g && ln -s e/g d/l && tar -cf t.tar f
	build <<<"$df"
	registry_start "$T/registry"
	img-tag it "$REGISTRY/it:1"
	img-push -q "$REGISTRY/it:1" >/dev/null
	once=$(img-config it | jq -c .rootfs)
	img-save bb | TACKLEBOX_ROOT=$T/far img-load >/dev/null
	export TACKLEBOX_ROOT=$T/far
	img-pull -q "$REGISTRY/it:1" >/dev/null
	registry_stop
	touch f # times do not count
	assert_eq "" "$(done_again --cache-from none --cache-from "$REGISTRY/it:1" <<<"$df")"
	assert_eq "$once" "$(img-config it | jq -c .rootfs)"
	# And not without it: each RUN has its own time.
	rm -f "$T"/far/build/cache/*
	assert_eq 23456789 "$(done_again <<<"$df")"
	[ "$once" != "$(img-config it | jq -c .rootfs)" ]
	# A file that is another one, a mode, a name, an owner: from there on it is another image.
	local what
	for what in 'echo F >f' 'chmod 700 d/e' 'mv d/l d/k' 'ln -snf e/G d/l' 'touch d/more'; do
		rm -f "$T"/far/build/cache/*
		cp -a "$T/c" "$T/c2" && cd "$T/c2" && eval "$what"
		assert_eq 3456789 "$(done_again --cache-from "$REGISTRY/it:1" <<<"$df")" "$what"
		cd "$T/c" && rm -rf "$T/c2"
	done
	rm -f "$T"/far/build/cache/*
	assert_eq 3456789 "$(done_again --cache-from "$REGISTRY/it:1" <<<"${df/=3 /=4 }")"
}

@test "--cache-from: images that buildah has built" {
	requires buildah
	local df=$'FROM localhost/bb\nENV A=1\nLABEL l=ab\nARG X\nCOPY f d /x/\nRUN date +%N >/when\nUSER 1\nRUN true $X\nCMD ["c"]'
	mkdir -p d/e && echo f >f && echo g >d/e/g && chmod 700 d/e
	img-tag bb localhost/bb
	img-save localhost/bb >"$T/bb.tar"
	buildah() { command buildah --root "$T/buildah" --runroot "$T/buildah.run" --storage-driver vfs "$@"; }
	buildah pull -q "docker-archive:$T/bb.tar" >/dev/null
	buildah bud -q --layers --isolation chroot --format docker --pull-never -t theirs -f - . <<<"$df" >/dev/null
	buildah push -q theirs "docker-archive:$T/theirs.tar:theirs:latest"
	img-load <"$T/theirs.tar" >/dev/null
	assert_eq "" "$(done_again --cache-from theirs <<<"$df")"
	assert_eq "$(img-config theirs | jq -c .rootfs)" "$(img-config it | jq -c .rootfs)"
	img-rm theirs it >/dev/null
}

@test "FROM: an image for another machine is got anew, and if that cannot be, said to be one" {
	requires docker-registry
	local other=linux/s390x
	tar -C "$TB_DIR/rootfs" -c etc | img-import --platform "$other" 127.0.0.1:1/here:1 >/dev/null
	try --platform linux/riscv64 <<<$'FROM 127.0.0.1:1/here:1\nENV A=1'
	assert_eq 0 "$status"
	assert_like "$output" "*here:1 is for linux/s390x, not for linux/riscv64*"
	try --platform "$other" <<<$'FROM 127.0.0.1:1/here:1\nENV A=1'
	assert_eq 0 "$status"
	[[ $output != *"is for"* ]] || fail "$output"
	try <<<$'FROM --platform=linux/riscv64 127.0.0.1:1/here:1\nENV A=1'
	assert_like "$output" "*here:1 is for linux/s390x, not for linux/riscv64*"
	build <<<$'FROM --platform=linux/riscv64 scratch\nENV A=1'
	assert_eq riscv64 "$(img-config it | jq -r .architecture)"
	registry_start "$T/registry"
	img-tag 127.0.0.1:1/here:1 "$REGISTRY/x:1"
	img-push "$REGISTRY/x:1" >/dev/null
	tar -C "$TB_DIR/rootfs" -c etc | img-import "$REGISTRY/x:1" >/dev/null
	try --platform "$other" <<<"FROM $REGISTRY/x:1"$'\nENV A=1'
	[[ $status$output == 0* && $output != *"is for"* ]] || fail "$output"
	assert_eq s390x "$(img-config it | jq -r .architecture)"
}

@test "stages that are not needed are not built, the others side by side" {
	mkfifo pipe
	build --target end <<-'EOF'
		FROM bb AS no
		RUN exit 1
		FROM bb AS a
		RUN --mount=type=cache,id=meet,target=/m i=0; touch /m/a; until [ -e /m/b ]; do i=$((i+1)); [ $i -lt 200 ] || exit 1; sleep 0.05; done; echo a >/a
		FROM bb AS b
		RUN --mount=type=cache,id=meet,target=/m i=0; touch /m/b; until [ -e /m/a ]; do i=$((i+1)); [ $i -lt 200 ] || exit 1; sleep 0.05; done; echo b >/b
		FROM bb AS end
		COPY --from=a /a /
		COPY --from=b /b /
		FROM end AS later
		RUN exit 1
	EOF
	assert_eq "-rw-r--r-- 0:0 a
-rw-r--r-- 0:0 b" "$(tree)"
}

@test "what stages say stands in the order of the Dockerfile, and the first failure ends all" {
	run -0 dfile-build --network none -f - . <<-'EOF'
		FROM bb AS a
		RUN sleep 0.3; echo says-a
		FROM bb AS b
		RUN echo says-b
		FROM bb
		COPY --from=a /etc/passwd /1
		COPY --from=b /etc/passwd /2
	EOF
	assert_eq "says-a says-b" "$(grep -o '^says-.' <<<"$output" | xargs)"
	assert_eq "1 2 3 4 5 6 7" "$(sed -n 's,^Step \([0-9]*\)/7 .*,\1,p' <<<"$output" | xargs)"
	try <<-'EOF'
		FROM bb AS a
		RUN sleep 100
		FROM bb AS b
		RUN echo before; exit 7
		FROM bb
		COPY --from=a /x /
		COPY --from=b /x /
	EOF
	assert_eq 1 "$status"
	assert_like "$output" "*before*:4: The command '/bin/sh -c echo before; exit 7' returned a non-zero code: 7*"
}

@test "RUN --mount: bind, cache, tmpfs, secret, ssh; nothing of it is in the image" {
	requires python3
	mkdir sub && echo f >sub/f && echo "$RANDOM-hidden" >"$T/secret"
	python3 -c 'import socket,sys,time; s=socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); time.sleep(60)' "$T/agent" &
	local agent=$!
	wait_for test -S "$T/agent"
	build --secret id=s,src="$T/secret" --ssh default="$T/agent" <<-'EOF'
		FROM bb AS one
		RUN mkdir /d && echo one >/d/one
		FROM bb
		RUN --mount=type=bind,source=sub,target=/mnt/sub cat /mnt/sub/f && ! touch /mnt/sub/g 2>/dev/null
		RUN --mount=source=sub/f,target=/onefile cat /onefile
		RUN --mount=type=bind,from=one,source=/d,target=/mnt/d,rw touch /mnt/d/y && ls /mnt/d | grep -q y
		RUN --mount=type=bind,from=one,source=/d,target=/mnt/d ! ls /mnt/d | grep -q y
		RUN --mount=type=cache,target=/cache,uid=1000,mode=0700 echo 1 >/cache/f && ls -ld /cache | grep -q '^drwx------.*dan'
		RUN --mount=type=cache,target=/cache,ro cat /cache/f && ! touch /cache/f 2>/dev/null
		RUN --mount=type=tmpfs,target=/tm,size=1m df -k /tm | grep -q 1024
		RUN --mount=type=secret,id=s,required grep -q hidden /run/secrets/s
		RUN --mount=type=secret,id=s,target=/a/b/c,mode=0440,gid=7 ls -l /a/b/c | grep -q '^-r--r-----.*root.*extra'
		RUN --mount=type=secret,id=absent [ ! -e /run/secrets/absent ]
		RUN --mount=type=ssh [ -S "$SSH_AUTH_SOCK" ]
	EOF
	kill "$agent"
	wait "$agent" || :
	assert_eq "" "$(tree)"
	run ! grep -rqF "$(cat "$T/secret")" "$TACKLEBOX_ROOT/build" "$TACKLEBOX_ROOT/images"
	try <<<$'FROM bb\nRUN --mount=type=secret,id=absent,required true'
	assert_like "$output" "*secret absent: not found*"
}

@test "RUN --mount=type=bind: of the context what .dockerignore lets through, as it is when the RUN begins, and root's" {
	local df=$'FROM bb\nRUN --mount=type=bind,target=/src cp -a /src /app'
	mkdir -p d/deep && echo secret >.env && echo a >d/a && echo l >d/x.log && chown -R 7:8 d && chmod 750 d && touch -d 2001-01-01 d/a
	printf '.env\n**/*.log\n' >.dockerignore
	assert_eq 2 "$(done_again <<<"$df")"
	assert_eq "drwxr-xr-x 0:0 app
-rw-r--r-- 0:0 app/.dockerignore
drwxr-x--- 0:0 app/d
-rw-r--r-- 0:0 app/d/a
drwxr-xr-x 0:0 app/d/deep" "$(tree)"
	assert_eq 978307200 "$(stat_in_image %Y app/d/a)"
	# What it does not see, and whose the files are, is not asked for.
	echo other >.env && chown -R 0:0 d
	assert_eq "" "$(done_again <<<"$df")"
	echo b >d/a
	assert_eq 2 "$(done_again <<<"$df")"
	try <<<$'FROM bb\nRUN --mount=source=.env,target=/e cat /e'
	assert_eq 1 "$status"
	assert_like "$output" '*"/.env" is not in the context*'
	# Writes to it go nowhere, to a file as to a directory.
	build <<-'EOF'
		FROM bb
		RUN --mount=source=d,target=/m,rw --mount=source=d/a,target=/n,rw echo w >/m/a; echo v >/n; mkdir /m/new; cat /m/a /n >/seen
	EOF
	assert_eq "w v" "$(in_image seen | xargs)"
	assert_eq "a deep x.log b" "$(cd d && echo *) $(cat d/a)"
	build <<<$'FROM bb\nRUN --mount=source=d,target=/m ! touch /m/a 2>/dev/null; cat /m/a >/seen'
	assert_eq b "$(in_image seen)"
}

@test "RUN --mount=type=bind: a file that is saved while the RUN is at work is not in its record" {
	local df=$'FROM bb\nRUN --mount=target=/src --mount=type=cache,id=saved,target=/c touch /c/begun; i=0; until [ -e /c/go ] || [ $((i += 1)) -gt 600 ]; do sleep .05; done; cat /src/a >/got'
	echo 1 >a
	build <<<"$df" 3>&- &
	local pid=$!
	wait_for compgen -G "$TACKLEBOX_ROOT/build/mounts/*/begun"
	echo 2 >a
	touch "$(dirname "$(compgen -G "$TACKLEBOX_ROOT/build/mounts/*/begun")")/go"
	wait "$pid"
	assert_eq 1 "$(in_image got)"
	build <<<"$df"
	assert_eq 2 "$(in_image got)"
}

@test "RUN --mount=type=bind: what was changed between sum and copy is not recorded for the sum" {
	local df=$'FROM bb\nRUN --mount=target=/src --mount=type=cache,id=between,sharing=locked,target=/c cat /src/a >/got' lock fd
	echo 0 >a
	build <<<"$df"
	lock=$TACKLEBOX_ROOT/build/mounts/$(printf between | sha256sum | cut -c-32).lock
	[ -e "$lock" ]
	exec {fd}>>"$lock"
	flock "$fd"
	echo 1 >a
	# It has the sum of 1, and waits for the cache.
	build <<<"$df" {fd}>&- &
	local pid=$!
	wait_for grep -q -- "-> FLOCK .*:$(stat -c %i "$lock") " /proc/locks
	echo 2 >a
	exec {fd}>&-
	wait "$pid"
	assert_eq 2 "$(in_image got)"
	echo 1 >a
	build <<<"$df"
	assert_eq 1 "$(in_image got)"
	assert_eq "" "$(done_again <<<"$df")"
}

@test "RUN --mount=type=cache: what it begins as, whose it is, one cache twice in a RUN" {
	local df=$'FROM bb AS s\nRUN mkdir -p /d/e && echo 1 >/d/f && chown 3:4 /d/f && chmod 1750 /d && chown 5:6 /d && ln -s f /d/l && mkfifo /d/e/p\n'
	df+=$'FROM bb\nRUN --mount=type=cache,id=a,from=s,source=/d,target=/m cat /m/f >/0; stat -c "%a %u:%g %n" /m /m/* >/1; readlink /m/l >>/1; [ -p /m/e/p ]; echo kept >/m/f\n'
	df+=$'RUN --mount=type=cache,id=a,from=s,source=d/,target=/n cat /n/f >/2\n'
	df+=$'RUN --mount=type=cache,id=a,target=/n ls -A /n >/3; mkdir /n/sub; touch /n/sub/x\n'
	df+=$'RUN --mount=type=cache,id=a,target=/n,source=sub ls -A /n >/4\n'
	df+=$'RUN --mount=type=cache,id=b,from=bb,source=/etc,target=/n,uid=7,gid=8,mode=0711 stat -c "%a %u:%g" /n >/5; cmp /n/passwd /etc/passwd\n'
	df+=$'RUN --mount=type=cache,id=c,sharing=locked,target=/x --mount=type=cache,id=c,sharing=locked,target=/y touch /x/a; ls /y >/6\n'
	df+=$'RUN --mount=type=cache,id=c,sharing=private,target=/x --mount=type=cache,id=c,target=/y ls /x /y >/7'
	build <<<"$df"
	assert_eq $'1750 5:6 /m\n755 0:0 /m/e\n644 3:4 /m/f\n644 3:4 /m/l\nf' "$(in_image 1 | sed 's,777 0:0 /m/l,644 3:4 /m/l,')"
	assert_eq 1 "$(in_image 0)"
	assert_eq "kept||x|711 7:8|a" "$(in_image 2)|$(in_image 3)|$(in_image 4)|$(in_image 5)|$(in_image 6)"
	assert_eq $'/x:\na\n\n/y:\na' "$(in_image 7)"
	# Another stage of that name is another beginning.
	build <<<"${df/echo 1/echo 2}"
	assert_eq 2 "$(in_image 0)"
	for df in source=/d/f source=/none source=/../../../../nowhere; do
		try <<<$'FROM bb AS s\nRUN mkdir /d; touch /d/f\nFROM bb\nRUN --mount=type=cache,id=z,from=s,'"$df"$',target=/m true'
		assert_eq 1 "$status" "$df"
		assert_like "$output" "*:4: cannot open the directory*"
	done
	# What was begun and not ended is nobody's cache.
	local dir
	for dir in "$TACKLEBOX_ROOT"/build/mounts/*/; do mv "${dir%/}" "${dir%/}.part"; done
	build --no-cache <<<$'FROM bb\nRUN --mount=type=cache,id=a,target=/m ls -A /m >/n'
	assert_eq "" "$(in_image n)"
	rm -rf "$TACKLEBOX_ROOT"/build/mounts/*.part
}

@test "RUN --mount=type=cache: what a RUN that failed has put there is there for the next build" {
	try <<<$'FROM bb\nRUN --mount=type=cache,id=failed,target=/c echo x >/c/f; false'
	assert_eq 1 "$status"
	assert_like "$output" "*returned a non-zero code: 1*"
	[[ $output != *"cannot undo"* ]]
	# Who holds a lock holds a file, not a name: that stays, too.
	local dir
	for dir in "$TACKLEBOX_ROOT"/build/mounts/*/; do [ -f "${dir%/}.lock" ] || fail "no lock of $dir"; done
	build <<<$'FROM bb\nRUN --mount=type=cache,id=failed,target=/c cp /c/f /f'
	assert_eq x "$(in_image f)"
}

# new_cache ID: makes it; $lock is its lock, and $dir the directory.
new_cache() {
	build <<<$'FROM bb\nRUN --mount=type=cache,id='"$1"$',target=/c echo made >/c/f'
	dir=$TACKLEBOX_ROOT/build/mounts/$(printf %s "$1" | sha256sum | cut -c-32)
	lock=$dir.lock
	[ -d "$dir" ] && [ -f "$lock" ]
}
# is_waited_for LOCK: somebody does, in flock(2).
is_waited_for() { grep -q -- "-> FLOCK .*:$(stat -c %i "$1") " /proc/locks; }

@test "RUN --mount=type=cache: who finds a shared one being filled waits for that, not for the end of a RUN" {
	local lock dir pid
	new_cache filled
	# We are the one who fills it, and is in its RUN afterwards.
	mv "$dir" "$T/away"
	exec 7<"$lock"
	flock -x 7
	timeout 60 dfile-build -q --network none --no-cache -t it -f - . <<<$'FROM bb\nRUN --mount=type=cache,id=filled,target=/c cp /c/f /f' >/dev/null 7<&- &
	pid=$!
	wait_for is_waited_for "$lock"
	mv "$T/away" "$dir"
	flock -s 7
	wait "$pid"
	assert_eq made "$(in_image f)"
	# We fail to.
	rm -r "$dir"
	flock -x 7
	timeout 60 dfile-build -q --network none --no-cache -t it -f - . <<<$'FROM bb\nRUN --mount=type=cache,id=filled,target=/c ls -A /c >/f' >/dev/null 7<&- &
	pid=$!
	wait_for is_waited_for "$lock"
	exec 7<&-
	wait "$pid"
	assert_eq "" "$(in_image f)"
	[ -d "$dir" ]
}

@test "RUN --mount=type=cache: private ones do not meet, locked ones wait" {
	build <<-'EOF'
		FROM bb AS a
		RUN --mount=type=cache,id=meet,target=/m --mount=type=cache,id=p,sharing=private,target=/p touch /p/a /m/a; i=0; until [ -e /m/b ]; do i=$((i+1)); [ $i -lt 400 ] || exit 1; sleep 0.05; done; ls -A /p >/seen
		FROM bb AS b
		RUN --mount=type=cache,id=meet,target=/m --mount=type=cache,id=p,sharing=private,target=/p touch /p/b; i=0; until [ -e /m/a ]; do i=$((i+1)); [ $i -lt 400 ] || exit 1; sleep 0.05; done; ls -A /p >/seen; touch /m/b
		FROM bb
		COPY --from=a /seen /a
		COPY --from=b /seen /b
	EOF
	assert_eq "a b" "$(in_image a) $(in_image b)"
}

@test "RUN --mount=type=cache: two locked ones are waited for in one order, whatever that of the flags is" {
	local lock dir pid first second m='--mount=type=cache,sharing=locked'
	new_cache one && first=$lock
	new_cache two && second=$lock
	[[ $first < $second ]] || { lock=$first first=$second second=$lock; }
	for flags in "$m,id=one,target=/1 $m,id=two,target=/2" "$m,id=two,target=/2 $m,id=one,target=/1"; do
		exec 7<"$first"
		flock -x 7
		dfile-build -q --network none --no-cache -f - . <<<$'FROM bb\nRUN '"$flags"' cat /1/f /2/f' >/dev/null 7<&- &
		pid=$!
		wait_for is_waited_for "$first"
		# It has not got the other one, which somebody may have who waits for this one.
		flock -n "$second" true || fail "holds the second: $flags"
		exec 7<&-
		wait "$pid"
	done
}

@test "a secret stands in no command line that -x tells" {
	printf t0psecret >"$T/secret"
	S=t0psecret dfile-build --network none -xx --secret id=s,src="$T/secret" --secret id=e,env=S -f - . 2>"$T/told" >/dev/null <<-'EOF'
		FROM bb
		RUN --mount=type=secret,id=s --mount=type=secret,id=e [ "$(cat /run/secrets/s)" = "$(cat /run/secrets/e)" ]
		RUN --mount=type=secret,id=s,env=X --mount=type=secret,id=e [ "$X" = "$(cat /run/secrets/e)" ]
	EOF
	grep -q 'ns-exec' "$T/told"
	grep -q -- '--env-from [^ ]*X=' "$T/told"
	run ! grep -q t0psecret "$T/told"
}

@test "SOURCE_DATE_EPOCH: two builds of one context are the same image" {
	mkdir d && echo x >d/x && touch d/y
	local df=$'FROM bb\nRUN date >/etc/now; mkdir -p /a/b; echo x >/a/b/c; rm /etc/now\nCOPY d /d\nWORKDIR /w\nCOPY <<EOF /doc\nx\nEOF\nLABEL a=b' one two
	export SOURCE_DATE_EPOCH=1700000000
	one=$(dfile-build -q --network none --no-cache -t one -f - . <<<"$df")
	sleep 1.1
	two=$(dfile-build -q --network none --no-cache -t two -f - . <<<"$df")
	assert_eq "$one" "$two"
	unset SOURCE_DATE_EPOCH
	assert_eq "$one" "$(dfile-build -q --network none --no-cache --build-arg SOURCE_DATE_EPOCH=1700000000 -t two -f - . <<<"$df")"
	assert_eq '["2023-11-14T22:13:20Z"]' "$(img-config two | jq -c '[.history[1:][].created, .created] | unique')"
}

@test "SOURCE_DATE_EPOCH: a layer that was made without it, or with another, is none of its" {
	local df=$'FROM bb AS a\nRUN echo x >/x\nFROM bb\nRUN echo y >/y\nCOPY --from=a /x /z\nWORKDIR /w' epoch
	build <<<"$df"
	for epoch in 1700000000 1600000000; do
		SOURCE_DATE_EPOCH=$epoch build <<<"$df"
		assert_eq "$epoch $epoch $epoch" "$(stat_in_image %Y y) $(stat_in_image %Y z) $(stat_in_image %Y w)"
		SOURCE_DATE_EPOCH=$epoch dfile-build -f - --network none . <<<"$df" >"$T/said" 2>&1
		assert_eq 4 "$(grep -c 'Using cache' "$T/said")"
	done
	# Nor that of an image that was.
	build <<<"$df"
	rm -r "$TACKLEBOX_ROOT/build/cache"
	SOURCE_DATE_EPOCH=1500000000 build --cache-from it <<<"$df"
	assert_eq "1500000000 1500000000" "$(stat_in_image %Y y) $(stat_in_image %Y z)"
}

@test "attributes and device numbers count, as what is copied with a file" {
	requires python3 user-xattr
	local df=$'FROM bb AS b\nCOPY p d /s/\nFROM bb\nCOPY --from=b /s /s\nCOPY p d /t/'
	give() { python3 -c 'import os, sys; os.setxattr(sys.argv[1], "user.x", sys.argv[2].encode())' "$1" "$2"; }
	has() { python3 -c 'import os, sys; print(os.getxattr(sys.argv[1], "user.x").decode())' "$1"; }
	echo p >p && mkdir d && give p 1 && mkdir d/e && give d/e 1
	build <<<"$df"
	assert_eq "1 1" "$(of_image has s/p) $(of_image has t/e)"
	give p 2
	build <<<"$df"
	assert_eq "2 2" "$(of_image has s/p) $(of_image has t/p)"
	give d/e 3
	build <<<"$df"
	assert_eq "3 3" "$(of_image has s/e) $(of_image has t/e)"
	wait_for eval '[ $(($(date +%s) - $(stat -c %Z p))) -gt 3 ]'
	build --no-cache <<<"$df"
	assert_eq "" "$(done_again <<<"$df")"
	give p 4
	build <<<"$df"
	assert_eq 4 "$(of_image has t/p)"
	mknod n c 1 3
	build <<<$'FROM bb\nCOPY n /n'
	rm n && mknod n c 1 5
	build <<<$'FROM bb\nCOPY n /n'
	assert_eq 1:5 "$(stat_in_image %t:%T n)"
}

@test "words that are joined the same are not the same" {
	build <<<$'FROM bb\nENV A=-O2 B=-s\nRUN echo "$A,$B" >/e'
	assert_eq -O2,-s "$(in_image e)"
	build <<<$'FROM bb\nENV A="-O2 B=-s"\nRUN echo "$A,$B" >/e'
	assert_eq "-O2 B=-s," "$(in_image e)"
	local df=$'FROM bb\nARG A\nARG B\nRUN echo "$A,$B" >/e'
	build --build-arg A=1 --build-arg B=2 <<<"$df"
	build --build-arg "A=1 B=2" <<<"$df"
	assert_eq "1 B=2," "$(in_image e)"
	df=$'FROM bb AS x\nRUN echo 1 >/a; echo 2 >/b; echo 3 >"/a b"\nFROM bb\nCOPY --from=x '
	build <<<"$df a b /n/"
	build <<<"$df [\"a b\", \"/n/\"]"
	assert_eq 3 "$(in_image "n/a b")"
	# The shell of a check, or none.
	build <<<$'FROM bb\nHEALTHCHECK CMD a b\nRUN true'
	build <<<$'FROM bb\nHEALTHCHECK CMD ["a", "b"]\nRUN true'
	assert_eq '["CMD","a","b"]' "$(setting Healthcheck.Test)"
}

@test "the network of RUN: the bridge of boxes, none, the host's" {
	requires nft
	in_fresh --net sh -c "printf 'FROM bb\nRUN ls /sys/class/net | xargs >/default; grep -c . /etc/hosts\nRUN --network=none ls /sys/class/net | xargs >/none\n' |
		TACKLEBOX_ROOT=$TACKLEBOX_ROOT TACKLEBOX_RUN=$T/run dfile-build -q -t it -f - $T/c >/dev/null && ls /run/netns" >"$T/left"
	assert_eq "eth0 lo" "$(in_image default)"
	assert_eq "lo" "$(in_image none)"
	assert_eq "" "$(cat "$T/left")"
	try <<<$'FROM bb\nRUN --network=host true'
	assert_like "$output" "*RUN --network=host is not allowed*"
	build --allow network.host <<<$'FROM bb\nRUN --network=host readlink /proc/self/ns/net >/net'
	assert_eq "$(readlink /proc/self/ns/net)" "$(in_image net)"
}
