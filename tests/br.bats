#!/usr/bin/env bats
# bats file_tags=network
# Bridges, cables, leases, published ports. Each test stands in a network namespace of its own, which
# plays the host ("here"); web and db are attached, out is the world behind another cable.
load helpers

setup_file() { tb_setup_file; }
teardown_file() { tb_teardown_file; }
setup() {
	tb_setup
	requires root net python3
	NET=$TB_TESTS/net.py
}
teardown() { tb_teardown; }

# host BODY: runs a function of this file in a fresh network namespace.
host() { in_fresh '--net --pid --fork --mount-proc' host_go "$@"; }
host_go() {
	NET=$TB_TESTS/net.py
	# shellcheck source=/dev/null
	. "$TB_TESTS/lib/told.bash" # its list of calls: only small variables came along
	"$@"
}
# bats' run cannot be used in a shell started with -c.
try() {
	status=0
	output=$("$@" 2>&1) || status=$?
	mapfile -t lines <<<"$output"
}
at() { nsenter --net="/run/netns/$1" "${@:2}"; }
# start NS PORT ARGS…: a server of net.py, listening when this returns.
start() {
	local ns=$1 what=$2 port=$3
	at "$ns" python3 "$NET" "$what" "$port" "${@:4}" >/dev/null 2>&1 &
	wait_for listening "$ns" "$port"
}
listening() { at "$1" ss -lntuH "( sport = :$2 )" | grep -q .; }
get() { python3 "$NET" get "$@"; }
refused() { ! timeout 5 "$@" 2>/dev/null || fail "not refused: $*"; }
pings() { at "$1" busybox ping -c1 -W2 "$2" >/dev/null; }
# A namespace called here, for at(): the one we are in.
name_here() {
	mkdir -p /run/netns
	touch /run/netns/here
	mount --bind /proc/self/ns/net /run/netns/here
}
# The world: 192.0.2.99 in a namespace of its own, this host is 192.0.2.1 there.
make_world() {
	ip netns add out
	ip link add up0 type veth peer name eth0 netns out
	ip addr add 192.0.2.1/24 dev up0
	ip link set up0 up
	ip -n out addr add 192.0.2.99/24 dev eth0
	ip -n out link set lo up
	ip -n out link set eth0 up
}

@test "br-setup makes a bridge with mark, address and rules; --rm leaves nothing" {
	body() {
		[[ $(br-setup --subnet 10.77.0.0/24 br0) == 10.77.0.1/24 ]]
		ip -j -d link show br0 | jq -e '.[0].linkinfo.info_kind == "bridge"
			and (.[0].ifalias | startswith("tacklebox:"))'
		ip -4 -j addr show br0 | jq -e '.[0].addr_info[0].local == "10.77.0.1"'
		nft list table inet tacklebox-br0 | grep -q masquerade
		[[ $(</proc/sys/net/ipv6/conf/br0/accept_ra) == 0 ]]
		br-setup --rm br0
		[[ ! -e /sys/class/net/br0 || ! $(ip link show br0 2>/dev/null) ]]
		[[ ! $(nft list ruleset) && ! -e $TACKLEBOX_RUN/leases/br0 ]]
	}
	host body
}

# bats test_tags=anywhere
@test "br-setup: a host part is the gateway; without a subnet the next free one" {
	body() {
		[[ $(br-setup --subnet 10.77.0.254/24 br0) == 10.77.0.254/24 ]]
		[[ $(br-setup br1) == 10.88.0.1/24 ]]
		[[ $(br-setup br2) == 10.88.1.1/24 ]]
	}
	host body
}

