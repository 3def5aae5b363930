#!/usr/bin/env bats
# bats file_tags=image
# shellcheck disable=SC2030,SC2031 # each test is a subshell of its own, as is meant
# img-save, img-load: images in archives, between our stores and other programs.
load helpers
load lib/layers
load lib/images
load registry

setup_file() { tb_setup_file; }
teardown_file() { tb_teardown_file; }
setup() {
	tb_setup
	images_setup
}
teardown() { tb_teardown; }

# assert_layered NAME ID: the image of layered(), as a container would see it.
assert_layered() {
	local dir n=0
	assert_eq "$2" "$(img-ls --no-trunc -q "$1")" "the id stays" || return
	while read -r dir; do
		((++n))
		[[ $n != 1 ]] || assert_eq hello "$(<"$dir/etc/motd")" || return
		[[ $n != 4 ]] || {
			assert_eq 'changed web' "$(<"$dir/etc/again") $(<"$dir/srv/www/index")" || return
			assert_eq 700 "$(stat -c %a "$dir/etc")" "a directory without an entry" || return
		}
	done < <(img-layers "$1")
	assert_eq 4 "$n"
}

@test "saved and loaded in every form, through pipes and files: the same image, byte for byte" {
	local id form kind
	for kind in '' gzip; do
		other_store "first$kind"
		id=$(layered docker.io/user/app:1 $kind)
		run -0 img-load -i "$T/layered.tar"
		assert_eq user/app:1 "$output"
		assert_layered user/app:1 "$id"
		for form in docker docker-old oci; do
			other_store "first$kind"
			img-save --format $form user/app:1 >"$T/$form.tar"
			other_store "second$kind$form"
			run -0 img-load --json <"$T/$form.tar"
			assert_json '.names == ["docker.io/user/app:1"] and .id == $i' --arg i "$id"
			assert_layered user/app:1 "$id"
			whole_store
			no_temporaries
			run -0 img-load --json <"$T/$form.tar"
			assert_json '.id == $i' --arg i "$id"
			assert_eq 1 "$(img-ls --json | wc -l)" "loaded twice, there once"
			no_temporaries
			img-save --format $form -o "$T/again.tar" "$id"
			img-save --format $form "$id" | cmp - "$T/again.tar"
			img-save --format $form user/app:1 | cmp - "$T/$form.tar" ||
				[[ $form$kind == docker-oldgzip ]]
		done
	done
}

@test "several images, each blob once; images by id have no name" {
	local a b
	small_tar "$T/a.tar"
	small_tar "$T/b.tar" other
	a=$(img-import localhost:5000/a:1 <"$T/a.tar")
	b=$(img-import b <"$T/b.tar")
	img-import -l x=y c:2 <"$T/a.tar"
	img-save localhost:5000/a:1 c:2 "$b" >"$T/all.tar"
	assert_eq "$(tar -tf "$T/all.tar" | sort)" "$(tar -tf "$T/all.tar" | sort -u)"
	tar -xOf "$T/all.tar" manifest.json >"$T/m"
	output=$(<"$T/m") assert_json 'map(.RepoTags) == [["localhost:5000/a:1"],["c:2"],null] and .[0].Layers == .[1].Layers'
	output=$(tar -xOf "$T/all.tar" repositories) assert_json 'keys == ["c","localhost:5000/a"]'
	other_store other
	run -0 img-load <"$T/all.tar"
	assert_eq "localhost:5000/a:1"$'\n'"c:2"$'\n'"$b" "$output"
	assert_eq "$a" "$(img-ls --no-trunc -q localhost:5000/a:1)"
	whole_store && no_temporaries
}

