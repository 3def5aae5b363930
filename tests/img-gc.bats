#!/usr/bin/env bats
# bats file_tags=image
# shellcheck disable=SC2030,SC2031 # each test is a subshell of its own, as is meant
# img-tag, img-rm, img-gc: names, and what becomes of an image without one.
load helpers
load lib/layers
load lib/images

setup_file() { tb_setup_file; }
teardown_file() { tb_teardown_file; }
setup() {
	tb_setup
	images_setup
}
teardown() { tb_teardown; }

# names: all names of the store, sorted, in the short form.
names() { img-ls --json | jq -r '"\(.repository):\(.tag)"' | sort | tr '\n' ' '; }

# two: the images one (and uno:1) and two.
two() {
	small_tar "$T/a.tar"
	small_tar "$T/b.tar" other
	one=$(img-import one <"$T/a.tar")
	two=$(img-import two <"$T/b.tar")
	img-tag one uno:1 >/dev/null
}

# only_needed: the store holds what its images need, and nothing else.
only_needed() {
	local need have
	need=$(for d in $(jq -r '.manifests[].digest' "$images/index.json"); do
		echo "${d#*:}"
		jq -r '.config.digest[7:], .layers[].digest[7:]' "$images/blobs/sha256/${d#*:}"
	done | sort -u)
	have=$(ls "$images/blobs/sha256")
	assert_eq "$need" "$have" "blobs" || return
	need=$(for d in $(jq -r '.manifests[].digest' "$images/index.json"); do img-layers "$d"; done | sort -u)
	have=$(find "$layers" -mindepth 1 -maxdepth 1 ! -name '*.json' | sort)
	assert_eq "$need" "$have" "layers" || return
	have=$(find "$layers" -mindepth 1 -maxdepth 1 -name '*.json' | sed 's/\.json$//' | sort)
	assert_eq "$need" "$have" "their records" && no_temporaries
}

@test "img-tag: by name, id and part of it; the name moves, the id stays" {
	two
	run -0 img-tag "${two:7:12}" localhost:5000/a/b uno:1
	assert_eq "$two" "$output"
	assert_eq "localhost:5000/a/b:latest one:latest two:latest uno:1 " "$(names)"
	assert_eq "$two" "$(img-ls --no-trunc -q uno:1)"
	run -0 img-tag one one
	assert_eq "localhost:5000/a/b:latest one:latest two:latest uno:1 " "$(names)"
	local word
	for word in Bad 'a b' "x@$one" "${one#sha256:}"; do
		run -2 img-tag one "$word"
	done
	other_store none
	run -1 img-tag one two
	[[ ! -e $TACKLEBOX_ROOT ]]
	whole_store
}

@test "img-rm: a name, the last name, an id, several at once or none" {
	two
	run -0 img-rm one
	assert_eq "Untagged: one:latest" "$output"
	assert_eq "two:latest uno:1 " "$(names)"
	run -1 img-rm two none
	assert_error img-rm 'there is no image none' '*'
	assert_eq "two:latest uno:1 " "$(names)" "all or nothing"
	run -0 img-rm uno:1 "${two:7:10}"
	assert_eq "Untagged: uno:1"$'\n'"Untagged: two:latest"$'\n'"Deleted: $one"$'\n'"Deleted: $two" "$output"
	assert_eq "" "$(names)"
	two
	run -1 img-rm "$one"
	assert_error img-rm "image $one has 2 names" 'remove them by name, or all of them by --force'
	run -1 img-rm sha256:
	assert_eq "one:latest two:latest uno:1 " "$(names)"
	run -0 img-rm -f "$one"
	assert_like "$output" "*Deleted: $one"
	assert_eq "two:latest " "$(names)"
	whole_store
}

@test "img-rm: an image that cannot be read goes too" {
	two
	local d
	d=$(jq -r '.manifests[] | select(.annotations[] == "docker.io/library/two:latest").digest' "$images/index.json")
	rm "$images/blobs/sha256/${d#*:}"
	run -1 img-gc
	assert_error img-gc "cannot tell what docker.io/library/two:latest needs: * (ENOENT)" 'nothing was removed: *'
	run -0 img-rm two
	assert_eq "Untagged: two:latest"$'\n'"Deleted: $d" "$output"
	img-gc && only_needed
}

@test "img-gc: what is not needed goes, what is stays, and all is told" {
	two
	layered app:1 gzip >/dev/null
	img-load -i "$T/layered.tar"
	run -0 img-gc --json
	assert_json '. == {images: 0, blobs: 0, layers: 0, temporaries: 0, bytes: 0}'
	only_needed
	img-rm app:1
	echo left >"$images/tmp/1-2-3" && mkdir -p "$layers/.tmp-1/deep/er" && echo '{}' >"$layers/$(printf '%064d' 0).json"
	run -0 img-gc -n
	assert_like "$output" '*no image has this blob*'
	run -0 img-gc --json
	# Manifest, config, three layers (one of them twice); one tree is image one's as well.
	assert_json '.images == 0 and .blobs == 5 and .layers == 3 and .temporaries == 3 and .bytes > 1000'
	only_needed
	whole_store
	assert_eq "one:latest two:latest uno:1 " "$(names)"
}

