#!/usr/bin/env bats
# What was done to other builders, done to this one. Each row that the others' advisories have for a
# build, and the test that shows it:
#
#   git URLs with options (CVE-2019-13139)          dfile-build-remote: options, or programs, in disguise
#   sources of mounts that are symlinks (2024-1753) dfile-build-hard: mounts of RUN
#   cache ids that climb (2024-9675)                dfile-build-hard: mounts of RUN
#   a race for what is mounted (2024-23651)         here: a cache whose parts are swapped
#   teardown that follows links (2024-23652)        dfile-build-hard: the end of a step
#   rights nobody gave (2024-23653)                 dfile-build-hard: the mount points … are not to be seen
#   archives that climb (2014-9356, 2018-15664)     dfile-build-hard: archives that climb out, bombs
#   a decompressor out of the image (2014-9357)     here: nothing of the image is run by ADD
#   capabilities that are inherited (2022-24769)    here: what a RUN may
#   overlay's own attributes                        here: attributes and names that mean something to overlay
#   bombs, a context over its bound                 dfile-build-hard: archives that climb out, bombs
#   text that a terminal obeys                      here: control characters
#   kill -9 anywhere                                dfile-build-hard: killed anywhere
#   Ctrl-C anywhere                                 here: thirty moments
#   the disk is full                                here
#   a RUN that kills its parent                     dfile-build-hard: a RUN that kills its parent
#   a RUN that forks without end                    here
#   1,000 stages, cycles, 10 MB                     dfile-build-hard: cycles, a thousand stages …
load helpers
load dfile_build_helpers

setup_file() { build_setup_file; }
teardown_file() { tb_teardown_file; }
setup() { build_setup && mkdir "$T/canary" && echo untouched >"$T/canary/file"; }
teardown() {
	[ ! -d "$T/canary" ] || assert_eq "file untouched" "$(ls -A "$T/canary") $(cat "$T/canary/file")"
	build_teardown
}

@test "a cache whose parts are swapped while it is mounted shows nothing of the host" {
	build <<-EOF
		FROM bb
		RUN --mount=type=cache,id=race,target=/c mkdir -p /c/d/s && echo inside >/c/d/s/file && ln -s $T /c/evil && ln -s canary /c/s
	EOF
	# In the place of d there is now the directory, now a symlink to the directory above the canary.
	dfile-build -q --network none -f - . >/dev/null <<-'EOF' &
		FROM bb
		RUN --mount=type=cache,id=race,target=/c i=0; while [ ! -e /c/stop ] && [ $i -lt 100000 ]; do i=$((i+1)); mv /c/d /c/x; mv /c/evil /c/d; mv /c/d /c/evil; mv /c/x /c/d; done
	EOF
	# Most rounds find neither, for nothing is called d; but that something was looked into counts, too.
	local pid=$! i=0
	until [ $i -ge 15 ] && grep -q '^saw inside' "$T/out" || [ $i -ge 1000 ]; do
		i=$((i + 1))
		dfile-build --network none --no-cache -f - . >>"$T/out" 2>&1 <<-'EOF' || :
			FROM bb
			RUN --mount=type=cache,id=race,source=d/s,target=/m echo "saw $(cat /m/file)"; rm -f /m/file.$$
			RUN --mount=type=cache,id=race,source=d/canary,target=/m echo "saw $(cat /m/file)"; rm -f /m/file
		EOF
	done
	build --no-cache <<<$'FROM bb\nRUN --mount=type=cache,id=race,target=/c touch /c/stop'
	wait "$pid"
	grep -q '^saw inside' "$T/out"
	run ! grep -q untouched "$T/out"
}

