#!/usr/bin/env bats
# bats file_tags=image
# shellcheck disable=SC2030,SC2031 # each test is a subshell of its own, as is meant
# img-pull: from a real registry, and from one that misbehaves.
load helpers
load registry

# Silent about what goes well, but where a test looks at that.
img-pull() { command img-pull -q "$@"; }

setup_file() { tb_setup_file; }
teardown_file() { tb_teardown_file; }
setup() {
	tb_setup
	images=$TACKLEBOX_ROOT/images
	layers=$TACKLEBOX_ROOT/layers
	export SOURCE_DATE_EPOCH=1700000000 no_proxy=127.0.0.1
}
teardown() {
	registry_stop
	double_stop
	proxy_stop
	tb_teardown
}

# nothing_visible: no image, nothing half done, and no layer under its name.
nothing_visible() {
	[[ -z $(img-ls -q) ]] || fail "an image is there" || return
	[[ -z $(ls -A "$images/tmp" 2>/dev/null) ]] || fail "left: $(ls "$images/tmp")" || return
	[[ -z $(ls -A "$layers" 2>/dev/null) ]] || fail "left: $(ls -A "$layers")"
}

# manifest_of LAYOUT: the hash of its manifest.
manifest_of() { jq -r '.manifests[0].digest' "$1/index.json" | cut -d: -f2; }

same_store() {
	local blob
	for blob in "$images"/blobs/sha256/*; do
		assert_eq "${blob##*/}" "$(sha256sum <"$blob" | cut -d' ' -f1)" "a blob" || return
	done
	[[ -z $(ls -A "$images/tmp") ]] || fail "left: $(ls "$images/tmp")" || return
	! compgen -G "$layers/.tmp-*" || fail "a half unpacked layer is left"
}

@test "an image of gzip, zstd and plain layers: fetched, checked, unpacked; a second pull fetches nothing" {
	requires docker-registry skopeo zstd
	three_layers
	registry_start "$T/registry"
	push a/img:1
	run -0 img-pull "$REGISTRY/a/img:1"
	assert_eq "$(digest_of a/img:1)" "$output"
	run -0 img-layers "$REGISTRY/a/img:1"
	assert_eq 3 "${#lines[@]}"
	local base=${lines[0]} middle=${lines[1]} top=${lines[2]}
	# A directory without an entry of its own is like the one below it.
	assert_eq 1777 "$(stat -c %a "$middle/tmp")"
	assert_eq x "$(<"$middle/tmp/x")"
	[[ $EUID != 0 || $(stat -c '%F %t:%T' "$middle/gone") == 'character special file 0:0' ]]
	assert_eq 750 "$(stat -c %a "$top/data")"
	assert_eq base "$(<"$top/data/link")"
	cmp "$base/noise" <(tar -xOf "$T/1.tar" ./noise)
	run -0 img-ls --json
	assert_json '.repository == $r and .tag == "1" and .digest == $d and .layers == 3' \
		--arg r "$REGISTRY/a/img" --arg d "$(digest_of a/img:1)"
	same_store
	# And again: the registry is asked for the manifest only.
	: >"$T/registry/log"
	run -0 img-pull "$REGISTRY/a/img:1"
	! grep -q '/blobs/' "$T/registry/log" || fail "a blob was asked for"
	assert_eq 1 "$(img-ls --json | wc -l)"
	# skopeo agrees about what is in the store.
	run -0 skopeo copy -q "oci:$images:$REGISTRY/a/img:1" "oci:$T/again:x"
}

@test "by digest, by tag, under two names: one image" {
	requires docker-registry skopeo zstd
	three_layers
	registry_start "$T/registry"
	push img:1
	local digest
	digest=$(digest_of img:1)
	run -0 img-pull "$REGISTRY/img@$digest"
	assert_eq "$digest" "$output"
	run -0 img-layers "$REGISTRY/img@$digest"
	run -0 img-pull "$REGISTRY/img:1"
	assert_eq 1 "$(img-ls -q | wc -l)"
	assert_eq 2 "$(img-ls --json | wc -l)"
	run -1 img-pull "$REGISTRY/img:2"
	assert_error img-pull "cannot fetch $REGISTRY/img:2: $REGISTRY answers 404: manifest unknown" 'is the name right*'
}

@test "Docker's schema 2: kept in OCI's words, config and id as they were" {
	requires docker-registry skopeo zstd
	layer "$T/1.tar" 'echo 1 >one'
	layer "$T/2.tar" 'echo 2 >two'
	gzip "$T/1.tar" "$T/2.tar"
	gunzip -k "$T/1.tar.gz" "$T/2.tar.gz"
	ARCH=$(host_arch) make_layout "$T/layout" img "$T/1.tar.gz" "$T/2.tar.gz"
	registry_start "$T/registry"
	push img:1 "$T/layout" --format v2s2
	run -0 skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/img:1"
	assert_json '.mediaType == "application/vnd.docker.distribution.manifest.v2+json"'
	local config
	config=$(jq -r .config.digest <<<"$output")
	run -0 img-pull "$REGISTRY/img:1"
	assert_eq "$(digest_of img:1)" "$output"
	run -0 img-ls --json
	assert_json '.id == $c and .digest != .manifest' --arg c "$config"
	run -0 skopeo inspect --raw "oci:$images:$REGISTRY/img:1"
	assert_json '.mediaType == "application/vnd.oci.image.manifest.v1+json"'
	assert_json '.layers | all(.mediaType == "application/vnd.oci.image.layer.v1.tar+gzip")'
	same_store
}

