#!/usr/bin/env bats
# bats file_tags=box
# Networks of boxes: none, host, bridge, another box's; published ports; links.
load helpers
load box_helpers

setup_file() { box_setup_file; }
teardown_file() { tb_teardown_file; }
setup() {
	box_setup
	requires nft
	export TACKLEBOX_BRIDGE=tbbr0
}
teardown() { tb_teardown; }

# The body of a test, in a network of its own with an empty /run; boxes end with it.
net() { in_fresh '--net' net_go "$1"; }
net_go() {
	local got=0
	echo 1 >/proc/sys/net/ipv4/ip_forward
	set -e
	set +e # behind || it would not count inside either, and only a last command could fail
	(set -e; "$1")
	got=$?
	box-ps -aq | xargs -r timeout 20 box-rm -fv >/dev/null || got=1
	# Cables, leases, rules of published ports: all gone with their boxes.
	[ -z "$(ip -o link show type veth)" ] || { ip link; got=1; }
	[ -z "$(ls /run/netns 2>/dev/null)" ] || { ls /run/netns; got=1; }
	[ -z "$(find "$TACKLEBOX_RUN/leases" -type f ! -name .lock 2>/dev/null)" ] || { find "$TACKLEBOX_RUN"; got=1; }
	return $got
}

try() {
	status=0
	output=$("$@" 2>&1) || status=$?
}

# server NAME OPTION…: a box that serves a word on port 80.
server() {
	box-run -d --name "$@" bb sh -c 'echo hello >/tmp/w; exec httpd -f -p 80 -h /tmp' >/dev/null
	wait_for box-exec "$1" wget -qO /dev/null http://127.0.0.1/w
}

modes() {
	assert_eq lo "$(box-run --rm --network none bb sh -c 'ls /sys/class/net')"
	assert_eq "$(readlink /proc/self/ns/net)" "$(box-run --rm --network host bb readlink /proc/self/ns/net)"
	server web
	# On the bridge it has an address, a way out, and knows its own name.
	box-exec web sh -c 'ip -4 -o addr show eth0; ip route; grep "$(hostname)" /etc/hosts' >"$T/out"
	grep -q "^default via $(box-inspect web | jq -r .NetworkSettings.Gateway) dev eth0" "$T/out"
	grep -q "^$(box-inspect web | jq -r .NetworkSettings.IPAddress)[[:space:]]" "$T/out"
	# Another box in the same network.
	assert_eq hello "$(box-run --rm --network container:web bb wget -qO- http://127.0.0.1/w)"
	assert_eq "$(box-exec web hostname -i)" "$(box-run --rm --network container:web bb hostname -i)"
	try box-create --network container:nobody bb
	assert_eq 1 "$status"
	box-create --name lost --network nothing bb >/dev/null
	try box-start lost
	assert_eq 1 "$status"
	assert_like "$output" '*network nothing not found*'
}
@test "network modes: none, host, bridge, container:BOX" { net modes; }

published() {
	server web -p 8080:80 -p 127.0.0.1::80 -p 9000-9001:90-91/udp --expose 99
	local port
	port=$(box-port web 80 | grep 127.0.0.1 | cut -d: -f2)
	assert_eq hello "$(wget -qO- http://127.0.0.1:8080/w)"
	assert_eq hello "$(wget -qO- "http://127.0.0.1:$port/w")"
	assert_eq '90/udp 91/udp 99/tcp 80/tcp' "$(box-port --json web | jq -r 'keys_unsorted | sort_by(. == "80/tcp") | join(" ")' | tr ' ' '\n' | grep -v 80/tcp | sort | tr '\n' ' ')80/tcp"
	assert_like "$(box-ps)" '*0.0.0.0:8080->80/tcp*'
	try box-port web 81
	assert_eq 1 "$status"
	assert_like "$output" "*No public port '81/tcp' published for web*"
	# Held against others, whoever they are.
	try python3 -c 'import socket; socket.socket().bind(("127.0.0.1", 8080))'
	assert_eq 1 "$status"
	box-create --name other -p 8080:80 bb sleep 9 >/dev/null
	try box-start other
	assert_eq 1 "$status"
	assert_like "$output" '*0.0.0.0:8080 is published already*'
	assert_eq created "$(box-inspect other | jq -r .State.Status)"
	box-stop -t 0 web >/dev/null
	try python3 -c 'import socket; socket.socket().bind(("127.0.0.1", 8080))'
	assert_eq 0 "$status"
	# The same ports again, and another address does not matter.
	box-start web >/dev/null
	wait_for box-exec web wget -qO /dev/null http://127.0.0.1/w
	assert_eq hello "$(wget -qO- http://127.0.0.1:8080/w)"
	# All that are exposed.
	box-run -d --name all -P --expose 80 bb sleep 9 >/dev/null
	[[ $(box-port all) =~ ^80/tcp\ -\>\ 0\.0\.0\.0:[0-9]+ ]]
}
@test "published ports: tcp, udp, ranges, ephemeral, held against others, free again" { net published; }