@test "nothing of the image is run by ADD, COPY, WORKDIR and --chown" {
	echo f >f
	tar -cJf a.txz f && tar -cjf a.tbz f && tar -czf a.tgz f && tar -c f | zstd -q >a.tzst
	build <<-'EOF'
		FROM bb
		RUN for i in xz bzip2 gzip zstd tar getent id chown; do printf '#!/bin/sh\ntouch /ran\n' >/bin/$i.new && chmod 755 /bin/$i.new && mv -f /bin/$i.new /bin/$i; done; mkdir -p /lib && cp /bin/xz /lib/libnss_files.so.2
		ENV LD_PRELOAD=/lib/libnss_files.so.2 PATH=/bin LD_LIBRARY_PATH=/lib
		ADD a.txz /1/
		ADD a.tbz /2/
		ADD a.tgz /3/
		ADD a.tzst /4/
		COPY --chown=dan:extra f /5/
		USER dan
		WORKDIR /6
	EOF
	assert_eq "1/f 2/f 3/f 4/f 5/f" "$(tree | awk '$3 ~ /^[0-9]\/f$/ { print $3 }' | xargs)"
	[ -z "$(tree | grep -w ran || :)" ]
}

@test "what a RUN may: no inheritable capability, no new privileges beyond Docker's, no device, no host" {
	build <<-'EOF'
		FROM bb
		RUN grep -E '^(Cap|NoNewPrivs|Seccomp):?' /proc/self/status >/root.status; grep ^Cap /proc/self/status >>/root.status
		USER dan
		RUN grep ^Cap /proc/self/status >/old/status
	EOF
	assert_eq "0000000000000000 00000000a80425fb" "$(in_image root.status | awk '/^CapInh/ { a = $2 } /^CapBnd/ { b = $2 } END { print a, b }')"
	assert_eq "0000000000000000 0000000000000000 0000000000000000" "$(in_image old/status | awk '/^Cap(Inh|Eff|Amb)/ { print $2 }' | xargs)"
	assert_eq 2 "$(in_image root.status | awk '/^Seccomp:/ { print $2 }')"
}

@test "attributes and names that mean something to overlay mean nothing when they are copied" {
	requires setfattr
	mkdir -p d/e && echo x >d/e/x
	# A context may be on a file system where such attributes can be set; trusted ones by root alone.
	setfattr -n trusted.overlay.opaque -v y d/e && setfattr -n trusted.overlay.redirect -v /etc d
	setfattr -n user.overlay.opaque -v y d/e 2>/dev/null || :
	mkdir w && touch w/.wh.dir w/.wh..wh..opq && tar -cf w.tar -C w .
	tar --xattrs --xattrs-include='*' -cf x.tar -C d e
	build <<-'EOF'
		FROM bb
		RUN mkdir -p /t/e && echo below >/t/e/below && mkdir /t2 && echo below >/t2/below && mkdir /t2/dir && mkdir -p /t3/e && echo below >/t3/e/below
		COPY d /t
		ADD x.tar /t3/
		COPY w /t2/
	EOF
	assert_eq "below below below" "$(in_image t/e/below) $(in_image t2/below) $(in_image t3/e/below)"
	[ "$(stat_in_image %F t2/dir)" = directory ]
	# And when the image has been somewhere else.
	img-save it | TACKLEBOX_ROOT=$T/other img-load >/dev/null
	assert_eq "below below below" "$(TACKLEBOX_ROOT=$T/other; in_image t/e/below) $(TACKLEBOX_ROOT=$T/other; in_image t2/below) $(TACKLEBOX_ROOT=$T/other; in_image t3/e/below)"
}

