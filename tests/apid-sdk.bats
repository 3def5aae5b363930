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
	served "sdk system"
}

@test "python: run" {
	served "sdk run"
}

@test "python: life" {
	served "sdk life"
}

@test "python: logs" {
	served "sdk logs"
}

@test "python: attach" {
	served "sdk attach"
}

@test "python: execs" {
	served "sdk execs"
}

@test "python: archive" {
	served "sdk archive"
}

@test "python: images" {
	served "sdk images"
}

@test "python: networks" {
	served "sdk networks"
}

@test "python: volumes" {
	served "sdk volumes"
}

@test "python: events" {
	served "sdk events"
}

@test "python: build" {
	served "sdk build"
}