# deep_layer FILE [ENTRY…]: a layer of three chains of 150 directories, and these entries. Such depths
# are emptied in several passes, by way of names at the top.
deep_layer() {
	local chain
	chain=$(printf 'd/%.0s' {1..149})
	# A tmpfs lists first what was made last: the entries are still there when the chains are emptied.
	{
		printf '%s\n' "${@:2}"
		printf "{\"name\": \"%d/$chain\", \"type\": \"5\"}\n" 1 2 3
	} | mktar >"$1"
}

@test "img-gc: a deep layer that has the names which emptying it takes" {
	deep_layer "$T/deep.tar" '{"name": ".sweep-0", "data": "x"}' '{"name": ".sweep-1/f", "data": "x"}' \
		'{"name": ".sweep-2", "type": "2", "link": "/"}' '{"name": ".sweep-4/d/d/f", "data": "x"}'
	img-import deep <"$T/deep.tar"
	img-rm deep
	run -0 img-gc
	only_needed && whole_store
	[[ -z $(ls -A "$layers") ]] || fail "left: $(ls -A "$layers")"
}

@test "img-gc: killed again and again while it empties a deep layer, it ends nevertheless" {
	requires strace
	local n killed=0
	deep_layer "$T/deep.tar"
	img-import deep <"$T/deep.tar"
	img-rm deep
	# On the way down each directory is asked for once, on the way up it goes: 200 are a pass and a half.
	for ((n = 0; n < 40; n++)); do
		run strace -f -qq -o /dev/null -e trace=unlinkat,rmdir -e inject=unlinkat,rmdir:signal=KILL:when=200 img-gc
		((status != 0)) || break
		assert_status 137
		((++killed))
	done
	((n < 40)) || fail "it never ends"
	((killed > 3)) || fail "only $killed kills"
	run -0 img-gc
	only_needed && whole_store
	[[ -z $(ls -A "$layers") ]] || fail "left: $(ls -A "$layers")"
}

@test "img-gc: images without a name" {
	two
	img-tag two one
	img-rm uno:1
	img-import <"$T/a.tar" >/dev/null
	run -0 img-gc --keep-nameless --json
	assert_json '.images == 0'
	assert_eq 3 "$(img-ls --json | wc -l)"
	run -0 img-gc
	assert_like "$output" '*B: 1 images, * blobs, 1 layers, 0 temporaries'
	assert_eq "one:latest two:latest " "$(names)"
	only_needed && whole_store
}

@test "img-gc: an index for several machines keeps what is here of it; other things' blobs stay" {
	requires skopeo
	two
	local d size other
	d=$(jq -r '.manifests[0].digest' "$images/index.json")
	size=$(stat -c %s "$images/blobs/sha256/${d#*:}")
	other=sha256:$(printf '%064d' 7)
	jq -cn '{schemaVersion: 2, manifests: [{mediaType: "application/vnd.oci.image.manifest.v1+json", digest: $d, size: $s},
		{mediaType: "application/vnd.oci.image.manifest.v1+json", digest: $o, size: 7,
		platform: {os: "linux", architecture: "riscv64"}}]}' --arg d "$d" --argjson s "$size" --arg o "$other" >"$T/index"
	other=$(sha256sum <"$T/index" | cut -d' ' -f1)
	cp "$T/index" "$images/blobs/sha256/$other"
	jq --arg d "sha256:$other" '.manifests = [{digest: $d, size: 1, annotations: {"org.opencontainers.image.ref.name": "many:1"}}]' \
		"$images/index.json" >"$T/i" && cp "$T/i" "$images/index.json"
	run -0 img-gc --json
	assert_json '.layers == 1'
	img-layers many:1 && whole_store
}

@test "img-gc: a mounted layer stays until it is not" {
	requires root overlay
	two
	mkdir "$T/m"
	img-rm two >/dev/null
	small_tar "$T/c.tar" third
	img-import three <"$T/c.tar"
	in_fresh() {
		unshare --mount --propagation private bash -c '
			(img-layers one; img-layers three) | ufs-mount -u "$0/up" -w "$0/wk" "$0/m" >/dev/null &&
			img-rm three one uno:1 >/dev/null && img-gc --json && cat "$0/m/etc/motd"' "$T"
	}
	run -0 in_fresh
	assert_eq third "${lines[1]}"
	output=${lines[0]} assert_json '.layers == 1'
	run -0 img-gc --json
	assert_json '.layers == 2 and .blobs == 0'
	only_needed
}

# boxed BOX ID: a box made of that image, as far as images are concerned.
boxed() {
	mkdir -p "$TACKLEBOX_ROOT/boxes/$1"
	printf '{"Id":"%s","ImageID":"%s"}' "$1" "$2" >"$TACKLEBOX_ROOT/boxes/$1/box.json"
}

