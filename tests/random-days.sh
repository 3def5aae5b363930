#!/bin/bash
# SPDX-License-Identifier: MIT
# Ten boxes on three networks are connected, disconnected, killed and started at random; at every pause
# names, leases, rules, cables and ports are those of what runs, and in the end there are none. As root
# and, with networks in a place of their own, as an ordinary user.
# random-days.sh IMAGE STEPS SECONDS RUN: as many steps, and as long, whichever comes last; RUN is
# $TACKLEBOX_RUN. RANDOM_SEED makes them others.
set -euo pipefail
image=$1 steps=$2 seconds=$3 run=$4
here=$(cd "${0%/*}" && pwd)
inside=()
((EUID == 0)) || inside=(rootless-exec --net --)
RANDOM=${RANDOM_SEED:-7}

same() {
	[ "$1" = "$2" ] || { printf '%s: wanted:\n%s\ngot:\n%s\n' "$3" "$1" "$2"; return 1; }
}
# at FILTER: of what net-inspect says of all three, asked once a look.
at() { jq -r --arg n "$1" '.[] | select(.Name == $n) | '"$2" <<<"$nets"; }

# All that was said of the boxes that run, and of no other.
network_is_right() {
	local n=$1 boxes
	boxes=$(box-ps -q --no-trunc --filter "network=$n" | sort)
	same "$boxes" "$(sed 1d "$run/resolver/$n" 2>/dev/null | cut -d' ' -f1 | sort)" "resolver of $n" &&
		same "$boxes" "$(at "$n" '.Containers | keys[]' | sort)" "boxes of $n" &&
		same "$(at "$n" '.Containers[].IPv4Address' | cut -d/ -f1 | sort)" \
			"$(find "$run/leases/br-$(at "$n" '.Id[:12]')" -type f ! -name .lock -printf '%f\n' | sort)" "leases of $n" &&
		names_are_right "$n"
}

# The first box of a network asks for all that it shares a network with: it hears where they are in the
# one by which it asks, or else in another one that both are in.
names_are_right() {
	local asker server
	asker=$(at "$1" '[.Containers[].Name] | sort | first // empty')
	[ "$asker" ] || return 0
	server=$(at "$1" .IPAM.Config[0].Gateway)
	"${inside[@]}" nsenter --net="/proc/$(box-inspect "$asker" | jq .State.Pid)/ns/net" python3 -c '
import json, subprocess, sys
here, server, by, asker, nets = sys.argv[1:]
where = {}
for net in json.loads(nets):
    boxes = net["Containers"].values()
    if any(b["Name"] == asker for b in boxes):
        for b in boxes:
            where.setdefault(b["Name"], {})[net["Name"]] = "0 " + b["IPv4Address"].split("/")[0]
for name, at in sorted(where.items()):
    right = [at[by]] if by in at else list(at.values())
    got = subprocess.run([sys.executable, here + "/dns.py", "ask", server, name, "A"], capture_output=True, text=True).stdout.strip()
    if got not in right:
        sys.exit("%s asks for %s: wanted %s, got %s" % (asker, name, " or ".join(right), got))' \
		"$here" "$server" "$1" "$asker" "$nets"
}

# Where a port leads: a rule of root's, or a socket of a user's relay.
published() {
	if ((EUID == 0)); then
		nft list ruleset | sed -nE 's/.*127\.0\.0\.1 \. tcp \. (81[0-9][0-9]) .*/\1/p'
	else
		ss -Hltn | sed -nE 's/.* 127\.0\.0\.1:(81[0-9][0-9]) .*/\1/p'
	fi | sort
}

all_is_right() {
	local n nets bridges
	nets=$(net-inspect n1 n2 n3 | jq -s 'flatten')
	for n in n1 n2 n3; do network_is_right $n || return; done
	# shellcheck disable=SC2016 # jq's
	same "$(box-ps --json | jq -r '.NetworkSettings.Networks | keys[]' | wc -l)" \
		"$("${inside[@]}" ip -o link show type veth | wc -l)" cables || return
	same "$(box-ps --json | jq -r '.Ports[]?.PublicPort' | sort)" "$(published)" ports || return
	bridges=$("${inside[@]}" ip -j link show type bridge | jq -r '.[].ifname // empty' | sort)
	same "$bridges" "$("${inside[@]}" nft list tables | sed -n 's/.* tacklebox-//p' | sort)" "rules of bridges"
}
# Who was killed a moment ago may still be ending.
settled() {
	local i
	for ((i = 0; i < 100; i++)); do
		all_is_right >/dev/null 2>&1 && return
		sleep 0.1
	done
	all_is_right
}
pause() {
	settled || { echo "after step $1"; exit 1; }
}

net-create n1 >/dev/null
net-create n2 >/dev/null
net-create n3 >/dev/null
for i in {1..10}; do
	words=()
	((i > 3)) || words=(-p "127.0.0.1:$((8100 + i)):80")
	box-run -d --name "b$i" --network "n$((i % 3 + 1))" "${words[@]}" "$image" sleep 1000 >/dev/null
done
pause 0
begin=$SECONDS
for ((step = 1; step <= steps || SECONDS - begin < seconds; step++)); do
	number=$((RANDOM % 10 + 1)) net=n$((RANDOM % 3 + 1))
	box=b$number
	# Ports lead to where a box was first, and stay there: they do not move to its other networks.
	((number > 3)) || [ $net != n$((number % 3 + 1)) ] || continue
	case $((RANDOM % 6)) in
	0 | 1) net-connect $net $box || : ;;
	2) net-disconnect $net $box || : ;;
	3) box-kill $box || : ;;
	4) box-start $box || : ;;
	5) box-restart -t 0 $box || : ;;
	esac >/dev/null 2>&1
	((step % 10)) || pause "$step"
done
pause "$step"
box-ps -aq | xargs box-rm -f >/dev/null
left=$(find "$run/leases" "$run/resolver" -type f ! -name .lock; published)
net-rm n1 n2 n3 >/dev/null
left+=$("${inside[@]}" sh -c 'ip -o link show type veth; ip -o link show type bridge; nft list tables | grep tacklebox' | grep -v ' tacklebox0' || :)
[ -z "$left" ] || { echo "left: $left"; exit 1; }
echo "$((step - 1)) steps in $((SECONDS - begin)) s"