@test "br-attach: address, default route, ping, both families" {
	body() {
		br-setup --subnet 10.77.0.0/24 --subnet fd77::/64 br0
		[[ $(br-attach br0 web) == 10.77.0.2 ]]
		br-attach --json br0 db | jq -e '.ip == "10.77.0.3" and .ip6 == "fd77::3"
			and .gateway == "10.77.0.1" and .netns == "/run/netns/db" and .name == "eth0"'
		pings web 127.0.0.1
		pings web 10.77.0.1
		pings web 10.77.0.3
		pings web fd77::1
		pings web fd77::3
		[[ $(ip -n web route show default) == "default via 10.77.0.1 dev eth0 "* ]]
		[[ $(ip -n web link show eth0) == *" mtu 1500 "* ]]
		ip -j link | jq -e 'map(select(.ifname | startswith("veth")) | .ifalias) | length == 2
			and all(startswith("tacklebox:br0,"))'
	}
	host body
}

@test "br-attach: what is attached reaches the world under the host's address, also when forwarding was off" {
	body() {
		make_world
		start out serve 80
		echo 0 >/proc/sys/net/ipv4/ip_forward
		br-setup --subnet 10.77.0.0/24 br0
		br-attach br0 web
		[[ $(at web python3 "$NET" get 192.0.2.99 80) == 192.0.2.1 ]]
	}
	host body
}

published() {
	local nf=$1 at
	make_world
	name_here
	echo "$nf" >/proc/sys/net/bridge/bridge-nf-call-iptables
	echo 0 >/proc/sys/net/ipv4/ip_forward
	br-setup --subnet 10.77.0.0/24 --subnet fd77::/64 br0
	br-attach br0 web
	br-attach br0 db
	start web serve 80
	[[ $(br-publish web 8080:80) == 0.0.0.0:8080 ]]
	[[ $(at out python3 "$NET" get 192.0.2.1 8080) == 192.0.2.99 ]]
	[[ $(get 127.0.0.1 8080) == 10.77.0.1 ]]
	[[ $(get 192.0.2.1 8080) ]]
	[[ $(at db python3 "$NET" get 192.0.2.1 8080) ]]
	[[ $(at web python3 "$NET" get 10.77.0.1 8080) ]]
	[[ $(get fd77::1 8080) ]]
	# [::1] is refused at once, not lost in a time-out.
	try get ::1 8080
	[[ $output == *"Connection refused"* ]]
	br-publish --rm web 8080:80
	try get 127.0.0.1 8080
	[[ $output == *"Connection refused"* ]]
}

@test "br-publish: from outside, from the host, from 127.0.0.1, hairpin (bridge-nf-call 0)" { host published 0; }
@test "br-publish: from outside, from the host, from 127.0.0.1, hairpin (bridge-nf-call 1)" { host published 1; }

# bats test_tags=anywhere
@test "br-publish: one address only, UDP, the next free port" {
	body() {
		make_world
		br-setup --subnet 10.77.0.0/24 br0
		br-attach br0 web
		start web serve 80
		br-publish web 127.0.0.1:8080:80
		[[ $(get 127.0.0.1 8080) ]]
		refused at out python3 "$NET" get 192.0.2.1 8080
		start web answer 53
		br-publish web 5353:53/udp
		[[ $(at out python3 "$NET" ask 192.0.2.1 5353) == hello ]]
		at=$(br-publish web 0:80)
		[[ $(get 127.0.0.1 "${at##*:}") ]]
	}
	host body
}

