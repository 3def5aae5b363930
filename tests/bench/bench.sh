#!/bin/bash
# bench.sh: speed and size beside the peers. Each row is measured in one run, the alternatives in
# turns, medians compared (turns.c): on a busy machine the times are worth little, the ratios hold.
# Everything lies on a tmpfs. Run by `make bench`; ROUNDS=100 for a calmer look; PARTS="start
# chain" for some parts only. A part that breaks off does not end the others; the last lines say how
# many rows reach their target.
set -euo pipefail
cd "$(dirname "$0")/../.."
O=$(realpath "${O:-build}")
ROUNDS=${ROUNDS:-40}
export PATH=$O/bin:$PATH LC_ALL=C
unset "${!TACKLEBOX_@}"

work=$(mktemp -d -p /dev/shm tbbench.XXXXXX)
holder=""
servers=()
# Ends what was started: servers, and the process that holds namespaces open.
end_servers() {
	local pid
	for pid in "${servers[@]}" $holder; do
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	holder=""
	servers=()
}
# What a part has started and made; after the last one, all of it.
end_part() {
	[ ! -d "$work/state/boxes" ] || box-ps -aq | xargs -r box-rm -f >/dev/null || true
	[ ! -d "$work/state/nets" ] || net-prune >/dev/null || true
	end_servers
	! mountpoint -q "$work/root" || umount "$work/root"
	cg-rm --kill "$group" 2>/dev/null || true
}
clean_up() {
	end_part
	# A command cut off by a signal may still be writing there.
	rm -rf --one-file-system "$work" 2>/dev/null || { sleep 2; rm -rf --one-file-system "$work"; }
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

# Until a command succeeds, half a minute at most.
wait_for() {
	local n
	for ((n = 0; n < 600; n++)); do
		"$@" 2>/dev/null && return
		sleep 0.05
	done
	echo "bench: waited in vain: $*" >&2
	exit 1
}

# turns WORDS…: what turns.c takes; the medians into the array `us`, the peaks into `kb`. Where there
# is an array `inside`, its words come before: those of nsenter.
turns() {
	mapfile -t turned < <("${inside[@]}" "$O/tests/bench/turns" "$@")
	mapfile -t us < <(printf '%s\n' "${turned[@]}" | cut -d' ' -f1)
	mapfile -t kb < <(printf '%s\n' "${turned[@]}" | cut -d' ' -f3)
	[ ${#turned[@]} -gt 0 ] || {
		echo "bench: could not measure: $*" >&2
		exit 1
	}
}

line='%-58s %10s %10s %7s %7s  %s\n'
# say WORD of the tally, COLUMN…: a line of the table.
say() {
	echo "$1" >>"$work/tally"
	# shellcheck disable=SC2059
	printf "$line" "${@:2}"
}

# row WHAT OURS PEER TARGET UNIT: ratios at most TARGET are met, or at least it where it begins with
# ">="; no TARGET: only shown.
row() {
	local ratio met="" target=$4
	[[ -z $target || $target == '>='* ]] || target="<=$target"
	ratio=$(awk "BEGIN { printf \"%.2f\", $2 / $3 }")
	[ -z "$target" ] || met=$(awk "BEGIN { print ($2 / $3 $target) ? \"yes\" : \"NO\" }")
	say "${met:-shown}" "$1" "$2 $5" "$3 $5" "$ratio" "$target" "$met"
}

# fact WHAT IS SHOULD: what is no ratio.
fact() {
	local met=yes
	[ "$2" = "$3" ] || met=NO
	say "$met" "$1" "$2" "$3" '' '' "$met"
}

skip() {
	echo skipped >>"$work/tally"
	printf '%-58s skipped: %s\n' "$1" "$2"
}

. tests/registry.bash
. tests/bench/start.sh
. tests/bench/chain.sh
. tests/bench/layer.sh
. tests/bench/net.sh
. tests/bench/pull.sh
. tests/bench/archive.sh
. tests/bench/build.sh
. tests/bench/box.sh
. tests/bench/rootless.sh
. tests/bench/apid.sh
. tests/bench/size.sh

declare -A titles=(
	[start]="starting a program, and a bare container"
	[chain]="the life of a container: group, union mount, start, end"
	[layer]="unpacking a layer"
	[net]="bridges, cables, published ports"
	[pull]="an image out of a registry"
	[archive]="archives of images, and squashing"
	[build]="building an image"
	[box]="boxes"
	[rootless]="networks of boxes, and boxes of an ordinary user"
	[apid]="the API"
	[size]="size"
)

# In a shell of its own: what breaks off there ends with it.
run_part() {
	local status
	printf '\n-- %s: %s (load %s)\n' "$1" "${titles[$1]}" "$(cut -d' ' -f1 /proc/loadavg)"
	set +e
	(
		set -e
		trap end_part EXIT
		trap 'exit 130' INT TERM
		"bench_$1"
	)
	status=$?
	set -e
	[ $status -ne 130 ] || exit 130
	[ $status -eq 0 ] || { say broke "-- $1 broke off, status $status"; broken=1; }
}

tally() { grep -cx "$1" "$work/tally" || true; }

broken=0
: >"$work/tally"
printf 'Linux %s, %s processors. Medians; a ratio is ours by the peer'"'"'s, both measured in turns.\n' \
	"$(uname -r)" "$(nproc)"
awk '$1 > 1.5 { print "This machine is busy (load " $1 "): rows beside a limit, not a peer, say little." }' /proc/loadavg
echo
# shellcheck disable=SC2059
printf "$line" 'what | beside which peer, or limit' ours peer ratio target met
for part in ${PARTS:-start chain layer net pull archive build box rootless apid size}; do
	run_part "$part"
done
printf '\n%s rows with a target: %s met, %s not. %s without; %s skipped; %s parts broke off.\n' \
	$(($(tally yes) + $(tally NO))) "$(tally yes)" "$(tally NO)" "$(tally shown)" "$(tally skipped)" "$(tally broke)"
exit $broken
