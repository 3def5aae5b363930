#!/usr/bin/env bats
# bats file_tags=apid
# apid with dockerode, the client for node: the chapters of apid-dockerode.js. It is fetched by npm,
# once, into the build directory; where that cannot be, the tests fail.
load helpers
load box_helpers
load apid_helpers

VERSION=4.0.2

setup_file() { box_setup_file; }
teardown_file() { tb_teardown_file; }
setup() {
	box_setup
	requires nft node npm
	fetch
	export NODE_PATH=$TB_OUT/dockerode/node_modules
}
teardown() { box_teardown; }

# Complete or not there at all.
fetch() {
	local dir=$TB_OUT/dockerode
	[[ $(jq -r .version "$dir/node_modules/dockerode/package.json" 2>/dev/null) != "$VERSION" ]] || return 0
	rm -rf "$dir" "$T/dockerode"
	mkdir -p "$T/dockerode"
	timeout 120 npm install --prefix "$T/dockerode" --no-save --no-audit --no-fund --ignore-scripts --loglevel error \
		"dockerode@$VERSION" >"$T/npm" 2>&1 || fail "npm does not fetch dockerode: $(cat "$T/npm")"
	cp -r "$T/dockerode" "$dir.new.$$"
	mv "$dir.new.$$" "$dir"
}

node_does() { timeout 60 node "$TB_TESTS/apid-dockerode.js" "$1"; }

@test "dockerode: system" {
	served "node_does system"
}
@test "dockerode: attach" {
	served "node_does attach"
}
@test "dockerode: run" {
	served "node_does run"
}
@test "dockerode: exec" {
	served "node_does exec"
}
@test "dockerode: follow" {
	served "node_does follow"
}
@test "dockerode: archive" {
	served "node_does archive"
}
@test "dockerode: network" {
	served "node_does network"
}
