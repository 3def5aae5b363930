# shellcheck shell=bash
# shellcheck disable=SC2034,SC2120 # tests use what is set here, and give arguments
# For the tests of apid: a test's body in a network of its own, where one serves at a socket of its
# own, and the real clients.
#
#   served FUNCTION       calls it there; apid and all it made end with it
#   $APID                 its pid; $APID_LOG what it says
#   apid_start [OPTION…]  starts another after that one was ended
#   clients FUNCTION      calls it once for each docker client, as `docker`: the one in PATH, and
#                         Debian's, and says which
#   api METHOD PATH [CURL-OPTION…]  by curl: the body; $T/head gets status line and headers
#   status_of METHOD PATH […]       the status alone
#   expect STATUS METHOD PATH […]   the body, and it must have come with that status
#   at_rest               apid comes to rest: one that waits takes no time of a processor
#   tmux_start COMMAND, seen REGEX  in a terminal, $s; and what it shows

# Each look is a program of 40 MB here, which on a busy machine takes a second.
export TB_WAIT=${TB_WAIT:-40}

served() { in_fresh '--net' apid_go "$1"; }

apid_go() {
	local got=0
	export HOME=$T/home DOCKER_CONFIG=$T/home/.docker TACKLEBOX_BRIDGE=tbbr0 APID_LOG=$T/apid.log
	export DOCKER_HOST=unix://$TACKLEBOX_RUN/apid.sock
	unset DOCKER_CONTEXT DOCKER_TLS_VERIFY DOCKER_API_VERSION
	mkdir -p "$DOCKER_CONFIG"
	echo '{}' >"$DOCKER_CONFIG/config.json"
	# What moves bridged packets past the rules is another's test.
	echo 1 >/proc/sys/net/ipv4/ip_forward
	set -e
	apid_start
	set +e # behind || it would not count inside either, and only a last command could fail
	type -P docker >/dev/null || debians_docker
	# shellcheck disable=SC2086 # with its words
	(set -e; $1)
	got=$?
	((got == 0)) || tail -n 40 "$APID_LOG"
	[ ! -e "$T/apid.pid" ] || apid_end
	# One that is to go by itself, with --rm, may do so between the list and its turn.
	wait_for no_boxes || got=1
	net-prune >/dev/null || got=1
	vol-prune --all >/dev/null || got=1
	[ -z "$(ip -o link show type veth)" ] || { ip link; got=1; }
	return $got
}

no_boxes() {
	box-ps -aq | xargs -r timeout 20 box-rm -fv >/dev/null
	[ -z "$(box-ps -aq)" ]
}

apid_start() {
	rm -f "$T/apid.out"
	apid "$@" >"$T/apid.out" 2>>"$APID_LOG" &
	APID=$!
	echo $APID >"$T/apid.pid"
	wait_for grep -q DOCKER_HOST "$T/apid.out"
}

# However it ends, its children are gone or go on by themselves.
apid_end() {
	local pid
	pid=$(<"$T/apid.pid")
	kill "-${1:-TERM}" "$pid" 2>/dev/null || :
	wait_for sh -c "! kill -0 $pid 2>/dev/null || grep -q '^State:.Z' /proc/$pid/status"
	wait "$pid" 2>/dev/null || : # not the child of a shell that calls this inside a test
	rm -f "$T/apid.pid"
}

debians_docker() {
	mkdir -p "$T/bin"
	ln -sf "$TB_OUT/client/docker" "$T/bin/docker"
	PATH=$T/bin:$PATH
}

clients() {
	echo "with $(docker --version)"
	"$1"
	[ -x "$TB_OUT/client/docker" ] && ! cmp -s "$TB_OUT/client/docker" "$(type -P docker)" || return 0
	docker ps -aq | xargs -r docker rm -fv >/dev/null
	debians_docker
	echo "with $(docker --version)"
	"$1"
}
needs_client() {
	requires nft
	[ -x "$TB_OUT/client/docker" ] || requires docker
}

api() {
	local method=$1 path=$2
	shift 2
	curl -sS --max-time 20 --unix-socket "${DOCKER_HOST#unix://}" -X "$method" -D "$T/head" "$@" "http://localhost$path"
}
status_of() {
	local method=$1 path=$2
	shift 2
	curl -sS --max-time 20 --unix-socket "${DOCKER_HOST#unix://}" -X "$method" -o /dev/null -w '%{http_code}' "$@" "http://localhost$path"
}
expect() {
	local want=$1 body
	shift
	body=$(api "$@")
	assert_eq "$want" "$(sed -n 's/^HTTP[^ ]* \([0-9]*\).*/\1/p' "$T/head" | tail -n 1)" "$1 $2: $body" >&2 || return
	printf '%s' "$body"
}

# In a second hardly a tick; how long that takes to come is the machine's.
at_rest() { wait_for ticks_rest; }
ticks_rest() {
	local before
	before=$(ticks)
	sleep 1
	(($(ticks) - before <= 5))
}
ticks() { awk '{ print $14 + $15 }' "/proc/$APID/stat"; }

# try COMMAND…: $status and $output.
try() {
	status=0
	output=$("$@" 2>&1) || status=$?
}

# tmux_start COMMAND: in a terminal of 90x30; seen TEXT: it shows that.
tmux_start() {
	s="tmux -L tbtest-$$-$((tmux_servers += 1)) -f /dev/null" # the last one may not be gone yet
	$s new-session -d -x 90 -y 30 "env DOCKER_HOST=$DOCKER_HOST DOCKER_CONFIG=$DOCKER_CONFIG $1; echo left \$?; sleep 20"
}
seen() { $s capture-pane -p | grep -qE "$1"; }
