#!/usr/bin/env bats
# bats file_tags=apid
# apid with the docker SDK for Python: the chapters of apid-sdk.py, each with an apid of its own.
load helpers
load box_helpers
load apid_helpers

setup_file() { box_setup_file; }
teardown_file() { tb_teardown_file; }
setup() {
	box_setup
	requires nft
	/usr/bin/python3 -c 'import docker' 2>/dev/null || tb_skip "needs python3-docker"
}
teardown() { box_teardown; }

# Debian's python, for its packages: another one may be first in PATH.
sdk() { /usr/bin/python3 "$TB_TESTS/apid-sdk.py" "$1"; }

@test "python: system" {
	apid "sdk system"
}

@test "python: run" {
	apid "sdk run"
}

@test "python: life" {
	apid "sdk life"
}

@test "python: logs" {
	apid "sdk logs"
}

@test "python: attach" {
	apid "sdk attach"
}

@test "python: execs" {
	apid "sdk execs"
}

@test "python: archive" {
	apid "sdk archive"
}

@test "python: images" {
	apid "sdk images"
}

@test "python: networks" {
	apid "sdk networks"
}

@test "python: volumes" {
	apid "sdk volumes"
}

@test "python: events" {
	apid "sdk events"
}
