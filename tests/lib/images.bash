# shellcheck shell=bash
# Images and stores for the tests of img-*; `load lib/images` after helpers. $images and $layers are
# the store's two directories.

images_setup() {
	images=$TACKLEBOX_ROOT/images
	layers=$TACKLEBOX_ROOT/layers
	export SOURCE_DATE_EPOCH=1700000000
}

# other_store NAME: from here on the store is $T/NAME.
other_store() {
	export TACKLEBOX_ROOT=$T/$1
	images_setup
}

# small_tar FILE [TEXT]: a directory, a file with that text, a link.
small_tar() {
	local dir
	dir=$(mktemp -d "$T/tree.XXXX")
	mkdir "$dir/etc" && echo "${2:-hello}" >"$dir/etc/motd" && ln -s motd "$dir/etc/link"
	chmod 0755 "$dir" && chmod 0700 "$dir/etc"
	tar -C "$dir" --numeric-owner --sort=name --mtime=@1600000000 -cf "$1" .
	rm -r "$dir"
}

# layered NAME [gzip]: an image of four layers: the base; a file changed and one removed; the layer
# before once more (the same twice); a hard link to a file of the base, in a directory without an
# entry. Prints the id. Made without tools of ours.
layered() {
	local dir=$T/layered.d file n=0 diff=() blobs=() sums
	rm -rf "$dir" && mkdir -p "$dir/blobs/sha256"
	small_tar "$dir/0.tar"
	mktar >"$dir/1.tar" <<-'END'
		{"name": "etc/motd", "data": "changed\n"}
		{"name": "etc/.wh.link"}
	END
	cp "$dir/1.tar" "$dir/2.tar"
	mktar >"$dir/3.tar" <<-'END'
		{"name": "etc/again", "type": "1", "link": "etc/motd"}
		{"name": "srv/www/index", "data": "web\n"}
	END
	for ((n = 0; n < 4; n++)); do
		diff+=("$(sha256sum <"$dir/$n.tar" | cut -d' ' -f1)")
		[[ ${2:-} != gzip ]] || { gzip -n "$dir/$n.tar" && mv "$dir/$n.tar.gz" "$dir/$n.tar"; }
		sums=$(sha256sum <"$dir/$n.tar" | cut -d' ' -f1)
		blobs+=("{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar${2:++gzip}\",\"digest\":\"sha256:$sums\",\"size\":$(stat -c %s "$dir/$n.tar")}")
		mv "$dir/$n.tar" "$dir/blobs/sha256/$sums"
	done
	jq -cn '{architecture: "amd64", os: "linux", created: "2023-11-14T22:13:20Z", config: {Cmd: ["/bin/sh"], Env: ["A=b"]},
		rootfs: {type: "layers", diff_ids: [$ARGS.positional[] | "sha256:" + .]},
		history: [{created: "2023-11-14T22:13:20Z", created_by: "base"}, {created_by: "RUN change"},
			{created_by: "ENV A=b", empty_layer: true}, {created_by: "RUN change"}, {created_by: "RUN link", comment: "last"}]}' \
		--args "${diff[@]}" >"$dir/config"
	sums=$(sha256sum <"$dir/config" | cut -d' ' -f1)
	file="{\"schemaVersion\":2,\"config\":{\"mediaType\":\"application/vnd.oci.image.config.v1+json\",\"digest\":\"sha256:$sums\",\"size\":$(stat -c %s "$dir/config")},\"layers\":[$(IFS=,; echo "${blobs[*]}")]}"
	mv "$dir/config" "$dir/blobs/sha256/$sums"
	echo "sha256:$sums"
	sums=$(printf %s "$file" | sha256sum | cut -d' ' -f1)
	printf %s "$file" >"$dir/blobs/sha256/$sums"
	printf '{"imageLayoutVersion":"1.0.0"}' >"$dir/oci-layout"
	jq -cn '{schemaVersion: 2, manifests: [{mediaType: "application/vnd.oci.image.manifest.v1+json",
		digest: $d, size: $s, annotations: {"org.opencontainers.image.ref.name": $n}}]}' \
		--arg d "sha256:$sums" --argjson s "${#file}" --arg n "$1" >"$dir/index.json"
	tar -C "$dir" -cf "$T/layered.tar" oci-layout index.json blobs
}

# whole_store: what must hold at any moment: every blob is what its name says, the index is JSON and
# leads to blobs that are there, every image's layers are unpacked.
whole_store() {
	local blob digest
	[[ -e $images/index.json ]] || return 0
	for blob in "$images"/blobs/sha256/*; do
		[[ -e $blob ]] || continue
		assert_eq "${blob##*/}" "$(sha256sum <"$blob" | cut -d' ' -f1)" "a blob" || return
	done
	jq -e .manifests "$images/index.json" >/dev/null || fail "the index is broken" || return
	for digest in $(jq -r '.manifests[].digest' "$images/index.json"); do
		img-layers "$digest" | while read -r dir; do
			[[ -d $dir ]] || fail "$dir is missing" || exit
		done || return
	done
}

# no_temporaries: nothing half done is left.
no_temporaries() {
	[[ -z $(ls -A "$images/tmp" 2>/dev/null) ]] || fail "left: $(ls "$images/tmp")" || return
	! compgen -G "$layers/.tmp-*" || fail "a half unpacked layer is left"
}

# engine ARG…: podman with a place of its own, which asks nothing of the host.
engine() {
	podman --root "$T/engine" --runroot "$T/engine.run" --storage-driver vfs --cgroup-manager cgroupfs \
		--events-backend none --log-level error "$@"
}
