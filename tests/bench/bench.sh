#!/bin/bash
# bench.sh: speed and size beside the peers. Each row is measured in one run, the alternatives in
# turns, medians compared (turns.c): on a busy machine the times are worth little, the ratios hold.
# Everything lies on a tmpfs. Run by `make bench`; ROUNDS=100 for a calmer look; PARTS="start
# chain" for some parts only.
set -euo pipefail
cd "$(dirname "$0")/../.."
O=$(realpath "${O:-build}")
ROUNDS=${ROUNDS:-40}
export PATH=$O/bin:$PATH LC_ALL=C
unset "${!TACKLEBOX_@}"

work=$(mktemp -d -p /dev/shm tbbench.XXXXXX)
holder=
clean_up() {
	[ -z "$holder" ] || kill "$holder" 2>/dev/null || true
	! mountpoint -q "$work/root" || umount "$work/root"
	cg-rm --kill "$group" 2>/dev/null || true
	rm -rf --one-file-system "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM
group=tbbench-$$
export TACKLEBOX_ROOT=$work/state TACKLEBOX_RUN=$work/run

have() {
	local name
	for name; do
		command -v "$name" >/dev/null || {
			missing=$name
			return 1
		}
	done
}

# turns WORDS…: what turns.c takes; the medians into the array `us`.
turns() {
	mapfile -t us < <("$O/tests/bench/turns" "$@" | cut -d' ' -f1)
	[ ${#us[@]} -gt 0 ] || {
		echo "bench: could not measure: $*" >&2
		exit 1
	}
}

line='%-46s %10s %10s %7s %7s  %s\n'
head_line() {
	# shellcheck disable=SC2059
	printf "$line" 'what, beside which peer' 'ours' 'peer' 'ratio' 'target' 'met'
}

# row WHAT OURS PEER TARGET UNIT: ratios at most TARGET are met; no TARGET: only shown.
row() {
	local ratio met=
	ratio=$(awk "BEGIN { printf \"%.2f\", $2 / $3 }")
	[ -z "$4" ] || met=$(awk "BEGIN { print ($2 / $3 <= $4) ? \"yes\" : \"NO\" }")
	# shellcheck disable=SC2059
	printf "$line" "$1" "$2 $5" "$3 $5" "$ratio" "${4:+<=$4}" "$met"
}

skip() {
	printf '%-46s skipped: %s\n' "$1" "$2"
}

. tests/bench/start.sh
. tests/bench/chain.sh
. tests/bench/layer.sh
. tests/bench/size.sh

head_line
for part in ${PARTS:-start chain layer size}; do
	"bench_$part"
done
