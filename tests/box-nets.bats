#!/usr/bin/env bats
# bats file_tags=box
# Networks of one's own: net-*, names in them, several for a box, internal ones.
load helpers
load box_helpers

setup_file() {
	box_setup_file
	command -v musl-gcc >/dev/null && musl-gcc -static -o "$TB_DIR/musl-ask" -x c - <<-'END'
		#include <arpa/inet.h>
		#include <netdb.h>
		#include <stdio.h>
		int main(int n, char **v) {
			struct addrinfo want = {.ai_socktype = SOCK_STREAM}, *r;
			char text[64];
			if (n < 2 || getaddrinfo(v[1], 0, &want, &r))
				return 1;
			for (; r; r = r->ai_next)
				puts(inet_ntop(r->ai_family, &((struct sockaddr_in *)r->ai_addr)->sin_addr, text, 64));
		}
	END
}
teardown_file() { tb_teardown_file; }
setup() {
	box_setup
	requires nft pgrep python3
	export TACKLEBOX_BRIDGE=tbbr0
}
teardown() { tb_teardown; }

# The body of a test, in a network of its own with an empty /run and a name server of its own.
net() { in_fresh '--net' net_go "$1"; }
net_go() {
	local got=0
	ip link set lo up
	echo 1 >/proc/sys/net/ipv4/ip_forward
	echo nameserver 127.0.0.1 >"$T/resolv"
	mount --bind "$T/resolv" /etc/resolv.conf
	python3 "$TB_TESTS/dns.py" serve 127.0.0.1 "$T/asked" &
	local server=$!
	set -e
	wait_for grep -q ready "$T/asked"
	set +e # behind || it would not count inside either, and only a last command could fail
	(set -e; "$1")
	got=$?
	box-ps -aq | xargs -r timeout 20 box-rm -fv >/dev/null || got=1
	net-prune >/dev/null || got=1
	kill "$server"
	[ -z "$(ip -o link show type veth)$(ip -o link show type bridge | grep -v tbbr0)" ] || { ip link; got=1; }
	[ -z "$(ls /run/netns 2>/dev/null)" ] || { ls /run/netns; got=1; }
	[ -z "$(find "$TACKLEBOX_RUN/leases" -type f ! -name .lock 2>/dev/null)" ] || { find "$TACKLEBOX_RUN"; got=1; }
	[ -z "$(ls "$TACKLEBOX_RUN/resolver" 2>/dev/null)" ] || { ls "$TACKLEBOX_RUN/resolver"; got=1; }
	no_resolver || { echo "a resolver is left"; got=1; }
	return $got
}
# Ours: other tests have their own.
resolvers() { pgrep -f "net-resolve $TACKLEBOX_RUN/" || :; }
no_resolver() { [ -z "$(resolvers)" ]; }

try() {
	status=0
	output=$("$@" 2>&1) || status=$?
}
idle() { box-run -d --name "$@" bb sleep 1000 >/dev/null; }
address() { box-inspect "$1" | jq -r ".NetworkSettings.Networks[\"$2\"].IPAddress"; }
inside() {
	local ns
	ns=$(box-inspect "$1" | jq -r .NetworkSettings.SandboxKey)
	shift
	nsenter --net="/run/netns/$ns" "$@"
}
# ask BOX NAME TYPE: what its first server answers.
ask() {
	local server
	server=$(box-exec "$1" sed -n 's/^nameserver //p' /etc/resolv.conf | head -1)
	inside "$1" python3 "$TB_TESTS/dns.py" ask "$server" "$2" "${3-A}"
}

