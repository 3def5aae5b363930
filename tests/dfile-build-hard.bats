#!/usr/bin/env bats
# Hostile Dockerfiles and contexts, large ones, failures at every step, and builds that are ended.

load helpers
load dfile_build_helpers

setup_file() { build_setup_file; }
teardown_file() { tb_teardown_file; }
setup() { build_setup && mkdir "$T/canary" && echo untouched >"$T/canary/file"; }
teardown() {
	[ ! -d "$T/canary" ] || assert_eq "file untouched" "$(ls -A "$T/canary") $(cat "$T/canary/file")"
	build_teardown
}

@test "symlinks of a context, a stage and an image lead nowhere outside" {
	ln -s "$T/canary" out && ln -s "$T/canary/file" f && mkdir d && ln -s ../../canary d/up
	local what
	for what in out out/file f d/up/file ../canary/file "../$(basename "$T")/canary"; do
		try <<<"FROM bb
COPY $what /x"
		assert_eq 1 "$status" "$what"
		assert_like "$output" "*is not in the context*"
	done
	# A destination that is a symlink is taken inside the image.
	echo new >new
	build <<-EOF
		FROM bb
		RUN mkdir -p /srv/in && ln -s ../../../../../../srv/in /evil && ln -s $T/canary /out
		COPY new /evil/file
		ADD new /evil/
		WORKDIR /evil/sub
	EOF
	assert_eq "new new" "$(in_image srv/in/file) $(in_image srv/in/new)"
	try <<<$'FROM it\nCOPY new /out/file'
	assert_eq 1 "$status"
}