@test "podman loads what we save, and we load what it saves" {
	requires podman root
	local id form
	id=$(layered docker.io/library/app:1 gzip)
	img-load -i "$T/layered.tar"
	for form in docker docker-old oci; do
		img-save --format $form -o "$T/$form.tar" app:1
		engine load -q -i "$T/$form.tar"
		assert_eq "$id" "$(engine images -q --no-trunc)" "$form"
		[[ $form == oci ]] || engine rmi -f "${id#sha256:}" >/dev/null
	done
	engine tag "${id#sha256:}" localhost/two:2
	engine save -q --format docker-archive -m localhost/two:2 >"$T/podman.tar"
	engine save -q --format oci-archive localhost/two:2 >"$T/podman-oci.tar"
	for form in podman podman-oci; do
		other_store $form
		run -0 img-load <"$T/$form.tar"
		assert_like "$output" '*localhost/two:2*'
		assert_layered localhost/two:2 "$id"
		whole_store
		no_temporaries
	done
}

@test "skopeo reads what we save, and we load what it writes; umoci unpacks it" {
	requires skopeo umoci root
	local id form
	id=$(layered app:1)
	skopeo copy -q "oci-archive:$T/layered.tar:app:1" "docker-archive:$T/skopeo.tar:example/app:3"
	skopeo copy -q "oci-archive:$T/layered.tar:app:1" "oci-archive:$T/skopeo-oci.tar:example/app:3"
	for form in skopeo skopeo-oci; do
		other_store $form
		gzip <"$T/$form.tar" | img-load >"$T/out"
		assert_eq example/app:3 "$(<"$T/out")"
		assert_eq 4 "$(img-layers example/app:3 | wc -l)"
		whole_store
		no_temporaries
	done
	img-save -o "$T/ours.tar" example/app:3
	run -0 skopeo copy -q "docker-archive:$T/ours.tar:example/app:3" "dir:$T/dir"
	run -0 skopeo copy -q "oci-archive:$T/ours.tar:docker.io/example/app:3" "oci:$T/oci:x"
	run -0 umoci unpack --image "$T/oci:x" "$T/unpacked"
	assert_eq changed "$(<"$T/unpacked/rootfs/etc/again")"
	[[ ! -e $T/unpacked/rootfs/etc/link ]]
}

@test "layers that are packed in ways that OCI has no word for stay as they are" {
	requires zstd xz
	local want
	layer "$T/b.tar" 'echo b >b; head -c 100000 /dev/urandom >noise'
	layer "$T/c.tar" 'echo c >c'
	# make_layout takes the blob, whatever it is, and the plain tar beside it.
	{ printf '\x50\x2a\x4d\x18\x04\0\0\0skip' && zstd -qc "$T/b.tar"; } >"$T/b.tar.zst"
	xz -c "$T/c.tar" >"$T/c.tar.gz"
	make_layout "$T/other" img:1 "$T/b.tar.zst" "$T/c.tar.gz"
	tar -C "$T/other" -cf "$T/other.tar" .
	run -0 img-load -i "$T/other.tar"
	assert_eq img:1 "$output"
	whole_store && no_temporaries
	run -0 img-layers img:1
	cmp "${lines[0]}/noise" <(tar -xOf "$T/b.tar" ./noise)
	assert_eq c "$(<"${lines[1]}/c")"
	want=$(jq -r '.manifests[0].digest' "$T/other/index.json")
	assert_eq "$want" "$(img-ls --json | jq -r .manifest)"
	# Once more: out of the archive that we make of it.
	img-save -o "$T/again.tar" img:1
	other_store second
	run -0 img-load -i "$T/again.tar"
	assert_eq "$want" "$(img-ls --json | jq -r .manifest)"
	whole_store
}

