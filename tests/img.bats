#!/usr/bin/env bats
# bats file_tags=image
# shellcheck disable=SC2030,SC2031 # each test is a subshell of its own, as is meant
# The image store: img-import, img-layers, img-ls, img-config.
load helpers
load lib/images

setup_file() { tb_setup_file; }
teardown_file() { tb_teardown_file; }
setup() {
	tb_setup
	images_setup
}
teardown() { tb_teardown; }

@test "an import is an image: config, layer, name; and another of the same is the same" {
	small_tar "$T/a.tar"
	run -0 img-import demo <"$T/a.tar"
	local id=$output
	assert_like "$id" 'sha256:????????????????????????????????????????????????????????????????'
	run -0 img-config --raw demo
	assert_eq "$id" "sha256:$(img-config --raw demo | sha256sum | cut -d' ' -f1)"
	assert_json '.os == "linux" and .created == "2023-11-14T22:13:20Z"'
	assert_json '.rootfs.diff_ids == [$d]' --arg d "sha256:$(sha256sum <"$T/a.tar" | cut -d' ' -f1)"
	assert_json '.history | length == 1 and (.[0].empty_layer | not)'
	run -0 img-layers demo
	assert_eq "$layers/$(sha256sum <"$T/a.tar" | cut -d' ' -f1)" "$output"
	assert_eq hello "$(<"$output/etc/motd")"
	assert_eq 700 "$(stat -c %a "$output/etc")"
	run -0 img-import demo <"$T/a.tar"
	assert_eq "$id" "$output"
	run -0 img-ls --json
	assert_eq 1 "${#lines[@]}"
	assert_json '.repository == "demo" and .tag == "latest" and .size == 6 and .layers == 1'
	whole_store && no_temporaries
}

@test "the same tar in every compression is the same layer" {
	requires gzip zstd xz bzip2
	local how digest
	small_tar "$T/a.tar"
	digest=sha256:$(sha256sum <"$T/a.tar" | cut -d' ' -f1)
	for how in cat gzip zstd xz bzip2; do
		$how <"$T/a.tar" | img-import "demo-$how"
		run -0 img-layers --json "demo-$how"
		assert_json '.diff_id == $d and .chain_id == $d' --arg d "$digest"
		case $how in
		gzip | zstd) assert_json '.media_type | endswith("tar+'$how'")' ;;
		# What no media type exists for is kept plain.
		*) assert_json '.digest == $d and (.media_type | endswith(".tar"))' --arg d "$digest" ;;
		esac
		assert_json '.digest == $d' --arg d "sha256:$(sha256sum \
			<"$images/blobs/sha256/$(jq -r '.digest[7:]' <<<"$output")" | cut -d' ' -f1)"
	done
	assert_eq 1 "$(find "$layers" -mindepth 1 -maxdepth 1 -type d | wc -l)" "unpacked once"
	whole_store && no_temporaries
}

@test "settings: what a Dockerfile has words for" {
	small_tar "$T/a.tar"
	img-import --cmd '["/bin/a","b c"]' --entrypoint 'exec x' -e A=1 -e B=2 -e A=3 -w /srv \
		-u 1000:audio -l a.b=c -l d= --expose 80 --expose 53/udp --expose 8000-8002 --volume /data \
		--stop-signal SIGINT -m 'by hand' --platform linux/arm/v7 demo <"$T/a.tar"
	run -0 img-config demo
	assert_json '.config.Cmd == ["/bin/a","b c"]'
	assert_json '.config.Entrypoint == ["/bin/sh","-c","exec x"]'
	assert_json '.config.Env == ["A=3","B=2"]'
	assert_json '.config.WorkingDir == "/srv" and .config.User == "1000:audio"'
	assert_json '.config.Labels == {"a.b":"c","d":""} and .config.StopSignal == "SIGINT"'
	assert_json '.config.ExposedPorts | keys == ["53/udp","80/tcp","8000/tcp","8001/tcp","8002/tcp"]'
	assert_json '.config.Volumes == {"/data":{}} and .history[0].comment == "by hand"'
	assert_json '.architecture == "arm" and .variant == "v7"'
	run -0 img-config --json demo
	assert_eq 1 "${#lines[@]}"
}