@test "control characters in a Dockerfile, a name or a message never reach a terminal" {
	printf 'FROM bb\nLABEL a="\033[31mred\007"\nENV A=\033]0;title\007\nCOPY no\033[2Jne /\n' >Dockerfile
	run dfile-build --network none .
	assert_eq 1 "$status"
	[[ $output != *$'\033'* && $output != *$'\a'* ]]
	run dfile-build --network none --progress tty .
	[[ ${output//$'\033[K'/} != *$'\033'* && $output != *$'\a'* ]]
	printf 'FROM bb\n\033[31mRUN x\n' >Dockerfile
	run dfile-build --network none .
	assert_like "$output" "*Dockerfile:2: unknown instruction*"
	[[ $output != *$'\033'* ]]
	run dfile-build --network none --target $'\033[31m' .
	[[ $output != *$'\033'* ]]
}

@test "a RUN that forks without end comes to its bound, and nothing is left of it" {
	local said
	run -1 timeout 60 dfile-build --network none --pids-limit 60 -f - . <<-'EOF'
		FROM bb
		RUN while :; do (while :; do sleep 1000 & done) & done; echo never
	EOF
	[[ $output != *$'\n'never* ]]
	# One that stays at its bound, and is ended from outside.
	dfile-build --network none --pids-limit 60 -f - . >"$T/said" 2>&1 <<-'EOF' &
		FROM bb
		RUN (while :; do sleep 77777 & done); echo begun; exec sleep 77777
	EOF
	local pid=$!
	wait_for grep -q '^begun' "$T/said"
	kill -INT "$pid"
	status=0
	wait "$pid" || status=$?
	assert_eq 130 "$status"
	said=$(sed -n 's/^ ---> Running in \(......\).*/\1/p' "$T/said")
	[ -z "$(find /sys/fs/cgroup -maxdepth 4 -name "build-$said*" 2>/dev/null)" ]
}

@test "Ctrl-C in the middle, at thirty moments: nothing is left, and the next build works" {
	local i pid ended=0 seed=$RANDOM
	mkdir d && for i in {1..50}; do echo "$i" >"d/$i"; done
	cat >Dockerfile <<-'EOF'
		FROM bb AS one
		COPY d /d
		RUN --mount=type=cache,id=c,target=/c --mount=type=bind,source=d,target=/m cp -r /m /c/; echo 1 >/one
		FROM bb AS two
		RUN --mount=type=tmpfs,target=/t echo 2 >/two
		COPY --link d /link/
		FROM bb
		COPY --from=one /one /
		COPY --from=two /two /
		RUN cat /one /two >/both
	EOF
	echo "seed $seed"
	RANDOM=$seed
	# Moments while it builds: within as long as it takes here.
	local from=${EPOCHREALTIME/./} took
	dfile-build -q --network none --no-cache -t it . >/dev/null
	took=$(((${EPOCHREALTIME/./} - from) / 1000))
	((took < 900)) || took=900
	for i in {1..30}; do
		dfile-build -q --network none --no-cache -t it . >/dev/null 2>"$T/err" &
		pid=$!
		sleep "$(printf '0.%03d' $((RANDOM % (took + 1))))"
		kill "-$([ $((i % 3)) -eq 0 ] && echo TERM || echo INT)" "$pid" 2>/dev/null || :
		status=0
		wait "$pid" || status=$?
		[[ $status =~ ^(0|130|143)$ ]] || fail "round $i: status $status: $(cat "$T/err")"
		[ "$status" -eq 0 ] || ended=$((ended + 1))
		no_build_left
	done
	[ "$ended" -gt 0 ] || fail "none of 30 was quick enough"
	dfile-build -q --network none -t it . >/dev/null
	assert_eq $'1\n2' "$(in_image both)"
	img-gc >/dev/null
	dfile-build -q --network none --no-cache -t it . >/dev/null
	assert_eq $'1\n2' "$(in_image both)"
}

full() {
	export TACKLEBOX_ROOT=$T/here/state
	local before
	mount -o remount,size=24m "$T/here"
	tar -C "$TB_DIR/rootfs" -c . | img-import bb >/dev/null
	before=$(img-ls -q)
	cd "$T/c" || return
	for what in 'RUN dd if=/dev/zero of=/big bs=1M count=40' 'COPY big /' 'COPY --link big /' 'ADD big.tar /x/'; do
		try <<<$'FROM bb\n'"$what"
		assert_eq 1 "$status" "$what"
		assert_like "$output" "*No space left on device*" "$what"
		assert_eq "$before" "$(img-ls -q)"
		no_build_left
	done
	build <<<$'FROM bb\nRUN echo small >/small'
	assert_eq small "$(in_image small)"
}
@test "the disk is full: one clear error, nothing half made, and a smaller build works" {
	head -c 40M /dev/urandom >big && tar -cf big.tar big
	in_fresh "" full
}
