#!/usr/bin/env bats
# The column "rootless" of the README's table is true: the example of each tool runs as an ordinary user
# where that column says so.
load helpers
load box_helpers

setup_file() { boxer_setup_file; }
teardown_file() { boxer_teardown_file; }
setup() { boxer_test_setup; }
teardown() { boxer_test_teardown; }

# each_row WORD: runs their examples, and names those that fail.
each_row() {
	local tool bad=0 n=0 dir
	for tool in $(rows "$1"); do
		[[ $tool != cg-stat ]] || continue # below
		n=$((n + 1))
		dir=$TB_DIR/home/x$n
		as_boxer mkdir "$dir"
		BOXER_TIME=60 as_boxer bash "$TB_TESTS/rootless-example.sh" "$tool" "$1" "$dir" "$TB_TOP" >"$T/out" 2>&1 ||
			{ bad=1; echo "$tool: $(tail -n 8 "$T/out")"; }
		# Nothing runs, and what is there is his own to remove.
		wait_for nothing_runs "$dir" || { bad=1; echo "$tool: leaves a process"; pgrep -af -u nobody "$dir" | cut -c 1-200; }
		as_boxer rootless-exec -- rm -rf "$dir" || { bad=1; echo "$tool: leaves what its user cannot remove"; }
	done
	((n > 0 && bad == 0)) || fail "$n rows"
}
nothing_runs() { ! pgrep -u nobody -f "$1/run"; }

@test "every tool has a word in the column, and one that is explained" {
	run -0 awk -F' *[|] *' '$2 == "tool" { for (i = 1; i <= NF; i++) if ($i == "rootless") column = i; next }
		column && NF > 8 && $2 !~ /^-+$/ && $column !~ /^(yes|given|inside)$/ { print $2, $column }' "$TB_TOP/README.md"
	[ -z "$output" ]
	[ "$(rows yes | wc -l)" -gt 60 ]
}

@test "yes: the examples run as an ordinary user" {
	requires docker-registry skopeo curl
	each_row yes
}

@test "inside: they run among the networks of his boxes" {
	each_row inside
}

@test "yes: cg-stat shows groups that are others'" {
	requires cg
	local g=$TB_NAME-web
	cg-create "$g" >/dev/null
	run as_boxer cg-stat "$g"
	cg-rm "$g"
	assert_eq 0 "$status"
	assert_like "$output" "*$g*"
}

@test "given: where nothing was, they say so, and change nothing" {
	requires cg
	local g=$TB_NAME-web tool words bad=
	as_boxer box-run -d --name one --network none bb sleep 1000 >/dev/null
	cg-create -p 100 "$g" >/dev/null
	for tool in $(rows given); do
		words=("$g")
		case $tool in
		cg-create) words=("$g-more") ;;
		cg-set) words=(-p 50 "$g") ;;
		cg-exec) words=("$g" -- true) ;;
		box-update) words=(-m 64m one) ;;
		box-*) words=(one) ;;
		esac
		run as_boxer "$tool" "${words[@]}"
		[[ $status != 0 && $output =~ EACCES|"control groups"|"is not paused" ]] || bad+="$tool: $status: $output;"
	done
	local pids
	pids=$(<"$(cg_dir pids)/$g/pids.max")
	cg-rm "$g"
	assert_eq 100 "$pids"
	run -0 as_boxer box-ps --json
	assert_json '.State == "running"'
	[ -z "$bad" ] || fail "$bad"
}