@test "mistakes in settings are found before the tar is read" {
	local words
	for words in '--cmd [a' '-e A' '-e =x' '-l nothing' '--expose 0' '--expose 80/http' \
		'--expose 9-8' '--expose 70000' '--volume data' '--env '$'\xff'=x; do
		# shellcheck disable=SC2086 # an option and its value
		run -1 img-import $words demo <<<"never read"
		assert_eq 1 "$(grep -c '^img-import:' <<<"$output")"
	done
	for words in 'demo two' '-t a b' 'Demo' 'demo@sha256:12' '--platform a/b/c/d demo'; do
		# shellcheck disable=SC2086
		run -2 img-import $words <<<"never read"
	done
	run -0 img-ls -q
	assert_eq '' "$output"
	no_temporaries
}

@test "what is not a tar is refused, and nothing stays" {
	local file
	small_tar "$T/a.tar"
	head -c 3000 /dev/urandom >"$T/noise"
	gzip <"$T/a.tar" | head -c 150 >"$T/short.gz"
	(cat "$T/a.tar" && echo more) | head -c 2000 >"$T/short.tar"
	printf 'BZh9 but not so' >"$T/bad.bz2"
	for file in noise short.gz short.tar bad.bz2; do
		run -1 img-import demo <"$T/$file"
		assert_error img-import '*standard input*'
		run -1 img-import -f "$T/$file" demo
		assert_error img-import "*$T/$file*"
		no_temporaries
	done
	run -1 img-import -f "$T/absent" demo
	assert_error img-import "cannot open $T/absent: No such file or directory (ENOENT)"
	run -0 img-ls -q
	assert_eq '' "$output"
}

@test "skopeo and umoci read the store as it is" {
	requires skopeo umoci root
	small_tar "$T/a.tar"
	gzip <"$T/a.tar" | img-import -l x=y localhost:5000/a/b:1
	run -0 skopeo inspect "oci:$images:localhost:5000/a/b:1"
	assert_json '.Labels == {"x":"y"} and (.Layers | length == 1)'
	run -0 skopeo copy -q "oci:$images:localhost:5000/a/b:1" "oci:$T/copy:b"
	run -0 umoci unpack --image "$T/copy:b" "$T/unpacked"
	assert_eq hello "$(<"$T/unpacked/rootfs/etc/motd")"
	run -0 umoci ls --layout "$images"
	assert_eq localhost:5000/a/b:1 "$output"
}

@test "what skopeo puts into the store is found; its layers are not unpacked" {
	requires skopeo
	small_tar "$T/a.tar"
	img-import -l x=y one <"$T/a.tar"
	run -0 skopeo copy -q "oci:$images:docker.io/library/one:latest" "oci:$images:3.18"
	run -0 img-ls --json 3.18
	assert_json '.repository == "3.18" and .tag == "latest"'
	mkdir "$T/other"
	run -0 skopeo copy -q "oci:$images:3.18" "oci:$T/other/images:docker.io/library/two:7"
	export TACKLEBOX_ROOT=$T/other
	run -0 img-ls
	assert_like "${lines[1]}" 'two * 7 * -'
	run -1 img-layers two:7
	assert_error img-layers 'layer sha256:* of two:7 is not unpacked' '*'
	img-import three <"$T/a.tar"
	run -0 img-layers two:7
}

