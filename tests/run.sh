#!/bin/bash
# run.sh [--unit] [FILE.bats...]: the C unit tests and all test files, or the files named. Prints one
# line a file, what failed and why things were skipped, and ends in "N passed, N failed, N skipped";
# the exit status is 0 when nothing failed.
#
#   O             build directory (build)
#   TEST_JOBS     files at the same time (2)
#   TEST_TIMEOUT  seconds a file may take (600): one that hangs has failed
#   TEST_ROUNDS   how often the long loops go round (20)
#   TEST_DAYS     for how many seconds boxes are connected, killed and started at random (0: a number of
#                 times, as the other loops)
#   TEST_STRICT   1: a skip that is not listed in tests/skips.txt is a failure, and so is anything
#                 with our marks that is on the host afterwards and was not before
#   TEST_AGAIN    so many files that failed are run once more, alone (0): what is green then is called
#                 unsteady, in the line before the last, and does not fail the run
#   TEST_TAGS     only the tests with these tags (bats --filter-tags)
#   V             1: every test with its time, not only those that failed
#
# Each file runs under a subreaper of its own (tests/subreaper.c), which knows the processes that it
# leaves behind; its output is kept together.
set -u
cd "$(dirname "$0")/.." || exit 1
O=${O:-build}
[[ $O == /* ]] || O=$PWD/$O
export O
# What a make that runs us says to those below it is not for the makes of the tests.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES FILES
jobs=${TEST_JOBS:-2}
limit=${TEST_TIMEOUT:-600}
logs=$O/tests/log
passed=0 failed=0 skipped=0 reported=0
red=()
started=$SECONDS
mkdir -p "$logs" || exit 1
rm -f "$logs"/*.tap "$logs"/*.status
exec </dev/null

# listed FILE REASON: whether tests/skips.txt accepts that skip.
listed() {
	grep -v '^#' tests/skips.txt | grep -qF -- "$1:$2:"
}

# strictly FILE <TAP: skips that are not accepted become failures.
strictly() {
	local line reason
	while IFS= read -r line; do
		if [[ ${TEST_STRICT:-} == 1 && $line == "ok "*" # skip"* ]]; then
			reason=${line##* # skip}
			if ! listed "$1" "${reason# }"; then
				echo "not $line"
				echo "# a skip that tests/skips.txt does not list as $1:${reason# }:"
				continue
			fi
		fi
		printf '%s\n' "$line"
	done
}

# report NAME STATUS SECONDS: the lines of one log, and its share of the sum.
report() {
	local name=$1 status=$2 seconds=$3 tap=$logs/$1.tap ok not skip
	strictly "$name" <"$tap" >"$tap.strict" && mv "$tap.strict" "$tap"
	skip=$(grep -cE '^ok .* # skip' "$tap")
	ok=$(($(grep -c '^ok ' "$tap") - skip))
	not=$(grep -c '^not ok ' "$tap")
	# Ended by the time limit, by a signal, or with processes left: no test says so.
	((status == 0 || not > 0)) || not=1
	# Nor does one say that none has run.
	((ok + not + skip > 0)) || [[ ${TEST_TAGS:-} ]] || not=1
	passed=$((passed + ok)) failed=$((failed + not)) skipped=$((skipped + skip))
	((not == 0)) || red+=("$name $ok $not $skip")
	printf '%-24s %4d passed, %d failed, %d skipped, %d.%d s\n' "$name" "$ok" "$not" "$skip" \
		$((seconds / 10)) $((seconds % 10))
	echo "$seconds" >"$logs/$name.time"
	if [[ ${V:-} == 1 ]]; then
		cat "$tap"
	elif ((status != 0 || not > 0)); then
		# A failed test with the comments below it, and what stands outside of tests.
		awk '/^ok /{ show = 0 } /^not ok /{ show = 1 } /^1\.\./{ show = 1; next }
			show || !/^(ok|1\.\.)/ { print "    " $0 }' "$tap"
		((status != 124)) || echo "    not ok: killed after $limit s"
	fi
	sed -nE 's/^ok .* # skip ?(.*)/\1/p' "$tap" | sort | uniq -c |
		sed -E 's/^ *([0-9]+) /    \1 skipped: /'
}

# A file that was killed could not put its own things in order.
clean_up_after() {
	local dir
	while read -r dir; do
		[[ ! -d $dir ]] || (
			# shellcheck disable=SC2317 # helpers.bash calls it
			bats_require_minimum_version() { :; }
			export BATS_TEST_FILENAME=$1 TB_DIR=$dir TBID=${dir##*.}
			# shellcheck source=/dev/null
			. tests/helpers.bash
			tb_teardown_file 3>&1
		)
	done <"$logs/$1.dirs"
}

# run_file FILE: in the background; leaves NAME.tap, and in NAME.status its status and tenths of
# seconds.
run_file() {
	local name=${1##*/} from=${EPOCHREALTIME/./} status=0
	: >"$logs/$name.dirs"
	TB_RUN_DIRS=$logs/$name.dirs "$O/tests/subreaper" -t "$limit" bats -F tap \
		${V:+-T} ${TEST_TAGS:+--filter-tags "$TEST_TAGS"} "$1" \
		>"$logs/$name.tap" 2>&1 || status=$?
	clean_up_after "$name" >>"$logs/$name.tap" 2>&1
	echo $status $(((${EPOCHREALTIME/./} - from) / 100000)) >"$logs/$name.status.new"
	mv "$logs/$name.status.new" "$logs/$name.status"
}