@test "an index: the image for this machine, or for the one asked for; an index in an index" {
	requires docker-registry skopeo
	local arch
	layer "$T/1.tar" 'echo 1 >one'
	registry_start "$T/registry"
	mkdir -p "$T/all/blobs/sha256"
	for arch in amd64 arm64 s390x; do
		ARCH=$arch make_layout "$T/$arch" img "$T/1.tar"
		cp "$T/$arch"/blobs/sha256/* "$T/all/blobs/sha256/"
	done
	cp "$T/amd64/oci-layout" "$T/all/"
	jq -s '{schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests: [.[].manifests[] |
		del(.annotations)]}' "$T"/{s390x,amd64,arm64}/index.json >"$T/list"
	local list
	list=$(put_blob "$T/all" "$(<"$T/list")")
	jq -n --arg d "sha256:$list" --argjson n "$(stat -c %s "$T/all/blobs/sha256/$list")" '{schemaVersion: 2,
		manifests: [{mediaType: "application/vnd.oci.image.index.v1+json", digest: $d, size: $n}]}' >"$T/all/index.json"
	push multi:1 "$T/all" --all
	list=$(digest_of multi:1)
	run -0 img-pull "$REGISTRY/multi:1"
	assert_eq "$list" "$output"
	assert_eq "$(host_arch)" "$(img-config "$REGISTRY/multi:1" | jq -r .architecture)"
	run -0 img-ls --json
	assert_json '.digest == $d and .manifest != $d' --arg d "$list"
	run -0 img-pull --platform linux/s390x "$REGISTRY/multi:1"
	assert_eq s390x "$(img-config "$REGISTRY/multi:1" | jq -r .architecture)"
	assert_eq 1 "$(img-ls --json | jq -r 'select(.tag == null).platform' | grep -c "$(host_arch)")"
	run -0 img-pull --platform arm64/v8 "$REGISTRY/multi:1" ||
		run -0 img-pull --platform linux/arm64/v8 "$REGISTRY/multi:1"
	run -1 img-pull --platform windows/amd64 "$REGISTRY/multi:1"
	assert_error img-pull '* has no image for windows/amd64' 'there is one for: linux/s390x, *'
	skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/multi:1" >"$T/raw"
	# One image for another machine, asked for by its digest: taken, with a word about it.
	run -0 --separate-stderr img-pull --platform linux/riscv64 \
		"$REGISTRY/multi@$(jq -r '.manifests[] | select(.platform.architecture == "s390x").digest' "$T/raw")"
	assert_like "$stderr" 'img-pull: warning: * is for linux/s390x, not for linux/riscv64'
}

@test "TLS: an authority of the registry's own, trusted when named, refused otherwise" {
	requires docker-registry skopeo openssl zstd
	three_layers
	registry_start "$T/registry" tls
	push img:1
	run -1 img-pull "$REGISTRY/img:1"
	assert_error img-pull "cannot fetch https://$REGISTRY/v2/img/manifests/1: SSL certificate problem: *" '*--cacert FILE*'
	nothing_visible
	run -0 img-pull --cacert "$T/registry/ca.pem" "$REGISTRY/img:1"
	run -0 img-pull --insecure "$REGISTRY/img:1"
	run -1 img-pull --cacert "$T/absent.pem" "$REGISTRY/img:1"
	assert_error img-pull "cannot fetch https://*$T/absent.pem*"
	# The certificate is for 127.0.0.1, not for another name of this machine.
	run -1 img-pull --cacert "$T/registry/ca.pem" "127.0.0.2:${REGISTRY#*:}/img:1"
	assert_error img-pull 'cannot fetch https://*'
	registry_stop
	registry_start "$T/plain"
	run -1 img-pull --cacert "$T/registry/ca.pem" "$REGISTRY/img:1"
	assert_error img-pull 'cannot fetch https://*' '*plain HTTP*'
}

@test "certs.d: authorities of one registry, and a certificate of ours for it; nobody else's" {
	requires docker-registry skopeo openssl zstd
	local dir
	three_layers
	registry_start "$T/registry" tls client
	dir=$T/certs/$REGISTRY
	mkdir -p "$dir" "$T/certs/127.0.0.1:1"
	cp "$T/registry/ca.pem" "$dir/ours.crt"
	cp "$T/registry/cert.pem" "$dir/me.cert" && cp "$T/registry/key.pem" "$dir/me.key"
	skopeo copy -q --preserve-digests --dest-cert-dir "$dir" "oci:$T/layout" "docker://$REGISTRY/img:1"
	TACKLEBOX_CERTS=$T/certs run -0 img-pull "$REGISTRY/img:1"
	rm -rf "$TACKLEBOX_ROOT"
	mkdir -p "$T/home/.config/docker" && ln -s "$T/certs" "$T/home/.config/docker/certs.d"
	HOME=$T/home run -0 img-pull "$REGISTRY/img:1"
	img-tag "$REGISTRY/img:1" "$REGISTRY/img:2"
	HOME=$T/home run -0 img-push -q "$REGISTRY/img:2"
	rm -rf "$TACKLEBOX_ROOT"
	export TACKLEBOX_CERTS=$T/certs
	# An authority that did not sign: though --cacert names the right one, the client is unknown.
	mv "$dir" "$T/elsewhere"
	run -1 img-pull --cacert "$T/registry/ca.pem" "$REGISTRY/img:1"
	assert_error img-pull 'cannot fetch https://*'
	mkdir "$dir" && cp "$T/elsewhere"/me.* "$dir"
	run -0 img-pull --cacert "$T/registry/ca.pem" "$REGISTRY/img:1"
	rm -rf "$TACKLEBOX_ROOT"
	rm "$dir/me.key"
	run -1 img-pull "$REGISTRY/img:1"
	assert_error img-pull "$dir/me.cert has no key beside it: $dir/me.key is missing"
	rm "$dir/me.cert" && echo nonsense >"$dir/bad.crt"
	run -1 img-pull "$REGISTRY/img:1"
	assert_error img-pull 'cannot fetch https://*'
	nothing_visible
}

@test "one layer twice in an image, and a layer that is here already" {
	requires docker-registry skopeo zstd
	layer "$T/a.tar" 'echo a >a; head -c 100000 /dev/urandom >ra'
	layer "$T/b.tar" 'echo b >b'
	gzip -k "$T/a.tar"
	ARCH=$(host_arch) make_layout "$T/twice" img "$T/a.tar.gz" "$T/b.tar" "$T/a.tar.gz"
	ARCH=$(host_arch) make_layout "$T/once" img "$T/b.tar" "$T/a.tar.gz"
	registry_start "$T/registry"
	push img:twice "$T/twice"
	push img:once "$T/once"
	: >"$T/registry/log"
	run -0 img-pull "$REGISTRY/img:twice"
	run -0 img-layers "$REGISTRY/img:twice"
	assert_eq 3 "$(sort -u <<<"$output" | wc -l)" "three directories, for overlay refuses one twice"
	cmp "${lines[0]}/ra" "${lines[2]}/ra"
	# The registry writes its log a little later: the config, and two layers.
	gets() { [ "$(grep -c 'http.request.method=GET.*/blobs/' "$T/registry/log")" -eq "$1" ]; }
	wait_for gets 3
	# The same blobs in another order: unpacked from the store.
	run -0 img-pull "$REGISTRY/img:once"
	wait_for gets 4 # its config
	run -0 img-layers "$REGISTRY/img:once"
	assert_eq 2 "${#lines[@]}"
	cmp "${lines[1]}/ra" <(tar -xOf "$T/a.tar" ./ra)
	same_store
}