@test "an image is found by its names, its id, and as much of it as is unique" {
	small_tar "$T/a.tar"
	small_tar "$T/b.tar" other
	local id word i
	id=$(img-import user/a:1 <"$T/a.tar")
	img-import user/b:1 <"$T/b.tar"
	img-import b:1 <"$T/b.tar"
	for word in user/a:1 docker.io/user/a:1 index.docker.io/user/a:1 "$id" "${id#sha256:}" \
		"${id:7:12}" "${id:0:20}" "$(jq -r '.manifests[0].digest' "$images/index.json")"; do
		run -0 img-config --raw "$word"
		assert_eq "$id" "sha256:$(img-config --raw "$word" | sha256sum | cut -d' ' -f1)" "$word"
	done
	for word in user/a user/a:2 a:1 sha256:0000 0123456789abcdef \
		"user/a@sha256:$(printf '%064d' 0)"; do
		run -1 img-layers "$word"
		assert_error img-layers "there is no image $word" 'img-ls *'
	done
	run -1 img-layers 'user//a'
	assert_error img-layers "'user//a' is no image reference: *"
	# Seventeen images: two of them begin with the same digit.
	for i in {1..16}; do
		img-import -m "$i" <"$T/a.tar"
	done
	word=$(img-ls -q | cut -c1 | sort | uniq -d | head -n1)
	run -1 img-layers "sha256:$word"
	assert_error img-layers "* images have an id that begins with $word" 'give more *'
}

@test "a name moves to the newer image; the older stays without one" {
	small_tar "$T/a.tar"
	small_tar "$T/b.tar" other
	local first second
	first=$(img-import demo <"$T/a.tar")
	img-import other/name:1 <"$T/a.tar"
	second=$(img-import demo <"$T/b.tar")
	run -0 img-ls --json
	assert_eq 2 "${#lines[@]}" "the first still has its other name"
	first=$(img-import other/name:1 <"$T/b.tar")
	assert_eq "$second" "$first"
	run -0 img-ls
	assert_eq 1 "$(grep -c '^<none> *<none>' <<<"$output")"
	assert_eq 3 "$(img-ls --json | wc -l)"
	assert_eq 2 "$(img-ls -q | wc -l)" "ids, each once"
	whole_store
}

@test "the list: sizes, ids in full, control characters made visible, an entry that cannot be read" {
	small_tar "$T/a.tar"
	local id
	id=$(img-import demo <"$T/a.tar")
	run -0 img-ls
	assert_eq "REPOSITORY   TAG      IMAGE ID       CREATED       SIZE" \
		"$(sed -E 's/CREATED +/CREATED       /; 2d' <<<"$output")"
	assert_like "${lines[1]}" "demo         latest   ${id:7:12}   * ago *6B"
	run -0 img-ls --no-trunc -q
	assert_eq "$id" "$output"
	jq '.manifests[0].annotations["org.opencontainers.image.ref.name"] = "a\u001b[31mb\nc"' \
		"$images/index.json" >"$T/index" && cp "$T/index" "$images/index.json"
	run -0 img-ls
	assert_like "${lines[1]}" 'a\\x1b\[31mb\\nc * <none> *'
	jq '.manifests += [{"digest":"sha256:../../etc/passwd","size":1}]' "$T/index" >"$images/index.json"
	run -1 img-ls
	assert_like "$output" '*warning: image sha256:../../etc/passwd left out: *is not a digest*'
	assert_eq 3 "${#lines[@]}"
	echo '{"manifests": 7}' >"$images/index.json"
	run -1 img-ls
	assert_error img-ls '*/index.json: manifests is not a list'
	run -1 img-ls >/dev/full
}

