#!/usr/bin/env bats
# bats file_tags=image
# img-search: a real registry that lists what it has. Docker's hub is not to be asked by a test.
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
	double_stop
	tb_teardown
}

@test "what a registry has, by a part of its name" {
	local name
	registry_start "$T/registry"
	three_layers
	make_layout "$T/layout" x "$T"/1.tar
	for name in a/one a/other b/three; do push "$name:1"; done
	run -0 img-search "$REGISTRY/a/"
	assert_eq "NAME $REGISTRY/a/one $REGISTRY/a/other" "$(awk '{ print $1 }' <<<"$output" | xargs)"
	run -0 img-search --json "$REGISTRY/t"
	assert_eq "$REGISTRY/a/other $REGISTRY/b/three" "$(jq -r .name <<<"$output" | xargs)"
	assert_eq '["",0,false,false]' "$(jq -sc '.[0] | [.description, .star_count, .is_official, .is_automated]' <<<"$output")"
	assert_eq 1 "$(img-search --json --limit 1 "$REGISTRY/" | wc -l)"
	run -0 img-search --json "$REGISTRY/none"
	assert_eq "" "$output"
}

@test "a registry that lists what it has in pages" {
	requires python3
	mkdir "$T/double"
	double_start "$T/double"
	run -0 img-search --json "$DOUBLE/app"
	assert_eq "$(printf '%s ' "$DOUBLE"/app/{1..7})" "$(jq -j '.name + " "' <<<"$output")"
	assert_eq "$DOUBLE/app/7" "$(img-search --json "$DOUBLE/7" | jq -r .name)"
	# What is enough is not asked beyond.
	: >"$T/double/requests"
	assert_eq 2 "$(img-search --json --limit 2 "$DOUBLE/app" | wc -l)"
	assert_eq "/v2/_catalog?n=1000" "$(awk '/_catalog/ { print $2 }' "$T/double/requests")"
}

@test "for one user only; nobody there; what Docker's hub is asked" {
	requires perl
	registry_start "$T/registry" plain private
	run -1 img-search "$REGISTRY/x"
	run -0 img-search --json --creds-fd 3 "$REGISTRY/x" 3<<<user:se:cret
	registry_stop
	run -1 img-search "$REGISTRY/x"
	run -0 img-search -n --limit 5 'busy box&n=9'
	assert_like "$output" "*curl -fsS 'https://index.docker.io/v1/search?q=busy%20box%26n%3D9&n=5'*"
}