@test "twenty pulls side by side: each layer is fetched once" {
	requires docker-registry skopeo zstd
	local i n pids=()
	n=$(rounds)
	three_layers
	registry_start "$T/registry"
	push img:1
	: >"$T/registry/log"
	for ((i = 0; i < n; i++)); do
		img-pull "$REGISTRY/img:1" >"$T/$i.out" 2>&1 &
		pids+=($!)
	done
	wait "${pids[@]}"
	for ((i = 0; i < n; i++)); do
		assert_eq "$(digest_of img:1)" "$(<"$T/$i.out")" "pull $i"
	done
	for i in "$T/1.tar.gz" "$T/2.tar.zst" "$T/3.tar"; do
		assert_eq 1 "$(grep 'response completed' "$T/registry/log" |
			grep 'method=GET' | grep -c "blobs/sha256:$(sha256sum <"$i" | cut -d' ' -f1)")" "$i"
	done
	same_store
	assert_eq 1 "$(img-ls --json | wc -l)"
}

@test "a token that everybody gets is asked for, and not given to another host" {
	requires python3 zstd
	three_layers
	double_start "$T/layout"
	run -0 img-pull "$DOUBLE/token/app:1"
	run -0 grep -c ' Bearer dG9rZW4' "$T/layout/requests"
	run -0 grep -m1 'GET /token' "$T/layout/requests"
	assert_like "$output" 'GET /token?service=a%20%22b%22%20c&scope=repository%3Atoken%2Fapp%3Apull -'
	rm -rf "$TACKLEBOX_ROOT"
	run -0 img-pull "$DOUBLE/redirect/app:1"
	[[ -s $T/layout/elsewhere ]]
	! grep -q Bearer "$T/layout/elsewhere" || fail "the token went elsewhere"
	same_store
	# The token is a secret, even one that everybody gets.
	rm -rf "$TACKLEBOX_ROOT"
	run -0 --separate-stderr img-pull -x "$DOUBLE/token/app:1"
	[[ $stderr != *dG9rZW4* ]]
}

