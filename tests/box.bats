#!/usr/bin/env bats
# bats file_tags=box
# Boxes: made, run, seen, removed. Nothing of them stays behind (the ledger of the file looks).
load helpers

setup_file() { tb_setup_file; }
teardown_file() { tb_teardown_file; }
setup() {
	tb_setup
	make_root "$T/rootfs"
	tar -C "$T/rootfs" -c . | img-import --cmd '["/bin/sh"]' --env A=b bb >/dev/null
}
teardown() { tb_teardown; }

@test "box-run: output, status, nothing left" {
	requires root
	run -3 --separate-stderr box-run --rm --network none bb sh -c 'echo "$A"; echo two >&2; exit 3'
	assert_eq b "$output"
	assert_eq two "$stderr"
	assert_eq "" "$(ls "$TACKLEBOX_ROOT/boxes" "$TACKLEBOX_ROOT/names" | grep -v :)"
}

@test "box-run: 127 for a program that is not there" {
	requires root
	run -127 box-run --rm --network none bb nothing
	[[ $output == *nothing* ]]
}

@test "a name is one box's; -d, ps, rm" {
	requires root
	local id
	id=$(box-run -d --name one --network none -m 64m bb sleep 1000)
	[[ $id =~ ^[0-9a-f]{64}$ ]]
	run -1 box-create --name one bb
	[[ $output == *"the name one is in use"* ]]
	assert_eq "${id:0:12}" "$(box-ps -q)"
	run -1 box-rm one
	[[ $output == *"is running"* ]]
	box-rm -f one
	assert_eq "" "$(box-ps -aq)"
}

@test "the log, the exit status and the bundle are files" {
	requires root jq
	box-run --name one --network none bb echo hello >/dev/null
	assert_eq $'hello\n' "$(jq -r .log "$TACKLEBOX_ROOT"/names/one/log)"$'\n'
	[[ $(<"$TACKLEBOX_ROOT/names/one/exit") == "0 "* ]]
	assert_eq '["echo","hello"]' "$(jq -c .process.args "$TACKLEBOX_ROOT/names/one/config.json")"
	assert_eq exited "$(box-ps -a --json | jq -r .State)"
	box-rm one
}