@test "what a box is made of stays: img-rm refuses, or is forced and its layers remain" {
	local box dirs id
	box=$(printf '%064x' 11)
	two
	id=$(layered app:1)
	img-load -i "$T/layered.tar"
	mapfile -t dirs < <(img-layers app:1)
	boxed "$box" "$id"
	# Not the last name.
	img-tag app:1 app:2 >/dev/null
	run -0 img-rm app:2
	cp "$images/index.json" "$T/before"
	run -1 img-rm app:1 two
	assert_error img-rm "cannot remove $id: box ${box:0:12} was made of it" 'remove the box first; *'
	run -1 img-rm "${id:7:12}"
	cmp "$T/before" "$images/index.json"
	# Without a name, and then without an entry.
	img-tag two app:1 >/dev/null
	run -0 img-gc --json
	assert_json '.images == 0 and .layers == 0'
	run -0 img-layers "$id"
	run -0 img-rm -f "$id"
	for _ in 1 2; do
		run -0 img-gc
		for dir in "${dirs[@]}"; do [[ -d $dir ]] || fail "$dir is gone"; done
	done
	# A box that says nothing may have any layer.
	img-rm app:1 two >/dev/null
	echo '{' >"$TACKLEBOX_ROOT/boxes/$box/box.json"
	run -0 --separate-stderr img-gc --json
	assert_json '.layers == 0'
	assert_like "$stderr" '*unpacked layers stay: a box does not say which it has'
	rm -r "$TACKLEBOX_ROOT/boxes"
	run -0 img-gc
	only_needed
	assert_eq "one:latest uno:1 " "$(names)"
}

@test "img-gc waits for who adds, and who adds for it" {
	two
	img-rm two >/dev/null
	mkfifo "$T/pipe"
	img-import four <"$T/pipe" >"$T/four" 3>&- &
	local adder=$! collector
	exec 8>"$T/pipe"
	wait_for compgen -G "$layers/.tmp-*" >/dev/null
	img-gc --json >"$T/gc" 3>&- 8>&- &
	collector=$!
	wait_for grep -q "FLOCK.*WRITE.* $collector " /proc/locks
	[[ ! -s $T/gc ]]
	cat "$T/b.tar" >&8
	exec 8>&-
	wait "$adder" && wait "$collector"
	output=$(<"$T/gc") assert_json '.temporaries == 0 and .layers == 0'
	assert_eq 1 "$(img-layers four | wc -l)"
	only_needed && whole_store
}

@test "imports, removals and collections side by side: nothing that has a name lacks anything" {
	local i n
	n=$(rounds)
	two
	for ((i = 0; i < n; i++)); do
		img-import -m "$((i % 5))" "many:$i" <"$T/$([[ $((i % 2)) == 0 ]] && echo a || echo b).tar" >/dev/null 2>>"$T/err" 3>&- &
		((i % 3)) || img-gc >/dev/null 2>>"$T/err" 3>&- &
		((i % 4)) || img-rm two >/dev/null 2>&1 3>&- &
	done
	wait
	[[ ! -s $T/err ]] || fail "$(<"$T/err")"
	assert_eq $((n + 2)) "$(img-ls --json | wc -l)"
	whole_store && img-gc && only_needed
}

@test "each step of a removal and a collection fails once: every image that is listed is whole" {
	two
	layered app:1 >/dev/null
	img-load -i "$T/layered.tar"
	cp -a "$TACKLEBOX_ROOT" "$T/model"
	all_there() { assert_eq "app:1 one:latest two:latest uno:1 " "$(names)" && whole_store && no_temporaries; }
	faults_walk all_there -- img-rm app:1 two
	assert_eq "one:latest uno:1 " "$(names)"
	faults_walk whole_store -- img-gc
	only_needed
	rm -rf "$TACKLEBOX_ROOT" && cp -a "$T/model" "$TACKLEBOX_ROOT"
	faults_walk all_there -- img-tag two due:2
	assert_eq "app:1 due:2 one:latest two:latest uno:1 " "$(names)"
}

@test "a collection killed at any rename, unlink or fsync: what is listed is whole, the next one ends it" {
	requires strace
	local n call killed=0
	two
	layered app:1 >/dev/null
	img-load -i "$T/layered.tar"
	img-tag one two app:1 >/dev/null
	cp -a "$TACKLEBOX_ROOT" "$T/model"
	for call in rename fsync unlink unlinkat; do
		for ((n = 1; n <= 80; n++)); do
			rm -rf "$TACKLEBOX_ROOT" && cp -a "$T/model" "$TACKLEBOX_ROOT"
			strace -f -qq -o /dev/null -e "trace=$call" -e "inject=$call:signal=KILL:when=$n" \
				img-gc >"$T/out" 2>&1 && break
			((++killed))
			whole_store || fail "after the kill at $call $n"
			img-gc >"$T/out" && only_needed || fail "next collection after $call $n"
		done
		((n <= 80)) || fail "$call never ends"
	done
	((killed > 15)) || fail "only $killed kills"
}
