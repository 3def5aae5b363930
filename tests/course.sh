#!/bin/bash
# course.sh [-U]: all lessons of the tutorial as a test; with -U as an ordinary user has them. The last
# line is that of walk -t. At most one step in ten may be skipped as root, each with its reason, which
# stands in the list; and the course must show what it promises of the claims of the talk.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
log=$(mktemp)
trap 'rm -f "$log"' EXIT

tutorial/walk -t -j2 "$@" >"$log" 2>&1
status=$?
grep -v '^ok ' "$log" | sed '$d'
sed -n 's/^ok - .*# skip //p' "$log" | sort | uniq -c | sed 's/^ *\([0-9]*\) /    \1 skipped: /'
tutorial/walk --report | tail -n 1
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