@test "a registry that misbehaves: one clear line, and nothing visible" {
	requires python3 zstd
	local mode want hint retries
	three_layers
	double_start "$T/layout"
	while IFS='|' read -r mode want hint; do
		[[ $mode == resume* ]] && retries=1 || retries=0
		run -1 bounded 32 img-pull -q --retries $retries --timeout 1s "$DOUBLE/$mode/app:1"
		assert_error img-pull "$want" ${hint:+"$hint"} || fail "mode $mode: $output"
		[[ $output != *$'\x1b'* ]]
		nothing_visible || fail "mode $mode"
	done <<-'END'
		absent|cannot fetch */absent/app:1: 127.0.0.1:* answers 404: repository name not known to registry|is the name right*
		forbidden|cannot fetch * answers 403: requested access to the resource is denied\\x1b\[2J|*not public
		basic|cannot use *: the registry wants a user name and a password|*docker login 127.0.0.1:*--creds-fd
		tokenloop|cannot fetch * answers 401*|*
		evilrealm|cannot use *: the registry names 'file:///etc/passwd' to get a token from, which is not https
		failing|cannot fetch * answers 500
		roundabout|cannot fetch *: Maximum (5) redirects followed
		tofile|cannot fetch *: Protocol "file" *
		silent|cannot fetch *|*does not answer*
		garbage|cannot read manifest sha256:*: line 1, column 1: *
		noise|cannot read manifest sha256:*
		deep|cannot read manifest sha256:*: deeper than 64 levels
		empty|cannot read manifest sha256:*
		huge|cannot fetch *: more than the 4194304 bytes it should have
		schema1|manifest sha256:* is of Docker's old schema 1|*push the image again*
		ambiguous|manifest sha256:* has layers and manifests: it could be read as two different images
		chart|*/chart/app:1 is not an image but application/vnd.example.chart.v1+json
		escape|manifest sha256:*: layers\[0\].digest 'sha256:../../../../../../tmp/evil' is not a sha256 digest
		wrongconfig|cannot use config sha256:*: what came is sha256:*|*sent other content
		wrong|*layer sha256:*
		other|*layer sha256:*
		short|cannot fetch *: transfer closed with * bytes remaining to read|the connection broke; try again
		shortlength|cannot fetch layer sha256:*: it ends after * of * bytes
		long|cannot fetch *: more than the * bytes it should have
		reset|cannot fetch *|the connection broke; try again
		stall|cannot fetch *|*does not answer*
		missing|cannot fetch layer sha256:* answers 404: blob unknown to registry|*
		drip|cannot fetch *|*does not answer*
		busy|cannot fetch * answers 429|too many requests*
		negative|manifest sha256:*: layers\[0\].size *
		nosize|manifest sha256:*: layers\[0\].size *
		fewer|config sha256:*: rootfs.diff_ids has 3 entries for 2 layers
		many|manifest sha256:*: layers has 501 layers; overlay can stack 500
		foreignfile|cannot fetch layer sha256:* answers 404*|*
		resumeother|cannot fetch *: asked for what comes from byte * on, it sends another part
		resumelong|cannot fetch *: more than the * bytes it should have
		resumechanged|*layer sha256:*
	END
	# A digest that was asked for is not taken on trust either.
	want=$(jq -r '.manifests[0].digest' "$T/layout/index.json")
	run -1 img-pull "$DOUBLE/swapped/app@$want"
	assert_error img-pull "cannot use *: what came is sha256:*, not $want" '*sent other content'
	nothing_visible
	run -0 img-pull "$DOUBLE/good/app@$want"
}

@test "a transfer that breaks goes on where it broke off; a server at a loss is asked again" {
	requires python3 zstd
	local mode
	three_layers
	double_start "$T/layout"
	for mode in once500 resume resumewhole; do
		run -0 --separate-stderr command img-pull "$DOUBLE/$mode/app:1"
		assert_like "$stderr" '*: Retrying in 0.25 seconds*'
		same_store
		rm -rf "$TACKLEBOX_ROOT"
	done
	# Each of the two large layers came in three thirds, none of them twice.
	grep '/v2/resume/.* bytes=' "$T/layout/requests" | awk '{ print $NF }' | sort -u >"$T/ranges"
	assert_eq 4 "$(wc -l <"$T/ranges")"
	# It does so once or twice, but not for ever.
	unset stderr
	run -1 img-pull --retries 0 "$DOUBLE/resume/app:1"
	assert_error img-pull 'cannot fetch *' 'the connection broke; try again'
	: >"$T/layout/requests"
	run -1 img-pull --retries 2 "$DOUBLE/failing/app:1"
	assert_eq 3 "$(wc -l <"$T/layout/requests")"
}

@test "the first bytes of a layer one by one; a layer that begins with a frame to be skipped" {
	requires python3 zstd
	three_layers
	double_start "$T/layout"
	run -0 img-pull "$DOUBLE/trickle/app:1"
	same_store
	double_stop
	layer "$T/a.tar" 'echo a >a'
	layer "$T/b.tar" 'echo b >b; head -c 100000 /dev/urandom >noise'
	layer "$T/c.tar" 'echo c >c'
	zstd -q "$T/a.tar" && gzip -k "$T/c.tar"
	{ printf '\x50\x2a\x4d\x18\x04\0\0\0skip' && zstd -qc "$T/b.tar"; } >"$T/b.tar.zst"
	make_layout "$T/skips" img "$T/b.tar.zst" "$T/a.tar.zst" "$T/c.tar.gz"
	double_start "$T/skips"
	run -0 img-pull --platform linux/amd64 "$DOUBLE/good/app:1"
	run -0 img-layers "$DOUBLE/good/app:1"
	cmp "${lines[0]}/noise" <(tar -xOf "$T/b.tar" ./noise)
	same_store
}

@test "a foreign layer is fetched where the manifest says, without our token" {
	requires python3 zstd
	three_layers
	double_start "$T/layout"
	run -0 img-pull "$DOUBLE/foreign/app:1"
	assert_eq 2 "$(grep -c '^GET /v2/x/y/blobs/sha256:[0-9a-f]* -$' "$T/layout/elsewhere")"
	! grep Bearer "$T/layout/elsewhere" || fail "the token went elsewhere"
	same_store
}

@test "mirrors are asked first, in order; the registry itself last" {
	requires python3 zstd
	three_layers
	double_start "$T/layout"
	export TACKLEBOX_MIRRORS=$T/mirrors
	cat >"$T/mirrors" <<-END
		# nobody, somebody who lacks it, somebody who has it
		example.invalid http://127.0.0.1:1 http://$DOUBLE
		other.invalid   http://$DOUBLE/more
	END
	run -0 --separate-stderr command img-pull example.invalid/good/app:1
	assert_like "$stderr" '*No help from http://127.0.0.1:1: *'
	run -0 img-layers example.invalid/good/app:1
	assert_eq 3 "${#lines[@]}"
	unset stderr
	# The registry's own refusal is the one that is told.
	run -1 img-pull example.invalid/absent/app:1
	assert_error img-pull 'cannot fetch https://example.invalid/v2/absent/app/manifests/1: Could not resolve host*' '*'
	run -1 img-pull other.invalid/good/app:1
	grep -q '^GET /more/v2/good/app/manifests/1 -' "$T/layout/requests"
	# A registry without mirrors is asked at once.
	run -0 img-pull "$DOUBLE/good/app:1"
	echo 'example.invalid ftp://x' >"$T/mirrors"
	run -1 img-pull example.invalid/good/app:1
	assert_error img-pull "$T/mirrors: 'ftp://x' is no http or https URL"
	TACKLEBOX_MIRRORS=$T/none run -1 img-pull "$DOUBLE/good/app:1"
	assert_error img-pull "cannot open $T/none: No such file or directory (ENOENT)"
}

@test "what a mirror lacks, or has only in part, comes from the registry itself" {
	requires python3 zstd
	local blob blobs mirror manifest
	three_layers
	cp -r "$T/layout" "$T/half"
	blobs=$T/half/blobs/sha256 manifest=$(<"$T/half/blobs/sha256/$(manifest_of "$T/half")")
	# The mirror has the manifest, the first layer's beginning, and the second layer.
	blob=$(jq -r '.layers[0].digest' <<<"$manifest" | cut -d: -f2)
	truncate -s 100000 "$blobs/$blob"
	jq -r '.layers[2].digest, .config.digest' <<<"$manifest" | sed "s|^sha256:|$blobs/|" | xargs rm
	double_start "$T/half"
	mirror=$DOUBLE
	double_start "$T/layout"
	export TACKLEBOX_MIRRORS=$T/mirrors
	echo "$DOUBLE http://$mirror" >"$T/mirrors"
	run -0 img-pull "$DOUBLE/good/app:1"
	run -0 img-layers "$DOUBLE/good/app:1"
	assert_eq 3 "${#lines[@]}"
	same_store
	# The rest of the first layer only, and nothing that the mirror had.
	grep -q "blobs/sha256:$blob - bytes=100000-$" "$T/layout/requests"
	assert_eq 3 "$(grep -c '^GET ' "$T/layout/requests")" "$(<"$T/layout/requests")"
	# Neither has it whole: what the registry itself says is told.
	rm -rf "$TACKLEBOX_ROOT"
	rm "$T/layout/blobs/sha256/$blob"
	run -1 img-pull "$DOUBLE/good/app:1"
	assert_error img-pull "cannot fetch layer sha256:$blob: $DOUBLE answers 404: blob unknown to registry" '*'
	nothing_visible
}

@test "a password for the registry goes to none of its mirrors, in whatever way they ask; what a mirror is to have stands under its own name" {
	requires python3 zstd
	local mirror basic auth blob
	auth=$(printf user:se:cret | base64)
	basic="Basic $auth"
	three_layers
	cp -r "$T/layout" "$T/mirror"
	double_start "$T/mirror"
	mirror=$DOUBLE
	double_start "$T/layout"
	export TACKLEBOX_MIRRORS=$T/mirrors DOCKER_CONFIG=$T/docker
	mkdir "$T/docker"
	echo "$DOUBLE http://$mirror" >"$T/mirrors"
	# The registry itself takes no password at all here: its refusal is the one that is told.
	run -1 img-pull --creds-fd 7 "$DOUBLE/basic/app:1" 7< <(echo user:se:cret)
	assert_error img-pull "* $DOUBLE answers 401*" '*'
	grep -q " /v2/basic/app/manifests/1 -" "$T/mirror/requests"
	grep -q " /v2/basic/app/manifests/1 $basic" "$T/layout/requests"
	run -0 img-pull --creds-fd 7 --realm "$mirror" "$DOUBLE/private/app:1" 7< <(echo user:se:cret)
	grep -q "/token/private?.* -" "$T/mirror/requests"
	grep -q "/token/private?.* $basic" "$T/layout/requests"
	rm -rf "$TACKLEBOX_ROOT"
	run -0 img-pull --creds-fd 7 "$DOUBLE/private/app:1" 7< <(echo '{"registrytoken": "dG9rZW4tZm9yLWV2ZXJ5Ym9keQ=="}')
	! grep -E 'Basic|Bearer' "$T/mirror/requests" || fail "a secret went to the mirror"
	# One that was given to the mirror does; what it lacks is asked of the registry with that one's.
	rm -rf "$TACKLEBOX_ROOT"
	jq -n --arg r "$mirror" --arg a "$auth" '{auths: {($r): {auth: $a}}}' >"$T/docker/config.json"
	blob=$(sha256sum <"$T/3.tar" | cut -d' ' -f1)
	rm "$T/mirror/blobs/sha256/$blob"
	: >"$T/layout/requests"
	run -0 img-pull --creds-fd 7 "$DOUBLE/private/app:1" 7< <(echo user:se:cret)
	grep -q "/token/private?.* $basic" "$T/mirror/requests"
	grep -q "/token/private?.* $basic" "$T/layout/requests"
	assert_eq 1 "$(grep -c "/blobs/.* Bearer" "$T/layout/requests")" "$(<"$T/layout/requests")"
}

@test "proxies by the usual variables, in small letters or capitals; this machine never through one" {
	local name
	requires python3 zstd docker-registry skopeo openssl
	unset no_proxy
	three_layers
	double_start "$T/layout"
	proxy_start "$T" "$DOUBLE"
	for name in http_proxy HTTP_PROXY; do
		: >"$T/proxied"
		run -0 env https_proxy="http://$PROXY" "$name=http://$PROXY" img-pull -q --insecure registry.invalid:5000/good/app:1
		grep -q '^GET http://registry.invalid:5000/v2/good/app/manifests/1 ' "$T/proxied"
		run -0 img-rm registry.invalid:5000/good/app:1
		# A program of a web server's takes no client's word for its proxy.
		[[ $name == http_proxy ]] || REQUEST_METHOD=GET HTTP_PROXY=http://$PROXY \
			run -1 img-pull --retries 0 --insecure registry.invalid:5000/good/app:1
	done
	: >"$T/proxied"
	http_proxy=http://$PROXY https_proxy=http://$PROXY run -0 img-pull "$DOUBLE/good/app:1"
	for name in no_proxy NO_PROXY; do
		run -1 env https_proxy="http://$PROXY" http_proxy="http://$PROXY" "$name=.invalid" \
			img-pull -q --retries 0 --insecure registry.invalid:5000/good/app:1
		assert_like "$output" '*Could not resolve host*'
	done
	assert_eq '' "$(<"$T/proxied")"
	proxy_stop
	registry_start "$T/registry" tls
	push img:1
	proxy_start "$T" "$REGISTRY"
	for name in https_proxy HTTPS_PROXY; do
		: >"$T/proxied"
		run -0 env "$name=http://$PROXY" img-pull -q --cacert "$T/registry/ca.pem" registry.invalid/img:1
		grep -q '^CONNECT registry.invalid:443 ' "$T/proxied"
		run -0 img-rm registry.invalid/img:1
	done
	# What goes through a proxy is for the registry alone to read.
	HTTPS_PROXY=http://$PROXY run -1 img-pull registry.invalid/img:1
	assert_error img-pull 'cannot fetch https://registry.invalid/v2/img/manifests/1: SSL certificate problem: *' '*--cacert FILE*'
}

# The network is faster here than the unpacking, so the transfer pauses again and again; what is wrong
# with the last piece is found when a pause ends.
@test "a body that is too long, found out while the transfer waits for room" {
	requires python3
	local round
	layer "$T/1.tar" 'head -c 6M /dev/urandom >noise; for i in $(seq 400); do echo $i >$i; done'
	make_layout "$T/layout" img "$T/1.tar"
	double_start "$T/layout"
	for ((round = 0; round < 5; round++)); do
		run -1 img-pull "$DOUBLE/long/app:1"
		assert_error img-pull 'cannot fetch *: more than the * bytes it should have'
		nothing_visible
	done
}

@test "images that were not put together well" {
	requires python3 zstd
	three_layers
	local digest
	# A truncated gzip whose digest is right.
	head -c 150000 "$T/1.tar.gz" >"$T/t.tar.gz" && cp "$T/1.tar" "$T/t.tar"
	make_layout "$T/truncated" img "$T/t.tar.gz"
	# Other content than the config says.
	cp "$T/1.tar.gz" "$T/u.tar.gz" && cp "$T/3.tar" "$T/u.tar"
	make_layout "$T/unlike" img "$T/u.tar.gz"
	# No tar at all; and one that wants to get out.
	head -c 5000 /dev/urandom >"$T/n.tar"
	make_layout "$T/noise" img "$T/n.tar"
	mkdir "$T/evil" && tar -C "$T" -cf "$T/e.tar" --transform='s,.*,../../../out,' -P 1.tar
	make_layout "$T/escape" img "$T/e.tar"
	# A config without the layers' hashes.
	cp -r "$T/layout" "$T/nodiffids"
	put_blob "$T/nodiffids" "$(jq -c 'del(.rootfs.diff_ids)' "$T/layout/blobs/sha256/$(
		jq -r .config.digest "$T/layout/blobs/sha256/$(manifest_of "$T/layout")" | cut -d: -f2)")" >"$T/config"
	put_blob "$T/nodiffids" "$(jq -c --arg d "$(<"$T/config")" \
		--argjson n "$(stat -c %s "$T/nodiffids/blobs/sha256/$(<"$T/config")")" \
		'.config |= (.digest = "sha256:" + $d | .size = $n)' "$T/layout/blobs/sha256/$(manifest_of "$T/layout")")" >"$T/manifest"
	jq --arg d "sha256:$(<"$T/manifest")" '.manifests[0].digest = $d' "$T/layout/index.json" >"$T/nodiffids/index.json"
	double_start "$T/nodiffids"
	run -1 img-pull "$DOUBLE/good/app:1"
	assert_error img-pull 'config sha256:*: rootfs.diff_ids has 0 entries for 3 layers'
	nothing_visible
	double_stop
	for digest in truncated unlike noise escape; do
		double_start "$T/$digest"
		run -1 img-pull "$DOUBLE/good/app:1"
		assert_error img-pull '*layer sha256:*' || fail "$digest"
		nothing_visible || fail "$digest"
		double_stop
	done
	# What the config says is here unpacked, and the blob is another: looked at all the same.
	layer "$T/d.tar" 'echo d >d'
	make_layout "$T/plain" img "$T/d.tar"
	zstd -qk "$T/d.tar"
	make_layout "$T/zstd" img "$T/d.tar.zst"
	cp "$T/1.tar.gz" "$T/v.tar.gz" && cp "$T/d.tar" "$T/v.tar"
	make_layout "$T/different" img "$T/v.tar.gz"
	double_start "$T/plain"
	run -0 img-pull --platform linux/amd64 "$DOUBLE/good/plain:1"
	double_stop
	double_start "$T/different"
	run -1 img-pull --platform linux/amd64 "$DOUBLE/good/app:1"
	assert_error img-pull "cannot use layer sha256:*: unpacked it is sha256:$(sha256sum <"$T/1.tar" | cut -d' ' -f1), not sha256:$(
		sha256sum <"$T/d.tar" | cut -d' ' -f1)" '*not put together well*'
	assert_eq 1 "$(img-ls -q | wc -l)"
	same_store
	double_stop
	# The same packed in another way is only kept.
	double_start "$T/zstd"
	run -0 img-pull --platform linux/amd64 "$DOUBLE/good/zstd:1"
	assert_eq "$(img-layers "127.0.0.1:$(<"$T/plain/port")/good/plain:1")" "$(img-layers "$DOUBLE/good/zstd:1")"
	same_store
	[[ ! -e $T/out ]]
}