# bats test_tags=anywhere
@test "br-publish: ranges lead port by port; a range to one port means a free one of it" {
	body() {
		make_world
		name_here
		br-setup --subnet 10.77.0.0/24 --subnet fd77::/64 br0
		br-attach br0 web
		start web serve 81
		start web answer 54
		[[ $(br-publish web 8000-8002:80-82) == 0.0.0.0:8000-8002 ]]
		[[ $(at out python3 "$NET" get 192.0.2.1 8001) == 192.0.2.99 ]]
		[[ $(get 127.0.0.1 8001) ]]
		[[ $(get fd77::1 8001) ]]
		try at out python3 "$NET" get 192.0.2.1 8002
		[[ $output == *"Connection refused"* ]]
		br-publish web 5352-5354:53-55/udp
		[[ $(at out python3 "$NET" ask 192.0.2.1 5353) == hello ]]
		try br-publish web 7999-8000:1-2
		[[ $status == 1 && $output == "br-publish: port 0.0.0.0:8000 is published already" ]]
		start here serve 9001
		try br-publish web 9000-9002:80-82
		[[ $status == 1 && $output == *"publish 0.0.0.0:9001: Address already in use (EADDRINUSE)" ]]
		# One of several: 8002 is published, 9001 is bound.
		[[ $(br-publish web 8002-8003:81) == 0.0.0.0:8003 ]]
		[[ $(br-publish web 9001-9009:81) == 0.0.0.0:9002 ]]
		[[ $(get 127.0.0.1 9002) ]]
		try br-publish web 8000-8003:81
		[[ $status == 1 && $output == "br-publish: cannot publish 0.0.0.0:8000-8003: none of them is free" ]]
		br-publish --rm web 9001-9009:81
		try get 127.0.0.1 9002
		[[ $output == *"Connection refused"* ]]
		br-publish --rm web 8000-8002:80-82
		try get 127.0.0.1 8001
		[[ $output == *"Connection refused"* ]]
		for bad in 80-81:80-82 80:80-81 0-5:80 0:80-81 81-80:81-80 80-:80 80-81-82:80-82 80-70000:80; do
			try br-publish web "$bad"
			[[ $status == 1 && ${#lines[@]} == 1 && $output == br-publish:* ]]
		done
		br-detach web
		[[ $(nft list table inet tacklebox-br0) != *elements* ]]
	}
	host body
}

@test "br-publish: a port of a namespace that ended leads to nobody who gets its address" {
	body() {
		br-setup --subnet 10.77.0.0/24 br0
		br-attach br0 web
		br-publish web 8000-8001:80-81
		br-publish web 9000:80
		ip netns del web
		br-publish --rm web 9000:80
		[[ $(br-attach br0 web) == 10.77.0.2 ]]
		[[ $(nft list table inet tacklebox-br0) != *elements* ]]
		br-publish web 8000:80
		ip netns del web
		[[ $(br-attach --ip 10.77.0.2 br0 db) == 10.77.0.2 ]]
		[[ $(nft list table inet tacklebox-br0) != *elements* ]]
		br-detach db
	}
	host body
}

@test "leases: a new namespace with the name and the inode number of one that ended is another" {
	body() {
		local lease=$TACKLEBOX_RUN/leases/br0/10.77.0.2 port
		br-setup --subnet 10.77.0.0/24 br0
		br-attach br0 web
		br-publish web 8000:80
		port=$(sed -n 's/^port=//p' "$lease")
		ip netns del web
		wait_for unplugged "$port"
		# The kernel gives the number to whoever asks next, which need not be us: as if it were.
		ip netns add web
		sed -i "s/^inode=.*/inode=$(stat -Lc %i /run/netns/web)/" "$lease"
		try br-publish web 8001:80
		[[ $status == 1 && ${lines[0]} == "br-publish: web is not attached to a bridge" ]]
		[[ $(br-attach --ip 10.77.0.9 br0 web) == 10.77.0.9 ]]
		[[ $(nft list table inet tacklebox-br0) != *elements* ]]
		br-publish web 8001:80
		[[ $(br-attach br0 db) == 10.77.0.2 ]]
		br-detach web
		br-detach db
		br-setup --rm br0
	}
	unplugged() { ! ip link show "$1"; }
	host body
}

# bats test_tags=anywhere
@test "br-publish: several at once are all remembered" {
	body() {
		local i
		br-setup --subnet 10.77.0.0/24 br0
		br-attach br0 web
		for i in 1 2 3 4 5 6; do
			br-publish web 800$i:80 &
		done
		wait
		[[ $(grep -c ^published= "$TACKLEBOX_RUN/leases/br0/10.77.0.2") == 6 ]]
		br-detach web
		[[ $(nft list table inet tacklebox-br0) != *elements* ]]
	}
	host body
}

@test "br-publish: a port of one bridge is taken at the others; thousands at once" {
	body() {
		br-setup --subnet 10.77.0.0/24 br0
		br-setup --subnet 10.78.0.0/24 br1
		br-attach br0 web
		br-attach br1 db
		br-publish web 8000:80
		try br-publish db 8000:80
		[[ $status == 1 && $output == "br-publish: port 0.0.0.0:8000 is published already" ]]
		[[ $(br-publish db 8000-8001:80) == 0.0.0.0:8001 ]]
		[[ $(br-publish db 10000-14095:20000-24095) == 0.0.0.0:10000-14095 ]]
		# In numbers: where there is no /etc/protocols, tcp is 6 in any case.
		nft -n list table inet tacklebox-br1 | grep -q '6 . 14095 : 10.78.0.2 . 24095'
		br-detach db
		[[ $(nft list table inet tacklebox-br1) != *elements* ]]
	}
	host body
}

# bats test_tags=anywhere
@test "br-publish refuses what is in use, nonsense, and [::1]" {
	body() {
		name_here
		br-setup --subnet 10.77.0.0/24 br0
		br-attach br0 web
		start here serve 8080
		try br-publish web 8080:80
		[[ $status == 1 && $output == "br-publish: cannot publish 0.0.0.0:8080: Address already in use (EADDRINUSE)" ]]
		br-publish web 81:80
		try br-publish web 81:80
		[[ $status == 1 && $output == "br-publish: port 0.0.0.0:81 is published already" ]]
		for bad in 70000:80 80 80:0 1.2.3:1:2 x:1 1:2/sctp; do
			try br-publish web "$bad"
			[[ $status == 1 && ${#lines[@]} == 1 && $output == br-publish:* ]]
		done
		try br-publish web '[::1]:82:80'
		[[ $status == 1 && ${lines[1]} == hint:* ]]
		try br-publish --rm web 83:80
		[[ $status == 1 && $output == *"is not published" ]]
	}
	host body
}

no_icc() {
	local i
	[[ $1 == hidden ]] || echo "$1" >/proc/sys/net/bridge/bridge-nf-call-iptables
	[[ $1 != hidden ]] || mount -t tmpfs tbtest /proc/sys/net/bridge
	br-setup --no-icc --subnet 10.77.0.0/24 br0
	br-attach br0 web
	br-attach br0 db
	start web serve 80
	pings db 10.77.0.1
	refused at db python3 "$NET" get 10.77.0.2 80
	# Nor by the gateway: the neighbour's address sent to the bridge's hardware address.
	ip -n db route add 10.77.0.2 via 10.77.0.1
	refused at db python3 "$NET" get 10.77.0.2 80
	br-publish web 8080:80
	for i in 1 2 3 4 5; do
		[[ $(at db python3 "$NET" get 10.77.0.1 8080) ]]
		[[ $(at web python3 "$NET" get 10.77.0.1 8080) ]]
	done
}

@test "br-setup --no-icc: neighbours are out of reach, published ports are not (bridge-nf-call 0)" { host no_icc 0; }
@test "br-setup --no-icc: neighbours are out of reach, published ports are not (bridge-nf-call 1)" { host no_icc 1; }
@test "br-setup --no-icc: the same where the kernel has no br_netfilter: isolated ports" {
	body() {
		# What a kernel without it has: none of its switches, and rules that see no frames.
		echo 0 >/proc/sys/net/bridge/bridge-nf-call-iptables
		no_icc hidden
		bridge -j -d link show | jq -e 'map(select(.master == "br0") | .isolated) | length == 2 and all'
	}
	host body
}

# hears NS: who hears echo replies there, into $T/NS.
hears() {
	at "$1" python3 "$NET" hear >"$T/$1" &
	wait_for grep -q listens "$T/$1"
}

@test "what belongs to no connection does not get from network to network, nor round by --no-icc" {
	body() {
		local ns
		echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables
		br-setup --subnet 10.77.0.0/24 br0
		br-setup --subnet 10.78.0.0/24 br1
		br-setup --no-icc --subnet 10.79.0.0/24 br2
		br-attach br0 web
		br-attach br0 db
		br-attach br1 other
		br-attach br2 lone1
		br-attach br2 lone2
		for ns in db other lone2; do hears "$ns"; done
		at web python3 "$NET" stray 10.78.0.2
		at lone1 python3 "$NET" stray 10.79.0.3
		# Those that were sent later have come.
		at web python3 "$NET" stray 10.77.0.3
		wait_for grep -qx 'reply from 10.77.0.2' "$T/db"
		at other python3 "$NET" stray 10.78.0.2
		at lone2 python3 "$NET" stray 10.79.0.3
		wait_for grep -q reply "$T/other"
		wait_for grep -q reply "$T/lone2"
		[[ $(grep -c reply "$T/other") == 1 && $(grep -c reply "$T/lone2") == 1 ]]
	}
	host body
}

@test "all rules flushed by somebody: what was made is taken away nevertheless" {
	body() {
		br-setup --subnet 10.77.0.0/24 br0
		br-attach br0 web
		br-publish web 8080:80
		br-publish web 9000-9009:90-99
		nft delete element inet tacklebox-br0 published4 '{ tcp . 9005 }'
		br-publish --rm web 9000-9009:90-99
		! nft list table inet tacklebox-br0 | grep -q 9001 || fail "a part of the range stayed"
		br-publish web 9000-9009:90-99
		# One that is noted and has no rule gets it again, from who holds the port.
		nft delete element inet tacklebox-br0 published4 '{ tcp . 8080 }'
		br-publish --bound web 8080:80
		nft list table inet tacklebox-br0 | grep -q '[.] 8080 : '
		nft flush ruleset
		br-publish --rm web 8080:80
		br-detach web
		br-setup --rm br0
		[[ ! $(nft list ruleset) && ! $(ls -A "$TACKLEBOX_RUN/leases/br0" 2>/dev/null) ]]
	}
	host body
}

@test "one port of a range for each of two networks, published at the same moment" {
	body() {
		local i
		br-setup --subnet 10.77.0.0/24 br0
		br-setup --subnet 10.78.0.0/24 br1
		br-attach br0 web
		br-attach br1 db
		for ((i = 0; i < 10; i++)); do
			br-publish web 8000-8001:80 >"$T/a" &
			br-publish db 8000-8001:80 >"$T/b"
			wait $!
			[[ $(sort "$T/a" "$T/b" | tr '\n' ' ') == "0.0.0.0:8000 0.0.0.0:8001 " ]]
			br-publish --rm web 8000-8001:80
			br-publish --rm db 8000-8001:80
		done
	}
	host body
}

@test "br-setup --internal: nothing leaves, nothing comes in" {
	body() {
		make_world
		echo 1 >/proc/sys/net/ipv4/ip_forward
		br-setup --internal --subnet 10.77.0.0/24 br0
		br-attach br0 web
		br-attach br0 db
		start out serve 80
		start web serve 80
		[[ $(at db python3 "$NET" get 10.77.0.2 80) ]]
		[[ ! $(ip -n web route show default) ]]
		ip -n web route add default via 10.77.0.1
		refused at web python3 "$NET" get 192.0.2.99 80
		ip -n out route add 10.77.0.0/24 via 192.0.2.1
		refused at out python3 "$NET" get 10.77.0.2 80
	}
	host body
}

@test "a neighbour on the bridge or outside does not reach 127.0.0.1 of the host (CVE-2020-8558)" {
	body() {
		name_here
		make_world
		br-setup --subnet 10.77.0.0/24 br0
		br-attach br0 web
		br-attach br0 db
		start here serve 9000 127.0.0.1
		start web serve 80
		# The route that lets 127.0.0.1 in is there once a port is published.
		br-publish web 127.0.0.1:8080:80
		[[ $(get 127.0.0.1 9000) && $(get 127.0.0.1 8080) ]]
		for ns in db out; do
			ip -n $ns addr flush dev lo # and with it the kernel's own route to 127/8
			nsenter --net=/run/netns/$ns sh -c 'echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet'
		done
		ip -n db route add 127.0.0.1 via 10.77.0.1
		ip -n out route add 127.0.0.1 via 192.0.2.1
		for ns in db out; do
			[[ $(ip -n $ns route get 127.0.0.1) == *" via "* ]]
			for port in 9000 8080; do
				refused at $ns python3 "$NET" get 127.0.0.1 $port
			done
		done
	}
	host body
}

@test "router advertisements on the bridge change nobody's routes (CVE-2020-13401)" {
	body() {
		br-setup --subnet 10.77.0.0/24 --subnet fd77::/64 br0
		br-attach br0 web
		br-attach br0 db
		# A neighbour that does accept them shows that they were heard.
		ip netns add ear
		ip link add ear0 type veth peer name eth0 netns ear
		ip link set ear0 master br0 up
		nsenter --net=/run/netns/ear sh -c 'echo 1 >/proc/sys/net/ipv6/conf/eth0/accept_ra'
		nsenter --net=/run/netns/ear sh -c 'echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad'
		ip -n ear link set eth0 up
		heard() {
			at db python3 "$NET" advertise eth0
			ip -n ear -6 route show default | grep -q .
		}
		wait_for heard
		[[ ! $(ip -6 route show default) ]]
		[[ $(ip -n web -6 route show default) == "default via fd77::1 dev eth0 "* ]]
		! ip -n web -6 addr | grep 2001:db8
	}
	host body
}

@test "br-attach --rate limits both directions" {
	body() {
		name_here
		br-setup --subnet 10.77.0.0/24 br0
		br-attach --rate 20mbit br0 web
		# 2,500,000 bytes are 20 megabits: a second, less what the bucket holds.
		start web swallow 1000
		to=$(python3 "$NET" send 10.77.0.2 1000 2500000)
		start here swallow 1001
		from=$(at web python3 "$NET" send 10.77.0.1 1001 2500000)
		echo "to: $to s, from: $from s"
		for s in "$to" "$from"; do
			awk -v s="$s" 'BEGIN { exit !(s > 0.7 && s < 5) }'
		done
		br-detach web
		left=$(ip -br link | grep -E '^(ifb|veth)' || :)
		[[ ! $left ]] || fail "left: $left"
	}
	host body
}

# bats test_tags=anywhere
@test "leases: the lowest free one, a chosen one, taken, outside, full, and free again" {
	body() {
		br-setup --subnet 10.77.0.0/29 br0
		[[ $(br-attach --ip 10.77.0.3 br0 a) == 10.77.0.3 ]]
		[[ $(br-attach br0 b) == 10.77.0.2 && $(br-attach br0 c) == 10.77.0.4 ]]
		try br-attach --ip 10.77.0.3 br0 d
		[[ $status == 1 && ${lines[0]} == "br-attach: address 10.77.0.3 is taken" ]]
		[[ ${lines[1]} == "hint: /run/netns/a has it: br-detach frees it" ]]
		for ip in 10.77.0.0 10.77.0.7 10.78.0.1; do
			try br-attach --ip $ip br0 d
			[[ $status == 1 && $output == "br-attach: address $ip is not one for a host in subnet 10.77.0.0/29" ]]
		done
		try br-attach --ip 10.77.0.1 br0 d
		[[ $status == 1 && $output == "br-attach: address 10.77.0.1 is the bridge's own" ]]
		[[ $(br-attach br0 d) == 10.77.0.5 && $(br-attach br0 e) == 10.77.0.6 ]]
		try br-attach br0 f
		[[ $status == 1 && ${lines[0]} == "br-attach: no address is free in subnet 10.77.0.0/29" ]]
		[[ ! -e /run/netns/f ]]
		br-detach c
		[[ $(br-attach br0 f) == 10.77.0.4 ]]
	}
	host body
}

@test "leases: a namespace that has ended gives its address back" {
	body() {
		br-setup --subnet 10.77.0.0/24 br0
		unshare --net sleep 60 &
		wait_for elsewhere $!
		[[ $(br-attach br0 /proc/$!/ns/net) == 10.77.0.2 ]]
		path=/proc/$!/ns/net
		kill $!
		wait $! || :
		[[ $(br-attach br0 web) == 10.77.0.2 ]]
		try br-detach "$path"
		[[ $status == 1 ]]
		br-detach web
		br-setup --rm br0
	}
	elsewhere() { [[ $(readlink /proc/$1/ns/net) != "$(readlink /proc/self/ns/net)" ]]; }
	host body
}

# bats test_tags=anywhere
@test "names: one that was there stays, one that was made goes; two bridges at one namespace" {
	body() {
		ip netns add mine
		br-setup br0
		br-setup br1
		br-attach br0 mine
		br-attach br1 --name eth1 mine
		[[ $(ip -n mine route show default | grep -c .) == 1 ]]
		try br-publish mine 80:80
		[[ $status == 1 && ${lines[1]} == "hint: say which with --bridge" ]]
		br-publish --bridge br1 mine 80:80
		br-detach mine br1
		[[ ! $(nft list map inet tacklebox-br1 published4 | grep elements) ]]
		at mine ip link show eth0 >/dev/null
		[[ ! $(at mine ip link show eth1 2>/dev/null) ]]
		try br-setup --rm br0
		[[ $status == 1 && $output == *"is in use by /run/netns/mine"* ]]
		br-detach mine
		[[ -e /run/netns/mine ]]
		br-attach br0 made
		[[ -e /run/netns/made ]]
		br-detach made
		[[ ! -e /run/netns/made ]]
		br-setup --rm br0
		br-setup --rm br1
	}
	host body
}

# bats test_tags=anywhere
@test "bad input gets one line and leaves nothing" {
	body() {
		local before
		br-setup --subnet 10.77.0.0/24 br0
		ip link add plain type bridge
		before=$(state_net; find "$TACKLEBOX_RUN" | sort)
		bad() {
			local want=$1
			shift
			try "$@"
			[[ $status == "${want%% *}" && ${lines[0]} == *"${want#* }"* && ${#lines[@]} -le 2 ]] ||
				fail "$*: $status $output"
		}
		bad "1 is longer than 15 bytes" br-setup a234567890123456
		bad "1 bridge name '../x'" br-setup ../x
		bad "1 is not a subnet" br-setup --subnet 10.1.0.0 br9
		bad "1 out of range" br-setup --subnet 10.1.0.0/31 br9
		bad "1 overlaps 10.77.0.0/24" br-setup --subnet 10.77.0.128/25 br9
		bad "1 one of this kind already" br-setup --subnet 10.1.0.0/24 --subnet 10.2.0.0/24 br9
		bad "1 (EEXIST)" br-setup br0
		bad "2 one NAME" br-setup
		bad "1 cannot find link br9" br-attach br9 x
		bad "1 no bridge made by br-setup" br-attach plain x
		bad "1 is not an IP address" br-attach --ip 10.77.0 br0 x
		bad "1 is not a network namespace" br-attach br0 /etc/passwd
		bad "1 (ENOENT)" br-attach br0 /proc/self/ns/none
		bad "2 is not a rate" br-attach --rate fast br0 x
		bad "2 below 8kbit" br-attach --rate 1kbit br0 x
		bad "1 link name" br-attach --name a/b br0 x
		bad "1 (ENOENT)" br-detach none
		bad "1 is not attached to any bridge" br-detach /proc/self/ns/net
		bad "1 no bridge made by br-setup" br-setup --rm plain
		[[ $before == "$(state_net; find "$TACKLEBOX_RUN" | sort)" ]]
	}
	host body
}

@test "a forward chain that drops is named" {
	body() {
		nft 'add table ip fw; add chain ip fw forward { type filter hook forward priority 0; policy drop; }'
		try br-setup br0
		[[ $status == 0 && $output == *"policy drop is in the way of what comes and goes by br0"* ]]
	}
	host body
}

@test "eight cables laid at the same time get eight addresses" {
	body() {
		local i
		br-setup --subnet 10.77.0.0/24 br0
		for i in 1 2 3 4 5 6 7 8; do
			br-attach br0 n$i >out$i &
		done
		wait
		[[ $(cat out? | sort -u | wc -l) == 8 ]]
		for i in 1 2 3 4 5 6 7 8; do
			pings n$i 10.77.0.1
			br-detach n$i &
		done
		wait
		br-setup --rm br0
	}
	host body
}

# bats test_tags=anywhere
@test "many rounds leave nothing" {
	body() {
		local before i
		br-setup --subnet 10.77.0.0/24 br0
		br-attach br0 web
		br-publish web 80:80
		br-detach web # what stays after the first time: places for names and notes, route_localnet
		before=$(state_net; find "$TACKLEBOX_RUN" | sort)
		for ((i = $(rounds); i > 0; i--)); do
			br-attach --rate 1gbit br0 web
			br-publish web 80:80
			br-detach web
		done >/dev/null
		diff <(echo "$before") <(state_net; find "$TACKLEBOX_RUN" | sort)
	}
	host body
}

prepare_bridge() { br-setup --subnet 10.77.0.0/24 --subnet fd77::/64 br0 >/dev/null; }
prepare_cable() { prepare_bridge && br-attach --rate 1gbit br0 web >/dev/null; }
prepare_port() { prepare_cable && br-publish web 8080:80 >/dev/null; }

# bats test_tags=anywhere
@test "replay: br-setup" {
	replay_same -u --net state_net -- br-setup --subnet 10.77.0.0/24 --subnet fd77::/64 br0
	replay_same -u --net state_net -- br-setup --internal --no-icc --mtu 1400 br0
	replay_same -u --net -p prepare_bridge state_net -- br-setup --rm br0
}

# bats test_tags=anywhere
@test "replay: br-attach, br-detach" {
	replay_same -u --net -p prepare_bridge state_net -- br-attach br0 web
	replay_same -u --net -p prepare_bridge state_net -- br-attach --json --ip 10.77.0.9 --name net0 --rate 10mbit br0 web
	replay_same -u --net -p prepare_cable state_net -- br-detach web
}

# bats test_tags=anywhere
@test "replay: br-publish" {
	replay_same -u --net -p prepare_cable state_net -- br-publish web 8080:80
	replay_same -u --net -p prepare_cable state_net -- br-publish web 127.0.0.1:8080:80/udp
	replay_same -u --net -p prepare_cable state_net -- br-publish web 8000-8009:80-89
	replay_same -u --net -p prepare_port state_net -- br-publish --rm web 8080:80
}

# bats test_tags=anywhere
@test "faults: every step of the br tools fails once, and nothing is left" {
	body() {
		local was
		snapshot() { state_net; find "$TACKLEBOX_RUN" -type f 2>/dev/null | sort; }
		same() { [[ $was == "$(snapshot)" ]] || diff <(echo "$was") <(snapshot); }
		echo 1 >/proc/sys/net/ipv4/ip_forward
		mkdir -p "$TACKLEBOX_RUN"
		was=$(snapshot)
		faults_walk same -- br-setup --subnet 10.77.0.0/24 br0
		was=$(snapshot)
		faults_walk same -- br-attach --rate 1gbit br0 web
		was=$(snapshot | grep -v route_localnet)
		snapshot() { state_net | grep -v route_localnet; find "$TACKLEBOX_RUN" -type f ! -path '*/leases/.lock' | sort; }
		# The write to route_localnet is a step of each.
		faults_walk same -- sh -c 'echo 0 >/proc/sys/net/ipv4/conf/br0/route_localnet; exec br-publish web 8080:80'
	}
	host body
}

# bats test_tags=anywhere
@test "what -x tells is what happens" {
	body() {
		told_same -- br-setup --subnet 10.77.0.0/24 br0
		told_same -l setns -- br-attach br0 web
		told_same -- br-publish web 8080:80
	}
	requires strace
	host body
}