@test "Docker's manifest in a layout: its translation is kept, and nothing that the next collection removes" {
	local manifest
	layer "$T/c.tar" 'echo c >c'
	make_layout "$T/docker" img:1 "$T/c.tar"
	manifest=$T/docker/blobs/sha256/$(jq -r '.manifests[0].digest[7:]' "$T/docker/index.json")
	manifest=$(put_blob "$T/docker" "$(jq -c '.mediaType = "application/vnd.docker.distribution.manifest.v2+json" |
		.config.mediaType = "application/vnd.docker.container.image.v1+json" |
		.layers[].mediaType = "application/vnd.docker.image.rootfs.diff.tar"' "$manifest")")
	jq --arg d "sha256:$manifest" '.manifests[0] |= (.digest = $d |
		.mediaType = "application/vnd.docker.distribution.manifest.v2+json")' "$T/docker/index.json" >"$T/index.json"
	mv "$T/index.json" "$T/docker/index.json"
	tar -C "$T/docker" -cf "$T/docker.tar" .
	run -0 img-load -i "$T/docker.tar"
	assert_eq img:1 "$output"
	assert_eq c "$(<"$(img-layers img:1)/c")"
	manifest=$(img-ls --json | jq -r '.manifest[7:]')
	assert_eq application/vnd.oci.image.manifest.v1+json "$(jq -r .mediaType "$images/blobs/sha256/$manifest")"
	run -0 img-gc --json
	assert_json '. == {images: 0, blobs: 0, layers: 0, temporaries: 0, bytes: 0}'
	whole_store
}