@test "documents that lie are refused with the name of what is wrong" {
	small_tar "$T/a.tar"
	img-import demo <"$T/a.tar"
	local manifest good
	good=$(jq -r '.manifests[0].digest' "$images/index.json")
	# lie FILTER: the image's manifest changed so, and entered as demo.
	lie() {
		jq -c "$1" "$images/blobs/sha256/${good#*:}" >"$T/m"
		manifest=$(sha256sum <"$T/m" | cut -d' ' -f1)
		cp "$T/m" "$images/blobs/sha256/$manifest"
		jq --arg d "sha256:$manifest" '.manifests[0].digest = $d' "$images/index.json" >"$T/i"
		cp "$T/i" "$images/index.json"
		run -1 img-layers demo
	}
	lie '.layers[0].digest = "sha256:../../../x"'
	assert_error img-layers "manifest sha256:$manifest: layers\[0\].digest 'sha256:../../../x' is not a sha256 digest"
	lie '.layers[0].size = -1'
	assert_error img-layers 'manifest *: layers\[0\].size is not a whole number *'
	lie '.layers = "x"'
	assert_error img-layers 'manifest *: layers is not a list'
	lie 'del(.config.digest)'
	assert_error img-layers 'manifest *: config.digest is missing'
	lie '.manifests = []'
	assert_error img-layers '*could be read as two different images'
	lie '.schemaVersion = 1'
	assert_error img-layers "*old schema 1" '*push the image again*'
	lie '.mediaType = "application/vnd.oci.image.index.v1+json"'
	assert_error img-layers '*is said to be *'
	lie '.layers += [.layers[0]]'
	assert_error img-layers 'config *: rootfs.diff_ids has 1 entries for 2 layers'
	lie '.layers = [range(501) as $i | .layers[0]]'
	assert_error img-layers '*layers has 501 layers; overlay can stack 500'
	jq --arg d "$good" '.manifests[0].digest = $d' "$T/i" >"$images/index.json"
	run -0 img-layers demo
	echo x >>"$images/blobs/sha256/${good#*:}"
	run -1 img-layers demo
	assert_error img-layers "blob $good is damaged*" 'remove *'
}

@test "nobody but the owner reaches what is unpacked" {
	requires root
	umask 0
	small_tar "$T/a.tar"
	img-import demo <"$T/a.tar"
	chmod 0755 "$T"
	assert_eq 711 "$(stat -c %a "$TACKLEBOX_ROOT")"
	assert_eq 700 "$(stat -c %a "$layers")"
	assert_eq 700 "$(stat -c %a "$images")"
	run ! setpriv --reuid nobody --clear-groups ls "$(img-layers demo)/etc"
	run ! setpriv --reuid nobody --clear-groups cat "$images/index.json"
}

@test "an ordinary user has a store of their own" {
	small_tar "$T/a.tar"
	chmod 0644 "$T/a.tar"
	run -0 as_nobody img-import -f "$T/a.tar" demo
	run -0 as_nobody img-layers demo
	assert_like "$output" "${TACKLEBOX_ROOT%/*}*/layers/*"
	run -0 as_nobody cat "$output/etc/motd"
	assert_eq hello "$output"
}

