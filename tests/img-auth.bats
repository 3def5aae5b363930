#!/usr/bin/env bats
# bats file_tags=image
# img-auth: a real registry for one user only.
load helpers
load registry

setup_file() { tb_setup_file; }
teardown_file() { tb_teardown_file; }
setup() {
	tb_setup
	export no_proxy=127.0.0.1 DOCKER_CONFIG=$T/docker
}
teardown() {
	registry_stop
	tb_teardown
}

ask() { img-auth --creds-fd 3 "$REGISTRY" 3<<<"$1"; }

@test "the right password, wrong ones, none" {
	requires docker-registry perl
	registry_start "$T/registry" plain private
	run -0 ask user:se:cret
	assert_eq "Login Succeeded" "$output"
	run -0 ask '{"username":"user","password":"se:cret"}'
	run -1 ask user:other
	assert_like "$output" "img-auth: cannot *$REGISTRY*"
	run -1 ask other:se:cret
	run -1 img-auth "$REGISTRY"
	run -1 ask nonsense
	assert_like "$output" '*is not USER:PASSWORD'
	# It stands nowhere to be seen.
	img-auth -x --creds-fd 3 "$REGISTRY" 3<<<user:se:cret >"$T/out" 2>&1
	! grep -q se:cret "$T/out" || fail "the password is told"
	! grep -q "$(printf user:se:cret | base64)" "$T/out" || fail "the password is told"
}

@test "a registry that asks nobody; none at all" {
	requires docker-registry
	registry_start "$T/registry"
	run -0 img-auth "$REGISTRY"
	run -0 img-auth "http://$REGISTRY/v2/"
	registry_stop
	run -1 img-auth "$REGISTRY"
	run -2 img-auth one two
}
