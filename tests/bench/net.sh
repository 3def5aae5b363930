# shellcheck shell=bash disable=SC2154 # work, us and such are bench.sh's
# Bridges and cables, in a network namespace that plays the host: beside the CNI bridge plugin, ip and
# iptables, and a proxy that copies what goes through a published port.

# The host of the play: no other links, its own /run (names of namespaces, locks). What begins with
# "${inside[@]}" runs there; nsenter becomes the command, so that is what is killed in the end.
net_host() {
	unshare --net --mount --propagation private sh -c \
		'mount -t tmpfs tmpfs /run && mkdir /run/netns && ip link set lo up && echo >'"$work/ready"'
		exec sleep 3600' &
	holder=$!
	wait_for test -s "$work/ready"
	rm "$work/ready"
	inside=(nsenter --target "$holder" --net --mount)
}

in_host() { "${inside[@]}" "$@"; }
at() { in_host nsenter --net="/run/netns/$1" "${@:2}"; }
# serve NETNS PORT COMMAND…: a server, listening when this returns; "" is the host itself.
serve() {
	local enter=()
	[ -z "$1" ] || enter=(nsenter --net="/run/netns/$1")
	# No function: what is killed in the end must be the server, not a shell that waits for it.
	"${inside[@]}" "${enter[@]}" "${@:3}" >"$work/server.log" 2>&1 &
	servers+=($!)
	wait_for listening "$2" "${enter[@]}"
}
listening() { in_host "${@:2}" ss -lntH "( sport = :$1 )" | grep -q .; }

# The world: 192.0.2.99 in a namespace of its own, the host is 192.0.2.1 there and routes to br0.
net_world() {
	in_host ip netns add out
	in_host ip link add up0 type veth peer name eth0 netns out
	in_host ip addr add 192.0.2.1/24 dev up0
	in_host ip link set up0 up
	in_host ip -n out addr add 192.0.2.99/24 dev eth0
	in_host ip -n out link set eth0 up
	in_host ip -n out route add default via 192.0.2.1
	in_host ip netns add web
	in_host ip netns add db
	in_host ip netns add cni
}

net_start() {
	local tool target
	for tool in br-attach br-detach br-setup br-publish; do
		target=1.6
		[[ $tool == br-[ad]* ]] || target=2.5
		turns -n $((ROUNDS * 5)) "$tool" --version :: "$O/tests/bench/empty"
		row "$tool: start | an empty C program" "${us[0]}" "${us[1]}" $target us
	done
	fact "br-attach, br-detach: without libnftables" \
		"$(for tool in br-attach br-detach; do ldd "$O/bin/$tool"; done | grep -c libnftables)" 0
}

cni_config() {
	jq -n --arg dir "$work/cni" --argjson masq "$1" '{cniVersion: "0.4.0", name: "bench", type: "bridge",
		bridge: "cni0", isGateway: true, ipMasq: $masq, hairpinMode: true, ipam: {type: "host-local",
		dataDir: $dir, ranges: [[{subnet: "10.99.0.0/24"}]], routes: [{dst: "0.0.0.0/0"}]}}'
}

# The plugin makes its bridge in the round that only warms up; ours stands already.
net_attach() {
	local plugin=/usr/lib/cni/bridge masq
	have "$plugin" || { skip "br-attach | CNI bridge ADD" "no $plugin"; return; }
	export CNI_COMMAND=ADD CNI_CONTAINERID=bench CNI_NETNS=/run/netns/cni CNI_IFNAME=eth0 CNI_PATH=/usr/lib/cni
	for masq in true false; do
		cni_config $masq >"$work/cni-$masq.json"
		turns -n "$ROUNDS" br-attach br0 db ++ br-detach db :: \
			"<$work/cni-$masq.json" $plugin ++ \
			"<$work/cni-$masq.json" env CNI_COMMAND=DEL $plugin
		if $masq; then
			row "br-attach | CNI bridge ADD, masquerading" "${us[0]}" "${us[1]}" 0.1 us
		else
			row "br-attach | CNI bridge ADD without" "${us[0]}" "${us[1]}" '' us
		fi
	done
	unset "${!CNI_@}"
}