@test "twenty imports side by side: all there, nothing half done" {
	local i n
	n=$(rounds)
	small_tar "$T/a.tar"
	for ((i = 0; i < n; i++)); do
		# Every second one is the same as the others.
		small_tar "$T/$i.tar" "$((i % 2 ? i : 0))"
	done
	for ((i = 0; i < n; i++)); do
		img-import "many:$i" <"$T/$i.tar" >"$T/$i.id" 2>"$T/$i.err" &
	done
	wait
	cat "$T"/*.err
	for ((i = 0; i < n; i++)); do
		[[ -s $T/$i.id && ! -s $T/$i.err ]] || fail "import $i: $(<"$T/$i.err")"
		assert_eq "$(<"$T/$i.id")" "$(img-ls --no-trunc -q "many:$i")"
	done
	assert_eq "$n" "$(img-ls --json | wc -l)"
	whole_store && no_temporaries
}

@test "each step fails once: the index is old or new, and nothing half done stays" {
	small_tar "$T/a.tar"
	small_tar "$T/b.tar" other
	img-import demo <"$T/b.tar"
	cp "$images/index.json" "$T/before"
	# Blobs and layers that a failed run had finished may stay, and would shorten the next: so each
	# run finds the store as it was.
	cp -a "$TACKLEBOX_ROOT" "$T/model"
	old_index() {
		cmp "$T/before" "$images/index.json" && no_temporaries && whole_store &&
			rm -rf "$TACKLEBOX_ROOT" && cp -a "$T/model" "$TACKLEBOX_ROOT"
	}
	faults_walk old_index -- img-import -f "$T/a.tar" demo
	((faults > 8))
	whole_store
	# A full disk, and an empty store.
	export TACKLEBOX_ROOT=$T/new
	images=$TACKLEBOX_ROOT/images layers=$TACKLEBOX_ROOT/layers
	no_store() {
		no_temporaries && whole_store && rm -rf "$TACKLEBOX_ROOT"
	}
	faults_walk -e ENOSPC no_store -- img-import -f "$T/a.tar" demo
	whole_store
}

@test "killed at any moment: old state or new, and the next import succeeds" {
	requires strace
	local n call killed=0
	small_tar "$T/a.tar"
	small_tar "$T/b.tar" other
	img-import demo <"$T/b.tar"
	cp -a "$TACKLEBOX_ROOT" "$T/model"
	for call in rename,renameat,renameat2 fsync,syncfs mkdir,mkdirat flock write; do
		for ((n = 1; n <= 80; n++)); do
			rm -rf "$TACKLEBOX_ROOT" && cp -a "$T/model" "$TACKLEBOX_ROOT"
			strace -f -qq -o /dev/null -e "trace=$call" -e "inject=$call:signal=KILL:when=$n" \
				img-import -f "$T/a.tar" demo >"$T/out" 2>&1 && break
			((++killed))
			whole_store || fail "after the kill at $call $n"
			[[ $(jq '.manifests | length' "$images/index.json") == [12] ]] ||
				fail "index after the kill at $call $n"
			img-import -f "$T/a.tar" demo >"$T/out" || fail "next import after $call $n"
		done
		((n <= 80)) || fail "$call never ends"
	done
	((killed > 15)) || fail "only $killed kills"
}

@test "a full disk: an error that says so, and the store is as it was" {
	requires root
	mkdir "$TACKLEBOX_ROOT"
	small_tar "$T/a.tar"
	head -c 12M /dev/zero >"$T/big" && tar -C "$T" -cf "$T/big.tar" big
	unshare --mount --propagation private bash -c '
		mount -t tmpfs -o size=8m tbtest "$TACKLEBOX_ROOT" && img-import demo <"$0/a.tar" &&
		cp "$1/index.json" "$0/before" && ! img-import demo <"$0/big.tar" 2>"$0/err" &&
		cmp "$0/before" "$1/index.json" && ls -A "$1/tmp" "$2" >"$0/left" &&
		img-import demo2 <"$0/a.tar"' "$T" "$images" "$layers"
	assert_like "$(<"$T/err")" 'img-import: *cannot *: No space left on device (ENOSPC)*'
	run ! grep '^\.tmp-' "$T/left"
}

@test "what must survive a power cut is written before it is named, and named before it is entered" {
	requires strace
	small_tar "$T/a.tar"
	strace -f -y -qq -o "$T/trace" -e trace=fsync,syncfs,rename,renameat,renameat2 \
		img-import -f "$T/a.tar" demo
	# Each rename: of a file, right after its fsync; of a tree, after a syncfs; then the directory.
	awk -v bad=0 '
		/syncfs/ { synced = 1 }
		/fsync/ { match($0, /<[^>]*>/); last = substr($0, RSTART + 1, RLENGTH - 2) }
		/rename/ {
			split($0, q, "\""); from = q[2]; to = q[4]
			if (from ~ /layers\/\.tmp-/ && to !~ /json$/) { if (!synced) bad = 1 }
			else if (last != from) bad = 1
			dir = to; sub(/\/[^\/]*$/, "", dir); want = dir; n++
			order = order " " to
		}
		/fsync/ && want { if (last != want) bad = 1; want = "" }
		END { if (bad || want || n < 6 || order !~ /index.json$/) exit 1 }' "$T/trace" ||
		fail "$(<"$T/trace")"
}

@test "a dry run tells the steps, reads nothing and makes nothing" {
	run -0 img-import -n demo <<<"never read"
	assert_like "$output" '*mkdir -p -m 700*index.json*'
	[[ ! -e $TACKLEBOX_ROOT ]]
	sh -n <<<"$output"
}