documents() {
	net-create --subnet 10.77.0.0/24 --gateway 10.77.0.254 --label use=test -o com.docker.network.driver.mtu=1400 one >/dev/null
	net-create --internal two >/dev/null
	assert_eq '10.77.0.0/24 10.77.0.254 test false' \
		"$(net-inspect one | jq -r '[.IPAM.Config[0].Subnet, .IPAM.Config[0].Gateway, .Labels.use, .Internal] | join(" ")')"
	assert_eq 1400 "$(cat "/sys/class/net/br-$(net-inspect one | jq -r '.Id[:12]')/mtu" 2>/dev/null || ip -j link show type bridge | jq '.[] | select(.mtu == 1400).mtu')"
	assert_eq 'bridge host none one two' "$(net-ls --json | jq -r .Name | xargs)"
	assert_eq one "$(net-ls --filter label=use=test --json | jq -r .Name)"
	assert_eq one "$(net-ls --filter 'name=^one$' --json | jq -r .Name)"
	assert_eq "" "$(net-ls -q --filter 'name=^on$')"
	assert_eq "" "$(net-ls -q --filter 'name=^(o{1})')"
	assert_eq "$(net-inspect two | jq -r .Id)" "$(net-inspect "$(net-ls -q --filter name=tw)" | jq -r .Id)"
	for words in "already exists:one" "predefined:host" "overlaps:--subnet 10.77.0.128/25 three" \
		"no matching subnet:--subnet 10.78.0.0/24 --gateway 10.79.0.1 three" "not found:-d overlay three"; do
		# shellcheck disable=SC2086
		try net-create ${words#*:}
		assert_eq 1 "$status"
		assert_like "$output" "*${words%%:*}*"
	done
	# The subnet of a network whose bridge is gone, as after a reboot, is not free.
	br-setup --rm "br-$(net-inspect one | jq -r '.Id[:12]')"
	try net-create --subnet 10.77.0.0/24 three
	assert_like "$output" '*is network one*'
	idle user --network one
	assert_eq 10.77.0.1 "$(address user one)"
	try net-rm one
	assert_like "$output" '*has active endpoints*'
	try net-rm bridge
	assert_like "$output" '*pre-defined*'
	# A box that does not run keeps it from being pruned, and from nothing else.
	box-stop -t 0 user >/dev/null
	assert_eq two "$(net-prune)"
	net-rm one >/dev/null
	try box-start user
	assert_like "$output" '*network one not found*'
	net-disconnect -f one nobody 2>/dev/null || :
	assert_eq 'bridge host none' "$(net-ls --json | jq -r .Name | xargs)"
}
@test "net-create, -ls, -inspect, -rm, -prune: documents, subnets, errors" { net documents; }

names() {
	net-create front >/dev/null
	idle web --network front --network-alias svc
	idle db --network front --network-alias svc --network-alias store
	idle other
	local web db
	web=$(address web front) db=$(address db front)
	assert_eq "0 $db" "$(ask web db)"
	assert_eq "0 $db" "$(ask web DB.front)"
	assert_eq "0 $db" "$(ask web "$(box-inspect db | jq -r '.Id[:12]')")"
	assert_eq "0 $(printf '%s\n' "$web" "$db" | sort | xargs)" "$(ask web svc)"
	# There is such a name, but no such address: not the same as no name.
	assert_eq 0 "$(ask web db AAAA)"
	assert_eq 3 "$(ask web nobody)"
	assert_eq '0 192.0.2.9' "$(ask web outside.test)"
	# The host asks at the gateway, in its own words: nothing masquerades them on lo.
	assert_eq "0 $db" "$(python3 "$TB_TESTS/dns.py" ask "$(net-inspect front | jq -r '.IPAM.Config[0].Gateway')" db A)"
	assert_eq "$(net-inspect front | jq -r '.IPAM.Config[0].Gateway')" \
		"$(box-run --rm --network front --add-host up:host-gateway --add-host six:fd00::1 bb sed -n 's/\tup$//p' /etc/hosts)"
	# Not on the default network, in neither direction.
	try box-exec other nslookup db
	[[ $output == *NXDOMAIN* ]] || assert_eq 1 "$status"
	assert_eq 3 "$(ask web other)"
	# Three resolvers of three makers.
	inside web unshare -m sh -c "mount --bind $TACKLEBOX_ROOT/names/web/resolv.conf /etc/resolv.conf
		getent ahostsv4 db; $TB_DIR/musl-ask svc; GODEBUG=netdns=go skopeo inspect --tls-verify=false docker://db:1/x" >"$T/out" 2>&1 || :
	grep -q "^$db *STREAM db" "$T/out"
	assert_eq 2 "$(grep -cxE "$web|$db" "$T/out")"
	grep -q "dial tcp $db:1: connect: connection refused" "$T/out"
}
@test "names: aliases, several addresses, AAAA, forwarded; glibc, musl and Go" {
	requires musl-gcc skopeo
	net names
}

moving() {
	net-create front >/dev/null
	net-create back >/dev/null
	idle asker --network front
	box-create --name box1 --network front bb sleep 1000 >/dev/null
	# Connected before it runs, and while it does.
	net-connect --ip "$(net-inspect back | jq -r .IPAM.Config[0].Gateway | sed 's/\.1$/.77/')" back box1
	box-start box1 >/dev/null
	assert_like "$(address box1 back)" '*.77'
	assert_eq 'eth0 eth1 lo' "$(box-exec box1 ls /sys/class/net | xargs)"
	assert_eq 3 "$(ask asker box2)"
	box-rename box1 box2
	assert_eq "0 $(address box2 front)" "$(ask asker box2)"
	assert_eq 3 "$(ask asker box1)"
	net-connect --alias late back asker
	assert_eq "0 $(address asker back)" "$(ask box2 late)"
	try net-connect back asker
	assert_like "$output" '*endpoint with name asker already exists in network back*'
	# The way out goes over to the other network.
	local gateway
	gateway=$(net-inspect back | jq -r .IPAM.Config[0].Gateway)
	net-disconnect front box2
	assert_eq "default via $gateway dev eth1" "$(box-exec box2 ip route | grep default | xargs)"
	assert_eq "0 $(address box2 back)" "$(ask asker box2)"
	# In none, and back again: the same namespace.
	net-disconnect back box2
	assert_eq lo "$(box-exec box2 ls /sys/class/net | xargs)"
	assert_eq 3 "$(ask asker box2)"
	net-connect front box2
	box-exec box2 ping -c1 -W2 "$(address asker front)" >/dev/null
	try net-disconnect back box2
	assert_like "$output" '*is not connected to network back*'
	# Another address the next time: right at once.
	local before after
	before=$(address box2 front)
	box-stop -t 0 box2 >/dev/null
	idle thief --network front --ip "$before"
	box-start box2 >/dev/null
	after=$(address box2 front)
	[ "$before" != "$after" ]
	assert_eq "0 $after" "$(ask asker box2)"
	# One that is connected to nothing when it starts.
	box-create --name lone --network front bb sleep 1000 >/dev/null
	net-disconnect front lone
	box-start lone >/dev/null
	assert_eq lo "$(box-exec lone ls /sys/class/net | xargs)"
	net-connect front lone
	assert_eq "0 $(address lone front)" "$(ask asker lone)"
	try net-connect front "$(box-create --network none bb)"
	assert_like "$output" '*its mode is none*'
}
@test "net-connect and net-disconnect: created, running, the way out, other addresses" { net moving; }

# Five at once come and go, and meanwhile somebody asks without pause for one that stays.
crowd() {
	local server steady ns i
	net-create front >/dev/null
	idle stays --network front
	idle asker --network front
	server=$(net-inspect front | jq -r .IPAM.Config[0].Gateway)
	ns=/run/netns/$(box-inspect asker | jq -r .NetworkSettings.SandboxKey)
	nsenter --net="$ns" python3 "$TB_TESTS/dns.py" steady "$server" stays "0 $(address stays front)" "$T/end" >"$T/steady" &
	steady=$!
	# names WANT NAME…: as they are answered, a line each.
	names() { assert_eq "$1" "$(nsenter --net="$ns" python3 "$TB_TESTS/dns.py" each "$server" "${@:2}")"; }
	there() { net-inspect front | jq -r '.Containers[] | select(.Name | test("^[cd]")) | "\(.Name) 0 \(.IPv4Address[:-3])"' | sort; }
	for i in 1 2; do
		seq 5 | xargs -P 5 -I{} box-run -d --name "c$i-{}" --network front --network-alias crowd bb sleep 1000 >/dev/null
		assert_eq 5 "$(there | wc -l)"
		names "$(there)" c$i-{1..5}
		names "crowd 0 $(there | cut -d' ' -f3 | sort | xargs)" crowd
		box-rename c$i-1 d$i
		box-restart -t 0 c$i-2 >/dev/null
		names "$(there)" c$i-{2..5} d$i
		names "c$i-1 3" c$i-1
		echo d$i c$i-{2..5} | xargs -n 1 -P 5 box-rm -f >/dev/null
		names "$(printf '%s 3\n' d$i c$i-{2..5} crowd)" d$i c$i-{2..5} crowd
	done
	touch "$T/end"
	wait "$steady"
	assert_like "$(<"$T/steady")" 'asked [1-9]* lost 0 refused 0 wrong 0'
}
@test "boxes come and go: no question is lost, and each changed name is right at once" { net crowd; }

# Somebody else has the port: that is said, the box runs, and once he is gone names are answered.
occupied() {
	local holder
	ip link set lo up
	echo 1 >/proc/sys/net/ipv4/ip_forward
	python3 "$TB_TESTS/dns.py" hold 0.0.0.0 "$T/held" &
	holder=$!
	wait_for grep -q ready "$T/held"
	net-create front >/dev/null
	try box-run -d --name one --network front bb sleep 1000
	assert_eq 0 "$status"
	assert_like "$output" '*names are not resolved in network front: nobody listens at 10.88.0.1, port 53*'
	kill "$holder"
	wait "$holder" || : # or it takes the first question with it
	# Of questions that nobody hears the kernel sends back no more than a few a second.
	listens() { ss -lnuH '( sport = :53 )' | grep -q '10\.88\.0\.1:53'; }
	wait_for listens
	assert_eq "0 $(address one front)" "$(ask one one)"
	box-rm -f one >/dev/null
	net-rm front >/dev/null
	no_resolver
}
@test "a port 53 that somebody else has" { in_fresh '--net' occupied; }

internal() {
	net-create --internal in >/dev/null
	net-create out >/dev/null
	idle hidden --network in
	idle both --network in --network out
	assert_eq "0 $(address both in)" "$(ask hidden both)"
	# Names of a network that is not its own, and of the world, are not known.
	idle stranger --network out
	assert_eq 3 "$(ask hidden stranger)"
	[[ $(ask hidden leak.test) =~ ^(silence|[235])$ ]]
	! grep leak.test "$T/asked" || fail "asked the world"
	assert_eq "0 $(address stranger out)" "$(ask both stranger)"
	assert_eq '0 192.0.2.9' "$(ask both seen.test)"
	assert_eq "" "$(box-exec hidden ip route | grep default || :)"
	# The same whichever comes first, also when both are there from the start, and one is the default.
	idle third --network in
	net-connect bridge third
	assert_eq '0 192.0.2.9' "$(ask third seen.test)"
	box-restart -t 0 third >/dev/null
	assert_eq '0 192.0.2.9' "$(ask third seen.test)"
	box-rm -f third >/dev/null
	# Out of the network that led out, it is shut in as well.
	net-disconnect out both
	[[ $(ask both leak.test) =~ ^(silence|[235])$ ]]
	! grep leak.test "$T/asked" || fail "asked the world"
	! box-exec hidden ping -c1 -W1 "$(net-inspect out | jq -r .IPAM.Config[0].Gateway)" >/dev/null 2>&1 || fail "routed"
}
@test "an internal network: no way out, and no name that leaks" { net internal; }

published() {
	net-create front >/dev/null
	box-run -d --name web --network front -p 8080:80 bb sh -c 'echo hi >/tmp/w; exec httpd -f -p 80 -h /tmp' >/dev/null
	wait_for wget -qO /dev/null http://127.0.0.1:8080/w
	assert_eq hi "$(box-run --rm --network front bb wget -qO- http://web/w)"
	# A link is a name of one box's own.
	assert_eq hi "$(box-run --rm --network front --link web:www bb wget -qO- http://www/w)"
	# Not from another network. (The first process of a box does not hear timeout's signal.)
	net-create back >/dev/null
	try box-run --rm --init --network back bb timeout 1 wget -qO- "http://$(address web front)/w"
	[ "$status" -ne 0 ] || fail "networks reach each other"
	try box-run --rm --init bb timeout 1 wget -qO- "http://$(address web front)/w"
	[ "$status" -ne 0 ] || fail "the default network reaches the others"
	# But what is published is so for all.
	assert_eq hi "$(box-run --rm --network back bb sh -c 'wget -qO- "http://$(ip route | sed -n "s/default via //p" | cut -d" " -f1):8080/w"')"
	# They go where the way out goes, under their old numbers, and lead nowhere while there is none.
	net-create --internal hidden >/dev/null
	net-connect hidden web
	net-connect back web
	net-disconnect front web
	assert_eq hi "$(wget -qO- http://127.0.0.1:8080/w)"
	assert_eq back "$(jq -r .Published "$TACKLEBOX_ROOT/names/web/network.json")"
	net-disconnect back web
	try curl -sm 2 http://127.0.0.1:8080/w
	[ "$status" -ne 0 ] || fail "a port leads into an internal network"
	net-connect front web
	assert_eq hi "$(wget -qO- http://127.0.0.1:8080/w)"
	assert_eq '0.0.0.0:8080' "$(box-port web 80 | head -n 1)"
}
@test "ports, links, and other networks" { net published; }

random_days() {
	bash "$TB_TESTS/random-days.sh" bb $(($(rounds) * 3)) "${TEST_DAYS:-0}" "$TACKLEBOX_RUN"
}
@test "ten boxes on three networks, connected, disconnected, killed and started at random" { net random_days; }

hurt() {
	net-create front >/dev/null
	idle one --network front
	idle two --network front
	local mon
	# Its parent is killed: its names go when somebody cleans up, and it can start again.
	# The program's parent is ns-exec, whose parent is box-mon.
	mon=$(ps -o ppid= -p "$(ps -o ppid= -p "$(box-inspect two | jq .State.Pid)" | tr -d ' ')" | tr -d ' ')
	assert_eq box-mon "$(cat "/proc/$mon/comm")"
	kill -9 "$mon"
	wait_for sh -c 'box-inspect two | jq -e ".State.Running | not" >/dev/null'
	box-start two >/dev/null
	assert_eq "0 $(address two front)" "$(ask one two)"
	# So is the resolver: the next change brings it back.
	kill -9 "$(resolvers)"
	wait_for no_resolver
	box-restart -t 0 two >/dev/null
	assert_eq "0 $(address two front)" "$(ask one two)"
}
@test "kill -9 of a box's parent, and of the resolver" { net hurt; }

# What is asked for is there, whatever moment of its start or of its end that came at.
at_a_moment() {
	local i status
	net-create front >/dev/null
	net-create back >/dev/null
	for ((i = 0; i < $(rounds); i++)); do
		box-create --name one --network front bb sleep 1000 >/dev/null
		box-start one >/dev/null &
		sleep "0.0$((RANDOM % 3))$((RANDOM % 10))"
		net-connect back one
		wait $!
		assert_eq 'eth0 eth1 lo' "$(box-exec one ls /sys/class/net | xargs)"
		box-exec one ip -o -4 addr show | grep -qF "$(address one back)"
		box-kill one >/dev/null &
		sleep "0.0$((RANDOM % 3))$((RANDOM % 10))"
		net-disconnect back one
		try net-connect back one
		assert_eq 0 "$status" "$output"
		wait $!
		box-wait one >/dev/null
		box-rm -f one >/dev/null
		assert_eq "" "$(find "$TACKLEBOX_RUN/leases" -type f ! -name .lock; ls /run/netns)"
	done
}
@test "net-connect at any moment of a box's start and end" { net at_a_moment; }

nothing_left() {
	[ "$(net-ls --json | jq -r .Name | xargs)" = 'bridge host none keep' ] && [ -z "$(ip -o link show type bridge | grep -v keep0)" ]
}
connected_nowhere() {
	[ "$(box-inspect steady | jq -c '.NetworkSettings.Networks | keys')" = '[]' ] && [ -z "$(ls "$TACKLEBOX_RUN/resolver")" ] &&
		[ "$(box-exec steady ls /sys/class/net)" = lo ] && [ "$(stat -c %i "$TACKLEBOX_ROOT/names/steady/hosts")" = "$hosts" ]
}
# each_fault CLEAN_FN TOOL…: what of its own steps, or of those of the tools that it runs, fails.
each_fault() {
	local clean=$1 n=1
	shift
	while ! TACKLEBOX_FAIL=step:EIO@$n "$@" >"$T/out" 2>"$T/err"; do
		"$clean" || fail "after step $n failed: $* $(<"$T/err") $(ls "$TACKLEBOX_RUN/resolver")" || return
		grep -q '(EIO)$' "$T/err" && [ ! -s "$T/out" ] || fail "step $n: $(cat "$T/err" "$T/out")" || return
		((n++ < 100)) || fail "never succeeds: $*" || return
	done
	((n > 8)) || fail "only $((n - 1)) steps: $*"
}
faulty() {
	net-create -o com.docker.network.bridge.name=keep0 keep >/dev/null
	each_fault nothing_left net-create made
	net-rm made >/dev/null
	idle steady
	local hosts
	hosts=$(stat -c %i "$TACKLEBOX_ROOT/names/steady/hosts")
	net-disconnect bridge steady
	each_fault connected_nowhere net-connect keep steady
	# It is the same file inside, whatever has failed.
	box-exec steady grep -q "^$(address steady keep)[[:space:]]" /etc/hosts
	net-disconnect keep steady
}
@test "each step of net-create and of net-connect fails once" { net faulty; }

# What a box on the default network, or on the host's, has for a server.
server_of() { box-run --rm --network "$1" bb sed -n 's/^nameserver //p' /etc/resolv.conf | xargs; }
behind_resolved() {
	mkdir -p /run/systemd/resolve
	assert_eq '' "$(server_of bridge)"
	printf 'nameserver 192.0.2.53\nnameserver 192.0.2.54\nsearch example.test\n' >/run/systemd/resolve/resolv.conf
	assert_eq '192.0.2.53 192.0.2.54' "$(server_of bridge)"
	assert_eq 127.0.0.1 "$(server_of host)"
	echo nameserver 192.0.2.55 >>/etc/resolv.conf
	assert_eq 192.0.2.55 "$(server_of bridge)"
}
@test "servers on the host's loopback: not inside, but those that systemd-resolved asks" { net behind_resolved; }

set_of_three() {
	timeout 60 bash "$TB_TESTS/three-services.sh" bb 8099
	assert_eq '' "$(box-ps -aq)"
}
@test "three services by a script: up, scaled, killed, restarted, down" { net set_of_three; }