@test "a host that is not there, does not answer, or has no such name" {
	run -1 img-pull 127.0.0.1:1/app:1
	assert_error img-pull 'cannot fetch http://127.0.0.1:1/v2/app/manifests/1: Connection refused (ECONNREFUSED)' '*'
	run -1 img-pull no-such-host.invalid/app:1
	assert_error img-pull 'cannot fetch https://no-such-host.invalid/*: Could not resolve host: no-such-host.invalid' '*'
	# A listener whose queue is full drops what knocks.
	python3 -c '
import socket, sys, time
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(0)
held = [socket.socket() for _ in range(4)]
for h in held: h.setblocking(False); h.connect_ex(s.getsockname())
print(s.getsockname()[1], flush=True); time.sleep(60)' >"$T/port" 2>/dev/null 3>&- &
	DOUBLE_PIDS+=($!)
	wait_for test -s "$T/port"
	run -1 img-pull --timeout 1s "127.0.0.1:$(<"$T/port")/app:1"
	[[ $output == *"hint: "*--timeout* || $output == *"hint: "*"does not answer"* ]]
	assert_error img-pull 'cannot fetch http://*' '*'
	nothing_visible
	run -2 img-pull sha256:"$(printf %064d 0)"
	run -2 img-pull
	run -2 img-pull --timeout 0 a
	run -2 img-pull --platform 'linux/arm/v7/x' a
}