links() {
	server web -e SECRET=x --expose 80
	box-run --rm --name app --link web:db bb sh -c 'env; cat /etc/hosts; wget -qO- http://db/w' >"$T/out"
	local ip
	ip=$(box-inspect web | jq -r .NetworkSettings.IPAddress)
	for line in DB_NAME=/app/db "DB_PORT=tcp://$ip:80" "DB_PORT_80_TCP_ADDR=$ip" DB_PORT_80_TCP_PORT=80 \
		DB_ENV_SECRET=x hello; do
		grep -qxF "$line" "$T/out" || fail "no $line in $(<"$T/out")"
	done
	grep -qP "^$ip\tdb [0-9a-f]{12} web$" "$T/out"
	box-stop -t 0 web >/dev/null
	box-create --name late --link web:db bb true >/dev/null
	try box-start late
	assert_eq 1 "$status"
	assert_like "$output" '*Cannot link to a non running container: /web AS /late/db*'
}
@test "--link: a name in /etc/hosts, and variables" { net links; }

# The environment of a process is its own; the file is not.
moved_links() {
	local before after id
	server web --expose 80
	id=$(box-inspect web | jq -r '.Id[:12]')
	box-run -d --name app --link web:db bb sleep 1000 >/dev/null
	# Many have been linked to it, which are gone.
	local fill="$TACKLEBOX_ROOT/names/web/linked"
	python3 -c 'for i in range(300): print("%064x" % i)' >>"$fill"
	box-run -d --name other --link web --link app:peer bb sleep 1000 >/dev/null
	assert_eq 2 "$(wc -l <"$fill")"
	before=$(box-inspect web | jq -r .NetworkSettings.IPAddress)
	box-stop -t 0 web >/dev/null
	box-run -d --name thief --ip "$before" bb sleep 1000 >/dev/null
	box-start web >/dev/null
	after=$(box-inspect web | jq -r .NetworkSettings.IPAddress)
	[ "$before" != "$after" ]
	for line in "app:$after	db $id web" "other:$after	web $id"; do
		box-exec "${line%%:*}" cat /etc/hosts >"$T/hosts"
		grep -qxF "${line#*:}" "$T/hosts" || fail "no ${line#*:} in $(<"$T/hosts")"
		run ! grep -qF "$before	" "$T/hosts"
	done
	# The other line is as it was, and so is the file's name for itself.
	grep -q "^$(box-inspect app | jq -r .NetworkSettings.IPAddress)	peer [0-9a-f]* app\$" "$T/hosts"
	grep -q "^$(box-inspect other | jq -r .NetworkSettings.IPAddress)	$(box-exec other hostname)\$" "$T/hosts"
	wait_for box-exec app wget -qO- http://db/w
	# Connected anew while it runs, it moves as well.
	net-disconnect bridge web
	box-run -d --name thief2 --ip "$after" bb sleep 1000 >/dev/null
	net-connect bridge web
	[ "$after" != "$(box-inspect web | jq -r .NetworkSettings.Networks.bridge.IPAddress)" ]
	assert_eq hello "$(box-exec app wget -qO- http://db/w)"
	# Who does not run any more is not in the way, nor who is not there any more.
	box-stop -t 0 app >/dev/null
	box-rm -f other >/dev/null
	box-restart -t 0 web >/dev/null
}
@test "--link: the name leads to where the other one is now" { net moved_links; }