@test "archives that lie or lack something are refused, and nothing is entered" {
	local config
	small_tar "$T/a.tar"
	config=$(printf '{"os":"linux","architecture":"amd64","rootfs":{"diff_ids":["sha256:%s"]}}' \
		"$(sha256sum <"$T/a.tar" | cut -d' ' -f1)")
	# archive [NAME CONTENT]…: a tar of these members, with the layer as l.tar.
	archive() {
		rm -rf "$T/d" && mkdir "$T/d" && cp "$T/a.tar" "$T/d/l.tar"
		while (($#)); do
			mkdir -p "$(dirname "$T/d/$1")" && printf %s "$2" >"$T/d/$1"
			shift 2
		done
		tar -C "$T/d" -cf "$T/x.tar" --sort=name .
	}
	# refused MESSAGE [HINT]
	refused() {
		run -1 img-load -i "$T/x.tar"
		assert_error img-load "$@"
		[[ -z $(img-ls -q) ]] && no_temporaries && whole_store
	}
	archive c.json "$config" manifest.json '[{"Config":"c.json","RepoTags":["ok:1"],"Layers":["l.tar"]}]'
	run -0 img-load -i "$T/x.tar"
	other_store lies
	archive
	refused "$T/x.tar holds no image" 'an archive has *'
	archive repositories '{"a":{"b":"c"}}'
	refused "*written by docker before version 1.10*" '*'
	archive manifest.json '[]'
	refused "$T/x.tar holds no image"
	archive manifest.json '[{"Config":"c.json","Layers":["l.tar"]}]'
	refused "$T/x.tar lacks the config c.json"
	archive c.json "$config" manifest.json '[{"Config":"c.json","Layers":["m.tar"]}]'
	refused "$T/x.tar lacks the layer m.tar"
	archive c.json "$config" manifest.json '[{"Config":"c.json","Layers":["c.json"]}]'
	refused "$T/x.tar: layer c.json is no tar"
	archive c.json "$config" manifest.json '[{"Config":"c.json","Layers":["l.tar","l.tar"]}]'
	refused 'config *: rootfs.diff_ids has 1 entries for 2 layers'
	archive c.json "${config/[0-9a-f]\"]/x\"]}" manifest.json '[{"Config":"c.json","Layers":["l.tar"]}]'
	refused 'config *: rootfs.diff_ids*is not a sha256 digest'
	archive c.json "$(sed -E 's/[0-9a-f]{64}/'"$(printf '%064d' 0)/" <<<"$config")" \
		manifest.json '[{"Config":"c.json","RepoTags":["lie:1"],"Layers":["l.tar"]}]'
	refused "cannot use layer sha256:*: unpacked it is sha256:*, not sha256:0000*" 'the image was not put *'
	archive c.json "$config" manifest.json '{"Config":7}'
	refused 'manifest.json: is not a list'
	archive oci-layout '{}' index.json '{"manifests":[{"digest":"sha256:../../x"}]}'
	refused "index.json: an entry's digest 'sha256:../../x' is not a digest"
	archive oci-layout '{}' index.json '{"manifests":[{"digest":"sha256:'"$(printf '%064d' 0)"'"}]}'
	refused "$T/x.tar lacks the manifest sha256:000*"
	archive oci-layout '{}' "blobs/sha256/$(printf '%064d' 0)" '{"a":1}' \
		index.json '{"manifests":[{"digest":"sha256:'"$(printf '%064d' 0)"'"}]}'
	refused "$T/x.tar: manifest sha256:000* is damaged: it is sha256:*"
	archive c.json "$config" manifest.json '[{"Config":"c.json","Layers":["l.tar"]}]'
	tar -C "$T/d" -rf "$T/x.tar" ./c.json
	refused "$T/x.tar: $T/x.tar has two members c.json"
	tar -C "$T/d" -cf - . | head -c 11000 >"$T/x.tar"
	refused "$T/x.tar: *"
	echo 'no tar at all' >"$T/x.tar"
	refused "$T/x.tar: *"
	run -1 img-load </dev/null
	assert_error img-load 'standard input holds no image' '*'
}

@test "names and links of members: out of the archive leads nowhere" {
	small_tar "$T/a.tar"
	local sum
	sum=$(sha256sum <"$T/a.tar" | cut -d' ' -f1)
	mkdir "$T/d" "$T/d/x" "$T/d/y" && cp "$T/a.tar" "$T/d/x/layer.tar"
	ln -s ../x/layer.tar "$T/d/y/layer.tar"
	ln -s /etc/passwd "$T/d/out" && ln -s loop "$T/d/loop"
	printf '{"rootfs":{"diff_ids":["sha256:%s","sha256:%s"]}}' "$sum" "$sum" >"$T/d/c.json"
	echo '[{"Config":"./c.json","RepoTags":["a:1","Bad:Name"],"Layers":["x/layer.tar","../d/y//layer.tar"]}]' >"$T/d/manifest.json"
	tar -C "$T/d" -cPf "$T/x.tar" --transform 's,^y,../d/y,' c.json manifest.json x y out loop
	run -1 img-load -i "$T/x.tar"
	# A symlink is seen from where it stands in the archive.
	assert_error img-load "$T/x.tar lacks the layer d/y/layer.tar"
	tar -C "$T" -cf "$T/x.tar" --transform 's,^d/[^/]*json,../&,;s,^d/,,' d
	tar -C "$T/d" -cf "$T/x.tar" c.json manifest.json x y out loop
	sed -i 's,\.\./d/,,' "$T/d/manifest.json" && tar -C "$T/d" -cf "$T/x.tar" c.json manifest.json x y out loop
	run -0 img-load -i "$T/x.tar"
	assert_like "${lines[0]}" "img-load: warning: a name was left out: 'Bad:Name' *"
	assert_eq a:1 "${lines[1]}"
	assert_eq 2 "$(img-layers a:1 | wc -l)"
	echo '[{"Config":"c.json","Layers":["out","loop"]}]' >"$T/d/manifest.json"
	tar -C "$T/d" -cf "$T/x.tar" c.json manifest.json x y out loop
	run -1 img-load -i "$T/x.tar"
	assert_error img-load "$T/x.tar lacks the layer out"
	whole_store && no_temporaries
}

@test "saving fails with one error, and no file is left or half replaced" {
	layered app:1 >/dev/null
	img-load -i "$T/layered.tar"
	run -2 img-save
	run -2 img-save --format zip app:1
	assert_like "${lines[0]}" "img-save: --format: 'zip' is none of *"
	run -1 img-save app:1 none
	assert_error img-save 'there is no image none' '*'
	run -1 bash -c "img-save app:1 >/dev/full"
	assert_error img-save "cannot write to standard output: No space left on device (ENOSPC)"
	echo before >"$T/out.tar"
	no_file() { assert_eq before "$(<"$T/out.tar")" && [[ -z $(compgen -G "$T/out.tar.*") ]]; }
	faults_walk no_file -- img-save -o "$T/out.tar" app:1
	img-save app:1 | cmp - "$T/out.tar"
	rm "$images/blobs/sha256/$(img-layers --json app:1 | jq -r '.digest[7:]' | head -n1)"
	run -1 img-save -o "$T/out.tar" app:1
	assert_error img-save 'cannot open *: No such file or directory (ENOENT)' 'the store lacks *'
}

@test "-o: what is there and no file is written into and stays; a symlink leads to what is replaced" {
	layered app:1 >/dev/null
	img-load -i "$T/layered.tar"
	img-save app:1 >"$T/want.tar"
	mkfifo "$T/fifo"
	timeout 30 cat "$T/fifo" >"$T/got.tar" &
	local pid=$!
	run -0 img-save -o "$T/fifo" app:1
	wait "$pid"
	[[ -p $T/fifo ]] || fail "the fifo is gone"
	cmp "$T/want.tar" "$T/got.tar"
	# By way of a symlink, as /dev/stdout is one: a pipe.
	ln -s /proc/self/fd/1 "$T/stdout"
	img-save -o "$T/stdout" app:1 | cmp - "$T/want.tar"
	[[ -L $T/stdout ]] || fail "the symlink is gone"
	mkdir "$T/elsewhere"
	echo before >"$T/elsewhere/file"
	ln -s elsewhere/file "$T/link"
	img-save -o "$T/link" app:1
	[[ -L $T/link ]] || fail "the symlink is gone"
	cmp "$T/want.tar" "$T/elsewhere/file"
	run -1 img-save -o "$T/elsewhere" app:1
	assert_error img-save "cannot open $T/elsewhere: Is a directory (EISDIR)"
	[[ $EUID != 0 ]] || {
		mknod "$T/null" c 1 3
		img-save -o "$T/null" app:1
		assert_eq 'character special file 1:3' "$(stat -c '%F %t:%T' "$T/null")"
		mknod "$T/full" c 1 7
		run -1 img-save -o "$T/full" app:1
		assert_error img-save "cannot write to $T/full: No space left on device (ENOSPC)"
		[[ -c $T/full ]] || fail "the device is gone"
	}
	[[ -z $(compgen -G "$T/*.tmp.*") ]]
}

@test "each step of a load fails once: nothing entered, nothing half done stays, all of it the next time" {
	layered app:1 >/dev/null
	no_store() { no_temporaries && whole_store && [[ -z $(img-ls -q) ]] && rm -rf "$TACKLEBOX_ROOT"; }
	faults_walk no_store -- img-load -i "$T/layered.tar"
	((faults > 20))
	whole_store && no_temporaries
}

@test "a load killed at any rename, fsync or mkdir: old state or new, and the next one succeeds" {
	requires strace
	local n call killed=0
	layered app:1 >/dev/null
	for call in rename,renameat,renameat2 fsync,syncfs mkdir; do
		for ((n = 1; n <= 80; n++)); do
			rm -rf "$TACKLEBOX_ROOT"
			strace -f -qq -o /dev/null -e "trace=$call" -e "inject=$call:signal=KILL:when=$n" \
				img-load -i "$T/layered.tar" >"$T/out" 2>&1 && break
			((++killed))
			whole_store || fail "after the kill at $call $n"
			img-load -i "$T/layered.tar" >"$T/out" || fail "next load after $call $n"
			whole_store
		done
		((n <= 80)) || fail "$call never ends"
	done
	((killed > 30)) || fail "only $killed kills"
}

@test "a full disk: an error that says so, and the store is as it was" {
	requires root
	mkdir "$TACKLEBOX_ROOT" "$T/second"
	small_tar "$T/a.tar"
	head -c 6M /dev/urandom >"$T/big" && tar -C "$T" -cf "$T/big.tar" big
	TACKLEBOX_ROOT=$T/second img-import big <"$T/big.tar"
	TACKLEBOX_ROOT=$T/second img-save -o "$T/save.tar" big
	unshare --mount --propagation private bash -c '
		mount -t tmpfs -o size=8m tbtest "$TACKLEBOX_ROOT" && img-import demo <"$0/a.tar" &&
		cp "$1/index.json" "$0/before" && ! img-load <"$0/save.tar" 2>"$0/err" &&
		cmp "$0/before" "$1/index.json" && ls -A "$1/tmp" "$2" >"$0/left" && img-import demo2 <"$0/a.tar"' \
		"$T" "$images" "$layers"
	assert_like "$(<"$T/err")" 'img-load: *cannot *: No space left on device (ENOSPC)*'
	run ! grep '^\.tmp-' "$T/left"
}

@test "what must survive a power cut is written before it is named, and named before it is entered" {
	requires strace
	layered app:1 >/dev/null
	strace -f -y -qq -o "$T/trace" -e trace=fsync,syncfs,rename,renameat,renameat2 img-load -i "$T/layered.tar"
	# Each rename: of a file, right after its fsync; of a tree, after a syncfs; then the directory.
	awk '
		/syncfs/ { synced = 1 }
		/fsync/ { match($0, /<[^>]*>/); last = substr($0, RSTART + 1, RLENGTH - 2) }
		/rename/ {
			split($0, q, "\""); from = q[2]; to = q[4]
			if (from ~ /layers\/\.tmp-/ && to !~ /json$/) { if (!synced) bad = 1 }
			else if (last != from) bad = 1
			dir = to; sub(/\/[^\/]*$/, "", dir); want = dir; n++; final = to
		}
		/fsync/ && want { if (last != want) bad = 1; want = "" }
		END { if (bad || want || n < 15 || final !~ /index.json$/) exit 1 }' "$T/trace" ||
		fail "$(<"$T/trace")"
}

@test "five hundred layers and 20,000 files are loaded and saved; one layer more is refused" {
	local i
	mkdir "$T/d"
	for ((i = 1; i < 501; i++)); do
		touch "$T/n$i" && tar -C "$T" --numeric-owner -b1 -cf "$T/d/l$i" "n$i"
	done
	printf '{"repeat": 20000, "name": "many/%%d", "data": "x"}\n' | mktar >"$T/d/l0"
	# many N: the archive of the first N layers.
	many() {
		(cd "$T/d" && for ((i = 0; i < $1; i++)); do echo "l$i"; done >../list &&
			xargs sha256sum <../list | cut -d' ' -f1 >../sums)
		jq -cRn '{os: "linux", rootfs: {diff_ids: ["sha256:" + inputs]}}' <"$T/sums" >"$T/d/c.json"
		jq -cRn '[{Config: "c.json", RepoTags: ["deep:1"], Layers: [inputs]}]' <"$T/list" >"$T/d/manifest.json"
		tar -C "$T/d" -cf "$T/deep.tar" c.json manifest.json -T "$T/list"
	}
	many 501
	run -1 img-load -i "$T/deep.tar"
	assert_error img-load 'manifest.json: \[0\].Layers has 501 entries; 500 are the most'
	many 500
	(ulimit -n 1024 && img-load -i "$T/deep.tar")
	assert_eq 500 "$(img-layers deep:1 | wc -l)"
	assert_eq 20000 "$(ls "$(img-layers deep:1 | head -n1)/many" | wc -l)"
	(ulimit -n 1024 && img-save --format docker-old deep:1) | tar -t | grep -c layer.tar | grep -qx 500
	no_temporaries
}
