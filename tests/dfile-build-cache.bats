#!/usr/bin/env bats
# What is done again, and what is not; stages side by side; what mounts of RUN show; images that are
# the same to the bit.

load helpers
load dfile_build_helpers

setup_file() { build_setup_file; }
teardown_file() { tb_teardown_file; }
setup() { build_setup; }
teardown() { build_teardown; }

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

@test "--cache-from: the layers of an image whose records are gone" {
	local df=$'FROM bb\nRUN date +%N >/when\nENV A=1\nRUN echo x >/x'
	done_again <<<"$df" >/dev/null
	img-tag it cached
	rm -f "$TACKLEBOX_ROOT"/build/cache/*
	assert_eq "" "$(done_again --cache-from cached <<<"$df")"
	assert_eq "$(img-config cached | jq -c .rootfs)" "$(img-config it | jq -c .rootfs)"
	rm -f "$TACKLEBOX_ROOT"/build/cache/*
	assert_eq 4 "$(done_again --cache-from cached <<<"${df/echo x/echo y}")"
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

@test "a secret stands in no command line that -x tells" {
	echo t0psecret >"$T/secret"
	S=t0psecret dfile-build --network none -xx --secret id=s,src="$T/secret" --secret id=e,env=S -f - . 2>"$T/told" >/dev/null <<-'EOF'
		FROM bb
		RUN --mount=type=secret,id=s --mount=type=secret,id=e [ "$(cat /run/secrets/s)" = "$(cat /run/secrets/e)" ]
	EOF
	grep -q 'ns-exec' "$T/told"
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
	assert_eq '["2023-11-14T22:13:20Z"]' "$(img-config two | jq -c '[.history[1:][].created, .created] | unique')"
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