net_detach() {
	printf '%s\n' 'ip link add bench0 type veth peer name eth0 netns cni' 'ip link set bench0 master br0' \
		'ip -n cni addr add 10.77.0.200/24 dev eth0' 'ip -n cni link set eth0 up' \
		'ip link set bench0 up' >"$work/cable"
	in_host br-attach br0 db >/dev/null
	in_host sh -e "$work/cable"
	turns -n "$ROUNDS" br-detach db ++ br-attach br0 db :: ip link del bench0 ++ sh -e "$work/cable"
	row "br-detach | ip link del, which waits" "${us[0]}" "${us[1]}" 0.5 us
	in_host br-detach db
	in_host ip link del bench0
}

net_setup() {
	cat >"$work/setup" <<-'END'
		ip link add bench0 type bridge
		ip addr add 10.78.0.1/24 dev bench0
		ip link set bench0 up
		echo 1 >/proc/sys/net/ipv4/ip_forward
		iptables -t nat -A POSTROUTING -s 10.78.0.0/24 ! -o bench0 -j MASQUERADE
		iptables -A FORWARD -i bench0 -j ACCEPT
		iptables -A FORWARD -o bench0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
	END
	cat >"$work/teardown" <<-'END'
		iptables -F FORWARD
		iptables -t nat -F POSTROUTING
		ip link del bench0
	END
	turns -n "$ROUNDS" br-setup --subnet 10.78.0.0/24 br1 ++ br-setup --rm br1 :: \
		sh -e "$work/setup" ++ sh -e "$work/teardown"
	row "br-setup | ip and iptables" "${us[0]}" "${us[1]}" '' us
	turns -n "$ROUNDS" br-publish web 8080:80 ++ br-publish --rm web 8080:80 :: \
		iptables -t nat -A PREROUTING -p tcp --dport 8080 -j DNAT --to 10.77.0.2:80 ++ \
		iptables -t nat -F PREROUTING
	row "br-publish | iptables, one rule" "${us[0]}" "${us[1]}" '' us
}

# Mbit/s through one way in.
through() {
	at out iperf3 -c "$1" -p "$2" -t 2 -J | jq '.end.sum_received.bits_per_second / 1e6 | floor'
}

net_throughput() {
	local n routed=() published=() proxy=()
	have iperf3 || { skip "published port: throughput" "no $missing"; return; }
	serve web 5201 iperf3 -s
	in_host br-publish web 5201:5201 >/dev/null
	# In pieces of 32 kB, as docker-proxy copies; its own are 8 kB.
	! have socat || serve "" 5202 socat -b 32768 TCP-LISTEN:5202,fork,reuseaddr TCP:10.77.0.2:5201
	for ((n = 0; n < 7; n++)); do
		routed+=("$(through 10.77.0.2 5201)")
		published+=("$(through 192.0.2.1 5201)")
		! have socat || proxy+=("$(through 192.0.2.1 5202)")
	done
	row "published port | routed path" "$(middle "${published[@]}")" "$(middle "${routed[@]}")" '>=0.95' Mb/s
	have socat || { skip "published port | socat" "no socat"; return; }
	row "published port | socat" "$(middle "${published[@]}")" "$(middle "${proxy[@]}")" '>=2' Mb/s
}

middle() {
	printf '%s\n' "$@" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

bench_net() {
	[ "$(id -u)" = 0 ] || { skip "bridges and cables" "only root can"; return; }
	have br-setup br-attach br-detach br-publish || { skip "bridges and cables" "no $missing yet"; return; }
	have ip nsenter ss iptables || { skip "bridges and cables" "no $missing"; return; }
	local inside
	net_host
	net_world
	net_start
	in_host br-setup --subnet 10.77.0.0/24 br0 >/dev/null
	in_host br-attach --ip 10.77.0.2 br0 web >/dev/null
	net_attach
	net_detach
	net_setup
	net_throughput
	end_servers
}