report_finished() {
	local file name status seconds
	for file in "$logs"/*.status; do
		[[ -e $file ]] || continue
		name=${file##*/}
		read -r status seconds <"$file"
		rm "$file"
		report "${name%.status}" "$status" "$seconds"
		reported=$((reported + 1))
	done
}

# again: what was red beside other files gets its second run. More of them than asked for is no
# accident: they stay red.
again() {
	local row name ok not skip before file unsteady=()
	((${#red[@]} > 0 && ${#red[@]} <= ${TEST_AGAIN:-0})) || return
	for row in "${red[@]}"; do
		read -r name ok not skip <<<"$row"
		file=$(printf '%s\n' "${files[@]}" | grep -m1 -e "/$name\$" -e "^$name\$") || continue
		echo "once more, alone:"
		before=$((failed - not))
		passed=$((passed - ok)) failed=$before skipped=$((skipped - skip))
		run_file "$file"
		report_finished
		((failed > before)) || unsteady+=("$name")
	done
	((${#unsteady[@]} == 0)) || echo "unsteady, red at first and green alone: ${unsteady[*]}"
}

# Units are programs that print TAP. They link the library, and change nothing.
run_units() {
	local program name status from
	for program in "$O"/tests/unit/*; do
		[[ -x $program && ! -d $program && $program != *.* ]] || continue
		name=${program##*/} status=0 from=${EPOCHREALTIME/./}
		timeout "$limit" "$program" >"$logs/unit-$name.tap" 2>&1 || status=$?
		report "unit-$name" "$status" $(((${EPOCHREALTIME/./} - from) / 100000))
	done
}

# The longest first, by the last run's times, else in the order given: so that no processor stands
# idle at the end.
by_time() {
	local file time
	for file; do
		time=$(cat "$logs/${file##*/}.time" 2>/dev/null)
		printf '%d %s\n' "${time:-9999}" "$file"
	done | sort -srn -k1,1 | cut -d' ' -f2-
}

# What bears our marks, or runs from $O/bin, on this host.
marked() {
	awk '/ - overlay tacklebox / { print "mount " $5 }' /proc/self/mountinfo
	ip -o link 2>/dev/null | sed -n 's/.*alias \(tacklebox:[^ ]*\).*/link \1/p'
	ip netns list 2>/dev/null | sed 's/^/netns /; s/ (.*//'
	nft list tables 2>/dev/null | grep tacklebox
	awk '/ - cgroup2? /{ print $5 }' /proc/self/mountinfo | while read -r dir; do
		find "$dir" -mindepth 1 -type d -name 'tb*' | sed 's/^/cgroup /'
		getfattr -R -n user.tacklebox --absolute-names "$dir" 2>/dev/null |
			sed -n 's/^# file: /cgroup /p'
	done
	find /proc/[0-9]*/exe -maxdepth 0 -lname "$O/bin/*" -printf 'process %l\n' 2>/dev/null
}

# Another run on the same host makes things meanwhile: only where that is excluded, as in CI, are
# they held against us.
compare_marked() {
	local left dir
	# The group that all boxes lie in stays when the last one is gone; rmdir takes an empty one only.
	awk '/ - cgroup2? /{ print $5 }' /proc/self/mountinfo | while read -r dir; do
		rmdir "$dir/tacklebox" 2>/dev/null
	done
	left=$(comm -13 "$logs/marked.before" <(marked | sort -u))
	[[ $left ]] || return
	echo "new on this host:"
	printf '%s\n' "$left" | sed 's/^/    /'
	[[ ${TEST_STRICT:-} != 1 ]] || failed=$((failed + 1))
}

stop() {
	trap - INT TERM
	kill 0
	wait
	exit 130
}

files=() units=1 only_units=
for word; do
	case $word in
	--unit) only_units=1 ;;
	*) files+=("$word") units= ;;
	esac
done
if [[ ! $only_units && ${#files[@]} == 0 ]]; then
	files=(tests/*.bats)
fi
for file in "${files[@]}"; do
	[[ -f $file ]] || { echo "run.sh: no file $file" >&2; exit 2; }
done

trap stop INT TERM
marked | sort -u >"$logs/marked.before"
[[ ! $units ]] || run_units
if ((${#files[@]})); then
	mapfile -t files < <(by_time "${files[@]}")
	for file in "${files[@]}"; do
		while (($(jobs -rp | wc -l) >= jobs)); do
			wait -n
			report_finished
		done
		run_file "$file" &
	done
	wait
	report_finished
	if ((reported != ${#files[@]})); then
		echo "not ok: $reported of ${#files[@]} files ran"
		failed=$((failed + 1))
	fi
	again
	compare_marked
fi
echo "$((SECONDS - started)) s"
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0))