@test "each step fails once: nothing visible, nothing half done" {
	requires python3 zstd
	three_layers
	double_start "$T/layout"
	clean() {
		[[ -z $(img-ls -q) && -z $(ls -A "$images/tmp" 2>/dev/null) ]] || fail "left something" || return
		! compgen -G "$layers/.tmp-*" || return
		rm -rf "$TACKLEBOX_ROOT"
	}
	faults_walk clean -- img-pull "$DOUBLE/good/app:1"
	((faults > 25))
	rm -rf "$TACKLEBOX_ROOT"
	faults_walk -e ENOSPC clean -- img-pull "$DOUBLE/good/app:1"
}

@test "killed at random moments: old state or new, and the next pull succeeds" {
	requires python3 zstd
	local round many whole
	many=$(rounds)
	three_layers
	double_start "$T/layout"
	img-pull "$DOUBLE/good/app:1"
	whole=$(img-ls --json | jq -r .id)
	for ((round = 0; round < many; round++)); do
		rm -rf "$TACKLEBOX_ROOT"
		timeout -s KILL "0.0$((10 + RANDOM % 90))" img-pull "$DOUBLE/good/app:1" >/dev/null 2>&1 || true
		run -0 img-ls --json
		[[ ! $output || $(jq -r .id <<<"$output") == "$whole" ]] || fail "$output"
		[[ ! $output ]] || img-layers "$DOUBLE/good/app:1"
		run -0 img-pull "$DOUBLE/good/app:1"
		run -0 img-layers "$DOUBLE/good/app:1"
	done
}

