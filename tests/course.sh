#!/bin/bash
# course.sh [-U]: all lessons of the tutorial as a test, as an ordinary user has them and then, when root
# runs it, as root. -U: only the former, that is as nobody where nobody can read this tree, else in a lab
# without root's power. The last line is that of walk -t. At most one step in ten may be skipped as root, each with its reason, which stands in the
# list; an ordinary user must have 15 of the 17 lessons whole; and the course must show at least 103
# claims of the talk.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
[[ $(id -u) == 0 ]] || set -- -U
[[ ${1-} == -U ]] || tests/course.sh -U || exit
log=$(mktemp)
trap 'rm -f "$log"' EXIT

walk=(tutorial/walk -t -j2)
if [[ ${1-} == -U ]]; then
	nobody=(setpriv --reuid nobody --regid nogroup --clear-groups env HOME=/tmp)
	if [[ $(id -u) == 0 ]] && "${nobody[@]}" test -r tutorial/walk -a -x "${O:-build}/bin/ns-exec" 2>/dev/null; then
		walk=("${nobody[@]}" "${walk[@]}")
	else
		walk+=(-U)
	fi
fi
"${walk[@]}" >"$log" 2>&1
status=$?
grep -v '^ok ' "$log" | sed '$d'
sed -n 's/^ok - .*# skip //p' "$log" | sort | uniq -c | sed 's/^ *\([0-9]*\) /    \1 skipped: /'
claims=$(tutorial/walk --report | tail -n 1)
echo "$claims"
if ((${claims%% of *} < 103)); then
	echo "not ok: fewer than 103 claims are shown"
	status=1
fi
# The lessons of which nothing is skipped.
if [[ ${1-} == -U ]]; then
	whole=$(comm -23 <(sed -n 's/^ok - \([^: ]*\):.*/\1/p' "$log" | sort -u) <(sed -n 's/^ok - \([^: ]*\):.* # skip .*/\1/p' "$log" | sort -u) | wc -l)
	echo "$whole lessons are whole for an ordinary user"
	if ((whole < 15)); then
		echo "not ok: fewer than 15"
		status=1
	fi
fi
last=$(tail -n 1 "$log")
if [[ $status == 0 && $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
	passed=${BASH_REMATCH[1]} skipped=${BASH_REMATCH[3]}
	if [[ $# == 0 ]] && ((skipped * 9 > passed)); then
		echo "not ok: more than one step in ten is skipped"
		status=1
	fi
else
	status=1
fi
echo "$last"
exit $status
