#!/usr/bin/env bats
# bats file_tags=image
# What a kill, at a random moment or at a chosen call, leaves of the store: the old state or the new.
# Kills at each rename of import, load, commit and gc stand in their own files; here are tag and rm at
# each step, and all of them at random.
load helpers
load registry
load lib/layers
load lib/images

setup_file() { tb_setup_file; }
teardown_file() { tb_teardown_file; }
setup() {
	tb_setup
	images_setup
}
teardown() {
	double_stop
	tb_teardown
}

names() { img-ls --json | jq -r '"\(.repository):\(.tag) \(.id)"' | sort; }

# model: a store with two images, kept in $T/model; what is to be loaded in $T/layered.tar.
model() {
	small_tar "$T/a.tar"
	small_tar "$T/b.tar" other
	img-import one <"$T/a.tar" >/dev/null
	img-import two <"$T/b.tar" >/dev/null
	layered app:1 >/dev/null
	cp -a "$TACKLEBOX_ROOT" "$T/model"
	old=$(names)
}
back() { rm -rf "$TACKLEBOX_ROOT" && cp -a "$T/model" "$TACKLEBOX_ROOT"; }

# old_or_new NEW: after a kill: whole, and the names are those before or those after; what is left
# over goes with a collection, and the images do not.
old_or_new() {
	local now
	whole_store || return
	now=$(names)
	[[ $now == "$old" || $now == "$1" ]] || fail "neither old nor new: $now" || return
	img-gc --keep-nameless >/dev/null && no_temporaries && whole_store || return
	[[ $(names) == "$now" ]] || fail "the collection took images: $(names)"
}

# killed_anywhere COMMAND…: at random moments of its life, $many times; then it runs to its end.
killed_anywhere() {
	local i new from to pid
	back
	from=${EPOCHREALTIME/./}
	"$@" >/dev/null 2>&1 || fail "$* does not succeed" || return
	to=${EPOCHREALTIME/./}
	new=$(names)
	for ((i = 0; i < many; i++)); do
		back
		"$@" >/dev/null 2>&1 3>&- &
		pid=$!
		sleep "$(printf '0.%06d' $((RANDOM * (to - from < 900000 ? to - from : 900000) / 32768)))"
		kill -9 "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
		old_or_new "$new" || fail "after a kill of $*" || return
		"$@" >/dev/null 2>&1 || [[ $(names) == "$new" ]] || fail "the next run of $* fails" || return
		assert_eq "$new" "$(names)" "names after the next run of $*" && whole_store || return
	done
}

# killed_at_each_step COMMAND…: killed at each step of the door's, before it is made.
killed_at_each_step() {
	local n new
	back
	"$@" >/dev/null 2>&1 || fail "$* does not succeed" || return
	new=$(names)
	for ((n = 1; n <= 60; n++)); do
		back
		TACKLEBOX_FAIL=step:KILL@$n "$@" >/dev/null 2>&1 && break
		assert_eq 137 "$?" "status of $* killed at step $n" || return
		((++kills))
		old_or_new "$new" || fail "after the kill at step $n of $*" || return
	done
	((n <= 60)) || fail "$* never ends"
}

# ordered COMMAND…: each file is written back before it gets its name, a tree by syncfs; then the
# directory of the name; the index is last.
ordered() {
	strace -f -y -qq -o "$T/trace" -e trace=fsync,syncfs,rename,renameat,renameat2 "$@" >/dev/null || return
	awk '
		/syncfs/ { synced = 1 }
		/fsync/ { match($0, /<[^>]*>/); last = substr($0, RSTART + 1, RLENGTH - 2); clean[last] = 1; due[last] = 0 }
		/rename/ {
			split($0, q, "\""); from = q[2]; to = q[4]
			if (from ~ /layers\/\.tmp-/ && to !~ /json$/) { if (!synced) bad = bad " " to }
			else if (!clean[from]) bad = bad " " to
			dir = to; sub(/\/[^\/]*$/, "", dir); due[dir] = 1; n++; final = to
			if (to ~ /index.json$/) for (d in due) if (due[d] && d != dir) bad = bad " " d
		}
		END { for (d in due) if (due[d]) bad = bad " " d
			if (bad || !n || final !~ /index.json$/) { print "not in order:" bad; exit 1 } }' "$T/trace" ||
		fail "$*: $(<"$T/trace")"
}

@test "killed at random moments: the old state or the new, and the next run succeeds" {
	requires python3 zstd
	local many
	many=$((($(rounds) + 6) / 7))
	model
	three_layers
	double_start "$T/layout"
	killed_anywhere img-pull "$DOUBLE/good/app:1"
	killed_anywhere img-load -i "$T/layered.tar"
	killed_anywhere img-commit -p one -f "$T/b.tar" mine
	killed_anywhere img-tag one two
	killed_anywhere img-rm two
	killed_anywhere img-gc
	TACKLEBOX_ROOT=$T/second img-load -i "$T/layered.tar" >/dev/null
	TACKLEBOX_ROOT=$T/second img-save app:1 >"$T/app.tar"
	squash -t app:2 <"$T/app.tar" >"$T/squashed.tar"
	killed_anywhere img-load -i "$T/squashed.tar"
}

@test "tag and rm killed at each step of the door: old or new" {
	local kills=0
	model
	killed_at_each_step img-tag one two
	killed_at_each_step img-rm two
	((kills >= 4)) || fail "only $kills kills"
}

@test "pull, commit, tag and rm: written, then named, then the directory, and the index last" {
	requires strace python3 zstd
	model
	three_layers
	double_start "$T/layout"
	ordered img-pull "$DOUBLE/good/app:1"
	ordered img-load -i "$T/layered.tar"
	ordered img-commit -p one -f "$T/b.tar" mine
	ordered img-tag one three
	ordered img-rm three
}

@test "a full disk: commit and pull say so and lose nothing, and a collection makes room" {
	requires root python3 zstd
	model
	head -c 12M /dev/urandom >"$T/big" && tar -C "$T" -cf "$T/big.tar" big
	ARCH=$(host_arch) make_layout "$T/layout" img "$T/big.tar"
	double_start "$T/layout"
	export -f whole_store no_temporaries assert_eq fail
	unshare --mount --propagation private bash -ec '
		mkdir "$T/disk" && mount -t tmpfs -o size=8m tbtest "$T/disk"
		cp -a "$T/model" "$T/disk/state" && export TACKLEBOX_ROOT=$T/disk/state
		images=$TACKLEBOX_ROOT/images layers=$TACKLEBOX_ROOT/layers
		cp "$images/index.json" "$T/before"
		for try in "img-commit -p one -f $T/big.tar mine" "img-pull $DOUBLE/good/app:1"; do
			! $try >"$T/out" 2>"$T/err" || exit 3
			grep -q "No space left on device (ENOSPC)" "$T/err" && [[ $(grep -c "^img-[a-z]*: " "$T/err") == 1 ]] ||
				{ cat "$T/err" >&2; exit 4; }
			cmp "$T/before" "$images/index.json"
			whole_store
			no_temporaries
		done
		img-rm two >/dev/null
		dd if=/dev/zero of="$images/tmp/left" bs=64k 2>/dev/null || true
		! echo x >>"$T/disk/full" || exit 5
		rm -f "$T/disk/full"
		img-gc >/dev/null
		whole_store
		no_temporaries
		img-commit -p one -f "$T/b.tar" mine >/dev/null && whole_store'
}