@test "an ordinary user pulls into a store of their own" {
	requires python3 zstd
	three_layers
	chmod -R a+rX "$T/layout"
	double_start "$T/layout"
	run -0 as_nobody img-pull "$DOUBLE/good/app:1"
	run -0 as_nobody img-layers "$DOUBLE/good/app:1"
	assert_eq 3 "${#lines[@]}"
}

@test "memory stays bounded, however large the layers are" {
	requires docker-registry skopeo
	layer "$T/z.tar" 'head -c 150M /dev/zero >zero'
	layer "$T/y.tar" 'head -c 60M /dev/urandom >noise'
	gzip -1 -k "$T/z.tar"
	ARCH=$(host_arch) make_layout "$T/layout" img "$T/z.tar.gz" "$T/y.tar"
	registry_start "$T/registry"
	push img:1
	python3 - "$REGISTRY/img:1" <<-'END'
		import resource, subprocess, sys
		subprocess.run(["img-pull", sys.argv[1]], check=True)
		kb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
		print(kb, "kB")
		sys.exit(kb > 24 << 10)
	END
}

@test "the progress: lines, objects in Docker's words, bars on a terminal; a dry run asks nobody" {
	requires python3 zstd script
	local id digest
	three_layers
	double_start "$T/layout"
	digest=$(jq -r '.manifests[0].digest' "$T/layout/index.json")
	id=$(sha256sum <"$T/1.tar.gz" | cut -c1-12)
	run -0 --separate-stderr command img-pull "$DOUBLE/good/app:1"
	assert_eq "$digest" "$output"
	assert_like "$stderr" "1: Pulling from good/app"$'\n'"$id: Pulling fs layer*$id: Download complete*$id: Pull complete*"
	run -0 --separate-stderr img-pull "$DOUBLE/good/app:1"
	assert_eq '' "$stderr"
	run -0 command img-pull --json "$DOUBLE/good/app:1"
	assert_eq "{\"status\":\"Pulling from good/app\",\"progressDetail\":{},\"id\":\"1\"}" "${lines[0]}"
	assert_eq "{\"status\":\"Already exists\",\"progressDetail\":{},\"id\":\"$id\"}" "${lines[1]}"
	assert_eq "{\"status\":\"Digest: $digest\"}" "${lines[-2]}"
	assert_eq "{\"status\":\"Status: Image is up to date for $DOUBLE/good/app:1\"}" "${lines[-1]}"
	rm -rf "$TACKLEBOX_ROOT"
	run -0 command img-pull --json "$DOUBLE/resume/app:1"
	run -0 jq -s --arg i "$id" '[.[] | select(.id == $i and .status == "Downloading").progressDetail] |
		length > 0 and all(.current <= .total and .total > 300000)' <<<"$output"
	assert_eq true "$output"
	rm -rf "$TACKLEBOX_ROOT"
	run -0 script -qec "img-pull $DOUBLE/good/app:1" /dev/null
	assert_like "$output" $'*\r*: Pull complete\e\\[K*'
	rm -rf "$TACKLEBOX_ROOT"
	run -0 script -qec "img-pull -q $DOUBLE/good/app:1" /dev/null
	[[ $output != *$'\e[K'* ]]
	rm -rf "$TACKLEBOX_ROOT"
	: >"$T/layout/requests"
	run -0 img-pull -n "$DOUBLE/good/app:1"
	assert_like "$output" "*curl -fsSL*$DOUBLE/v2/good/app/manifests/1*"
	sh -n <<<"$output"
	[[ ! -s $T/layout/requests && ! -e $TACKLEBOX_ROOT ]]
}
