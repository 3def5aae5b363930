#!/usr/bin/env bats
# bats file_tags=tutorial
# tutorial/box.sh does what the tools box-* do, on one table of cases; each run is in a lab.
load helpers

setup_file() { tb_setup_file; }
teardown_file() { tb_teardown_file; }
setup() { tb_setup; }
teardown() { tb_teardown; }

# table NAME TOOL: the rows of tests/NAME.
table() {
	requires root overlay jq
	run "$TB_TOP/tutorial/lab" -k "$TB_TOP" -k "$BIN" env TACKLEBOX_ROOT=/tmp/tacklebox \
		TACKLEBOX_RUN=/run/tacklebox "$TB_TESTS/box-table.sh" "$@"
	echo "$output"
	assert_eq 0 "$status"
	assert_like "$output" '*[1-9]* passed, 0 failed'
}

@test "box.sh: pull run ps exec rm as the table says" {
	table box-cases box.sh
}

@test "box-run, -ps, -exec, -rm: as the same table says" {
	table box-cases box
}

# Without the rows that need a control group, a second user's number, or a new /sys (which the kernel gives to a
# user only where nothing is mounted on the old one).
@test "box.sh without root: as the same table says" {
	requires userns overlay jq
	grep -v -e '-m 16m' -e 'none user' -e '--rm bb ls' "$TB_TESTS/box-cases" >"$T/cases"
	[[ $(grep -c '^[0-9]' "$T/cases") -gt 40 ]]
	run "$TB_TOP/tutorial/lab" -u -k "$TB_TOP" -k "$BIN" -k "$T" env TACKLEBOX_ROOT=/tmp/tacklebox \
		TACKLEBOX_RUN=/run/tacklebox "$TB_TESTS/box-table.sh" "$T/cases" box.sh
	echo "$output"
	assert_eq 0 "$status"
	assert_like "$output" '*[1-9]* passed, 0 failed'
}

@test "box.sh build: as the table says" {
	table build-cases box.sh
}

@test "dfile-build: as the same table says" {
	requires dfile-build
	table build-cases box
}

@test "box.sh has at most 100 lines, and none but the tools of levels 1 and 2" {
	assert_eq 100 "$(($(wc -l <"$TB_TOP/tutorial/box.sh") > 100 ? 0 : 100))"
	# What the lines run of ours; the names of its own groups and its directory are no tools.
	tools=$(sed 's/#.*//' "$TB_TOP/tutorial/box.sh" | grep -oE '\b(box|vol|net|tb|apid|dfile|squash|cg|ns|ufs|br|img)-[a-z]+' | sort -u)
	for tool in $tools; do
		[[ $tool == @(cg|ns|ufs|br|img)-* && -x $BIN/$tool ]] || fail "box.sh runs $tool"
	done
	[[ $(wc -w <<<"$tools") -gt 8 ]]
}

@test "box.sh build refuses every instruction but its five, by name" {
	requires root
	for word in ADD ARG ENTRYPOINT EXPOSE HEALTHCHECK LABEL MAINTAINER ONBUILD SHELL STOPSIGNAL USER VOLUME WORKDIR; do
		printf '%s x\n' "$word" >"$T/Dockerfile"
		run -1 "$TB_TOP/tutorial/box.sh" build -t x "$T"
		assert_like "$output" "box.sh: $word*none of FROM RUN COPY ENV CMD*"
	done
	for line in 'COPY --from=a /x /y' 'COPY ["a", "b"]' 'COPY a b c/' 'COPY $A /b' 'RUN --mount=type=cache x' '# escape=`'; do
		printf '%s\n' "$line" >"$T/Dockerfile"
		run -1 "$TB_TOP/tutorial/box.sh" build -t x "$T"
		assert_like "$output" "box.sh: ${line%% *}: not in this form*"
	done
}

# A box of box.sh that cannot start leaves nothing: each step of the chain fails once.
@test "box.sh: whatever fails leaves nothing" {
	requires root overlay jq
	cat >"$T/try" <<-'SH'
		make-root root
		tar -C root -c . | img-import bb >/dev/null
		for tool in ufs-mount cg-create br-setup br-attach cg-exec ns-exec; do
			mkdir -p "fake/$tool" && printf '#!/bin/sh\nexit 99\n' >"fake/$tool/$tool" && chmod +x "fake/$tool/$tool"
			before=$(find /sys/fs/cgroup /run/netns -type d -name 'boxsh*' 2>/dev/null; findmnt -n -t overlay -o TARGET | grep "^$TACKLEBOX_ROOT/")
			PATH=$PWD/fake/$tool:$PATH box.sh run --rm --name one bb true && echo "$tool failed and box.sh did not"
			[ ! -e "$TACKLEBOX_ROOT/box.sh/one" ] || echo "$tool: a directory is left"
			[ "$before" = "$(find /sys/fs/cgroup /run/netns -type d -name 'boxsh*' 2>/dev/null; findmnt -n -t overlay -o TARGET | grep "^$TACKLEBOX_ROOT/")" ] || echo "$tool: something is left"
			[ ! -e /run/netns/boxsh-one ] || echo "$tool: a network is left"
		done
		box.sh run --rm --name one bb true || echo "and does not run after that"
	SH
	run -0 "$TB_TOP/tutorial/lab" -k "$TB_TOP" -k "$BIN" -k "$T" env TACKLEBOX_ROOT=/tmp/tacklebox TACKLEBOX_RUN=/run/tacklebox \
		PATH="$TB_TOP/tutorial:$TB_TOP/tutorial/props:$PATH" bash "$T/try"
	assert_eq '' "$output"
}