unheard() {
	box-create --name web -p 8080:80 bb sleep 1000 >/dev/null
	try sh -c 'box-start web >/dev/full'
	assert_eq 1 "$status"
	assert_eq "box-start: cannot write to standard output: No space left on device (ENOSPC)" "$output"
	# It runs, and all that is noted of it is there still.
	assert_eq running "$(box-inspect web | jq -r .State.Status)"
	[ "$(box-inspect web | jq -r .NetworkSettings.IPAddress)" != "" ]
	assert_eq '80/tcp -> 0.0.0.0:8080' "$(box-port web | head -1)"
	box-exec web sh -c 'grep -q "$(hostname)" /etc/hosts'
	box-stop -t 0 web >/dev/null
	[ -z "$(ls /run/netns)" ]
}
@test "box-start that cannot say so has started it all the same" { net unheard; }

address() {
	server web
	local net
	net=$(box-inspect web | jq -r .NetworkSettings.IPAddress)
	box-run -d --name two --ip "${net%.*}.77" bb sleep 9 >/dev/null
	assert_eq "${net%.*}.77" "$(box-inspect two | jq -r .NetworkSettings.Networks.bridge.IPAddress)"
	# Stopped, it has none, and its network is still named.
	box-stop -t 0 two >/dev/null
	assert_eq '{"bridge":""}' "$(box-inspect two | jq -c '.NetworkSettings.Networks | map_values(.IPAddress)')"
}
@test "an address of one's own; none when it does not run" { net address; }

crowd() {
	local i
	for i in $(seq 10); do box-run -d --name "c$i" bb sleep 100 >/dev/null & done
	wait
	assert_eq 10 "$(box-ps --json | jq -r '.NetworkSettings.Networks.bridge.IPAddress' | sort -u | wc -l)"
}
@test "ten at the same moment on a bridge that is not there yet" { net crowd; }

# Typed by hand, in a terminal, as the README has it.
sequence() {
	local s="tmux -L tbtest-$$ -f /dev/null" i=0
	$s new-session -d -x 180 -y 40 "env PATH=$PATH TACKLEBOX_ROOT=$TACKLEBOX_ROOT TACKLEBOX_RUN=$TACKLEBOX_RUN TACKLEBOX_BRIDGE=$TACKLEBOX_BRIDGE PS1='> ' sh"
	# typed WORDS PATTERN…: what each line of the answer must match.
	typed() {
		local words=$1
		shift
		$s send-keys "clear; $words; echo done-$((++i))" Enter
		wait_for sh -c "$s capture-pane -p | grep -qx done-$i"
		$s capture-pane -p >"$T/screen"
		for line; do grep -qE -- "$line" "$T/screen" || fail "$words: no $line in $(<"$T/screen")"; done
	}
	echo hello >"$T/page"
	typed "box-run -d --name web -p 8080:80 bb sh -c 'echo log-line; exec httpd -f -p 80 -h /tmp'" '^[0-9a-f]{64}$'
	typed "box-cp $T/page web:/tmp/index.html"
	typed 'wget -qO- http://127.0.0.1:8080' '^hello$'
	typed 'box-ps' '^CONTAINER ID +IMAGE +COMMAND +CREATED +STATUS +PORTS +NAMES$' ' Up .* 0\.0\.0\.0:8080->80/tcp.* web$'
	$s send-keys 'clear; box-logs -f web' Enter
	wait_for sh -c "$s capture-pane -p | grep -qx log-line"
	$s send-keys C-c
	$s send-keys 'clear; box-exec -it web sh; echo status $?' Enter
	wait_for sh -c "$s capture-pane -p | grep -q '#'"
	$s send-keys 'tty; echo new >/etc/made; exit 3' Enter
	wait_for sh -c "$s capture-pane -p | grep -qx /dev/pts/0"
	wait_for sh -c "$s capture-pane -p | grep -qx 'status 3'"
	typed 'box-cp web:/etc/made - | tar -xO' '^new$'
	typed 'box-diff web' '^A /etc/made$'
	typed 'box-stop -t 1 web && box-start web' '^web$'
	typed 'box-commit web web:2 && img-ls' '^sha256:' '^web +2 '
	typed 'box-export web | tar -t | grep -c etc/made' '^1$'
	typed 'box-run --rm web:2 cat /etc/made' '^new$'
	typed 'box-rm web' 'You cannot remove a running container'
	typed 'box-rm -f web && box-ps -a | wc -l' '^web$' '^1$'
	$s kill-server
}
@test "the whole life of a box, typed in a terminal" {
	requires tmux
	net sequence
}
