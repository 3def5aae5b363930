#!/usr/bin/env bats
# bats file_tags=image
# img-remote: what a real registry has, of one machine and of several.
load helpers
load registry

setup_file() { tb_setup_file; }
teardown_file() { tb_teardown_file; }
setup() {
	tb_setup
	requires docker-registry skopeo
	export no_proxy=127.0.0.1 DOCKER_CONFIG=$T/docker
}
teardown() {
	registry_stop
	tb_teardown
}

@test "an image: the digest that img-pull prints, and its machine; nothing is fetched" {
	registry_start "$T/registry"
	three_layers
	make_layout "$T/layout" x "$T"/*.tar
	push a/one:1
	run -0 img-remote "$REGISTRY/a/one:1"
	assert_line "digest   $(digest_of a/one:1)"
	assert_line "for      linux/$(img-remote --json "$REGISTRY/a/one:1" | jq -r '.Platforms[0].architecture')"
	run -0 img-remote --json "$REGISTRY/a/one:1"
	assert_eq "$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/a/one:1" | wc -c)" "$(jq .Descriptor.size <<<"$output")"
	assert_eq "application/vnd.oci.image.manifest.v1+json linux" "$(jq -r '"\(.Descriptor.mediaType) \(.Platforms[0].os)"' <<<"$output")"
	[[ ! -e $TACKLEBOX_ROOT ]]
	run -0 img-remote "$REGISTRY/a/one@$(digest_of a/one:1)"
	run -1 img-remote "$REGISTRY/a/none:1"
	assert_like "$output" "img-remote: *$REGISTRY/a/none:1*"
	assert_eq not-found "$(TACKLEBOX_ERRORS=json img-remote "$REGISTRY/a/none:1" 2>&1 | tail -n 1 | jq -r .class)"
}

@test "an index: all its machines" {
	local index
	registry_start "$T/registry"
	three_layers
	make_layout "$T/layout" x "$T"/*.tar
	push a/one:1
	index=$(jq -nc --arg d "$(digest_of a/one:1)" '{schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests: [
		{mediaType: "application/vnd.oci.image.manifest.v1+json", digest: $d, size: 2, platform: {os: "linux", architecture: "arm", variant: "v6"}},
		{mediaType: "application/vnd.oci.image.manifest.v1+json", digest: $d, size: 2, platform: {os: "linux", architecture: "amd64"}}]}')
	curl -sf -X PUT -H 'Content-Type: application/vnd.oci.image.index.v1+json' -d "$index" "http://$REGISTRY/v2/a/one/manifests/all"
	run -0 img-remote "$REGISTRY/a/one:all"
	assert_line 'for      linux/arm/v6, linux/amd64'
	assert_line "digest   sha256:$(printf %s "$index" | sha256sum | cut -d' ' -f1)"
	assert_eq '["v6",null]' "$(img-remote --json "$REGISTRY/a/one:all" | jq -c '[.Platforms[].variant]')"
}

@test "for one user only" {
	requires perl
	registry_start "$T/registry" plain private
	three_layers
	make_layout "$T/layout" x "$T"/*.tar
	push a/one:1 '' --dest-creds user:se:cret
	run -1 img-remote "$REGISTRY/a/one:1"
	run -0 img-remote -x --creds-fd 3 "$REGISTRY/a/one:1" 3<<<user:se:cret
	! grep -q cret <<<"$output" || fail "the password is told"
}