@test "mounts of RUN: sources that escape, caches with any id, targets that are symlinks" {
	mkdir sub && ln -s "$T/canary" link && ln -s /etc/passwd sub/p
	try <<<$'FROM bb\nRUN --mount=type=bind,source=link,target=/m cat /m/file'
	assert_eq 1 "$status"
	try <<<$'FROM bb\nRUN --mount=type=bind,source=../canary,target=/m cat /m/file'
	assert_eq 1 "$status"
	try <<-EOF
		FROM bb AS x
		RUN ln -s $T/canary /x && ln -s / /root2
		FROM bb
		RUN --mount=type=bind,from=x,source=/x,target=/m cat /m/file
	EOF
	assert_eq 1 "$status"
	local id
	for id in ../../.. / .. "$T/canary" a/../b; do
		build <<<"FROM bb
RUN --mount=type=cache,id=$id,target=/m echo x >/m/x; [ \"\$(ls /m)\" = x ]"
	done
	assert_eq "$(find "$TACKLEBOX_ROOT/build/mounts" -mindepth 1 -maxdepth 1 -type d | wc -l)" "$(find "$TACKLEBOX_ROOT/build/mounts" -name x | wc -l)"
	# A symlink in a cache, and then a mount of what it names.
	build <<-EOF
		FROM bb
		RUN --mount=type=cache,id=evil,target=/m ln -s $T/canary /m/l; ln -s / /m/r
	EOF
	try <<<$'FROM bb\nRUN --mount=type=cache,id=evil,source=l,target=/m ls /m'
	assert_eq 1 "$status"
	build <<-EOF
		FROM bb
		RUN mkdir -p /srv/p && ln -s ../../../../srv/p /place
		RUN --mount=type=tmpfs,target=/place/x touch /place/x/y
	EOF
}

@test "the end of a step removes mount points by what they are, not by what a program made of them" {
	# The program moves the directory that the mount point is in, and puts a symlink there.
	build <<-EOF
		FROM bb
		RUN --mount=type=tmpfs,target=/a/b/m mv /a /moved && ln -s $T /a && mkdir -p $T/b/m; true
		RUN --mount=type=bind,source=.,target=/p/canary umount /p/canary 2>/dev/null; true
	EOF
	assert_like "$(tree)" "*moved*"
}

@test "a Dockerfile or .dockerignore that is no file is not opened" {
	local name kind
	mkdir "$T/ctx"
	for name in Dockerfile .dockerignore Dockerfile.dockerignore; do
		for kind in "fifo p" "zero c 1 5" "random c 1 9"; do
			rm -f "$T/ctx/"* "$T/ctx/".d*
			echo FROM scratch >"$T/ctx/Dockerfile"
			rm -f "$T/ctx/$name"
			# shellcheck disable=SC2086
			mknod "$T/ctx/$name" ${kind#* }
			run -1 timeout 20 dfile-build -q - < <(tar -C "$T/ctx" -c .)
			assert_like "$output" "*$name is not a regular file*"
			run -1 timeout 20 dfile-build -q "$T/ctx"
			assert_like "$output" "*$name is not a regular file*"
		done
	done
	rm "$T/ctx/"Dock* && ln -s Real "$T/ctx/Dockerfile" && echo FROM scratch >"$T/ctx/Real"
	dfile-build -q "$T/ctx"
	# What the caller names may be anything that can be read.
	dfile-build -q -f /dev/stdin "$T/ctx" < <(echo FROM scratch)
	dfile-build -q -f <(echo FROM scratch) "$T/ctx"
}

@test "archives that climb out, bombs, a context over its bound" {
	mkdir "$T/e" && echo x >"$T/e/x"
	tar -C "$T/e" -P -cf climb.tar --transform "s,x,../../../../../../../..$T/canary/evil," x
	ln -s "$T/canary" "$T/e/l" && tar -C "$T/e" -cf link.tar l && tar -C "$T/e" -P -rf link.tar --transform 's,x,l/evil,' x
	try <<<$'FROM bb\nADD climb.tar /'
	assert_eq 1 "$status"
	try <<<$'FROM bb\nADD link.tar /'
	truncate -s 64M "$T/zeros" && tar -C "$T" -cz zeros >bomb.tgz
	# A sparse file says it is one; written out it is not.
	head -c 64M /dev/zero >"$T/zeros" && tar -C "$T" -cz zeros >bomb.tgz
	try --max-context 1m <<<$'FROM bb\nADD bomb.tgz /'
	assert_eq 1 "$status"
	run dfile-build -q --max-context 1m - <bomb.tgz
	assert_eq 1 "$status"
	run dfile-build -q - <climb.tar
	assert_eq 1 "$status"
}

@test "the mount points, the store and the host are not to be seen in a RUN" {
	build <<-EOF
		FROM bb
		RUN [ ! -e $TACKLEBOX_ROOT ] && ! grep -q "secrets" /proc/mounts
		RUN ! mount -t tmpfs x /mnt 2>/dev/null && ! mknod /sda b 8 0 && dd if=/sda of=/dev/null 2>/dev/null || true
		RUN ls -l /proc/self/fd 2>/dev/null | grep -vE '(/dev/null|pipe:|/proc/|total)' | grep -c -e '->' >/fds || true
	EOF
	assert_eq 0 "$(in_image fds)"
	try <<<$'FROM bb\nRUN --security=insecure true'
	assert_eq 1 "$status"
	assert_like "$output" "*RUN --security=insecure is not allowed*"
}

@test "a RUN that kills its parent, and one that forks without end" {
	build <<<$'FROM bb\nRUN kill -9 1; kill -9 -1; (sleep 1000 &); echo alive >/alive'
	assert_eq alive "$(in_image alive)"
	# Process 0 is all of the process group, and that one goes beyond the pid namespace.
	try <<<$'FROM bb\nRUN kill -9 0; echo never'
	assert_eq 1 "$status"
	assert_like "$output" "*returned a non-zero code: 137*"
	run -1 timeout 60 dfile-build --network none --pids-limit 50 -f - . <<-'EOF'
		FROM bb
		RUN i=0; while [ $i -lt 200 ]; do sleep 50 & i=$((i+1)); done; echo never
	EOF
	[[ $output != *$'\n'never* ]]
}

@test "memory is bounded" {
	requires cg-memory
	try -m 32m <<<$'FROM bb\nRUN dd if=/dev/zero of=/dev/null bs=200M count=1'
	assert_eq 1 "$status"
}

# no_group_left: the group of the build that `ended` has ended.
no_group_left() {
	local id
	id=$(sed -n 's/^ ---> Running in \(......\).*/\1/p' "$T/said")
	[ -n "$id" ]
	[ -z "$(find /sys/fs/cgroup -maxdepth 4 -name "build-$id*" 2>/dev/null)" ]
}

# ended SIGNAL: a build in the middle of a RUN.
ended() {
	rm -f "$T/said"
	dfile-build --network none -f - . >"$T/said" 2>&1 <<<$'FROM bb\nRUN echo begun; sleep '"$long" &
	local pid=$!
	wait_for grep -q '^begun' "$T/said"
	kill "-$1" "$pid"
	status=0
	wait "$pid" || status=$?
}

@test "a build that is ended by a signal leaves nothing, and the next one works" {
	local s long=$((2000000 + BASHPID)) # nobody else sleeps so long
	for s in INT:130 TERM:143 HUP:129; do
		ended "${s%:*}"
		assert_eq "${s#*:}" "$status"
		no_build_left
		no_group_left
	done
	ended KILL
	assert_eq 137 "$status"
	wait_for sh -c "! pgrep -f '[s]leep $long' >/dev/null"
	build <<<$'FROM bb\nRUN true'
	no_build_left
	no_group_left
}

@test "faults: each step fails once, nothing is left, and the next build works" {
	mkdir d && echo x >d/f
	printf 'FROM bb\nCOPY d /d\nCOPY --link d /l/\nRUN --mount=type=cache,target=/c --mount=type=bind,source=d,target=/m echo x >/x\nWORKDIR /w\n' >Dockerfile
	local call n failed=0
	for call in mkdir spawn mount layer open rename flock umount clone setns fsync link unlink write mkdirat bind openat fchownat renameat chmod chown; do
		for n in 1 2 3 5 8; do
			status=0
			TACKLEBOX_FAIL=$call:EIO@$n timeout 60 dfile-build -q --network none --no-cache . >/dev/null 2>"$T/err" || status=$?
			[ "$status" -eq 0 ] || failed=$((failed + 1))
			[ "$status" -le 1 ] || fail "$call@$n: status $status: $(cat "$T/err")"
			no_build_left
		done
	done
	[ "$failed" -gt 20 ] || fail "only $failed failed"
	dfile-build -q --network none . >/dev/null
}

@test "killed anywhere, the next build works" {
	mkdir d && echo x >d/f
	printf 'FROM bb\nCOPY d /d\nRUN echo x >/x\n' >Dockerfile
	local call n
	for call in rename layer mount spawn mkdir; do
		for n in 1 2 4; do
			TACKLEBOX_FAIL=$call:KILL@$n dfile-build -q --network none --no-cache . >/dev/null 2>&1 || :
			assert_eq 64 "$(dfile-build -q --network none . | cut -c8- | tr -d '\n' | wc -c)" "$call@$n"
			img-gc >/dev/null
			no_build_left
		done
	done
}

@test "cycles, a thousand stages, ten megabytes, five hundred layers" {
	try <<<$'FROM bb AS a\nCOPY --from=b /x /\nFROM bb AS b\nCOPY --from=a /x /'
	assert_like "$output" "*circular dependency detected on stage: a*"
	{ echo "FROM bb AS s0"; for i in {1..999}; do echo "FROM s$((i - 1)) AS s$i"; echo "ENV A$i=1"; done; } >many
	dfile-build -q -t it -f many . >/dev/null
	assert_eq 999 "$(setting 'Env | map(select(startswith("A"))) | length')"
	# As many that do not need each other, of which a hundred are needed.
	{
		for i in {0..998}; do printf 'FROM scratch AS s%d\nCOPY many /m%d\n' "$i" "$((i % 3))"; done
		echo "FROM bb"
		for i in {0..998..10}; do echo "COPY --from=s$i / /d$i/"; done
	} >wide
	dfile-build -q -t it -f wide . >/dev/null
	assert_eq 100 "$(tree | grep -c ' d[0-9]*/m[0-9]$')"
	{ echo "FROM bb"; for i in {1..100}; do printf 'ENV A%d=%0100000d\n' "$i" 0; done; } >large
	dfile-build -q -t it -f large . >/dev/null
	{ echo "FROM bb"; for i in {1..499}; do printf 'COPY <<E /f%d\n%d\nE\n' $((i % 7)) "$i"; done; } >deep
	dfile-build -q -t it -f deep . >/dev/null
	assert_eq 500 "$(layers)"
	assert_eq 499 "$(in_image f2)"
	printf 'COPY many /\n' >>deep
	run -1 dfile-build -q -f deep .
	assert_like "$output" "*there are 500 layers already*"
}

@test "builds side by side: the same one twice, one of a shared cache, one that waits for it" {
	local i
	printf 'FROM bb\nRUN --mount=type=cache,id=l,sharing=locked,target=/c n=$(cat /c/n 2>/dev/null || echo 0); sleep 0.1; echo $((n+1)) >/c/n; echo %s\n' x >Dockerfile
	for i in 1 2 3 4; do
		dfile-build -q --no-cache --network none --build-arg "X=$i" . >/dev/null 2>&1 &
	done
	wait
	build <<<$'FROM bb\nRUN --mount=type=cache,id=l,target=/c cat /c/n >/n'
	assert_eq 4 "$(in_image n)"
	no_build_left
}
