# shellcheck shell=bash disable=SC2154,SC2034 # work, us and such are bench.sh's
# The API: what apid takes, and how quickly it answers. Its peer is podman's service of the same API:
# dockerd takes the whole machine for itself, and a measurement should not.

apid_ask() { python3 tests/bench/apid.py "$TACKLEBOX_RUN/apid.sock" "$@"; }
peer_ask() { IMAGE=localhost/bench python3 tests/bench/apid.py "$work/peer.sock" "$@"; }
pss() { awk '/^Pss:/ { print $2 }' "/proc/$1/smaps_rollup"; }

apid_start() {
	apid -H "unix://$TACKLEBOX_RUN/apid.sock" -H "tcp://127.0.0.1:$port" >/dev/null &
	pid=$!
	servers+=("$pid")
	wait_for apid_ask bytes /_ping >/dev/null
}

# Podman's service, in the place that podman_place makes; its process in `peer`.
peer_start() {
	[ -n "$holder" ] || { rm -rf "${work:?}/lib" "${work:?}/libwork"; podman_place; }
	podman+=(--runtime runc)
	podman_here import -q "$work/box.tar" bench >/dev/null
	nsenter --mount="/proc/$holder/ns/mnt" "${podman[@]}" system service --time=0 "unix://$work/peer.sock" &
	peer=$!
	servers+=("$peer")
	wait_for peer_ask bytes /_ping >/dev/null
}

apid_beside_peer() {
	local i limits=(--ulimit 'nofile=1024:1024' --ulimit 'nproc=1024:1024') docker=docker
	peer_start
	row "apid, idle: PSS | podman service" "$(pss "$pid")" "$(pss "$peer")" 0.2 kB
	for ((i = 0; i < 20; i++)); do
		box-run --network none bench /bin/true >/dev/null
		podman_here create "${limits[@]}" --network none bench /bin/true >/dev/null
	done
	row "lists of 20 a second | podman service" "$(apid_ask list 3)" "$(peer_ask list 3)" '>=10' ''
	row "create to delete a second | podman service" "$(apid_ask cycles 1 60)" "$(peer_ask cycles 1 10)" '>=15' ''
	row "the same, eight at a time" "$(apid_ask cycles 8 160)" "$(peer_ask cycles 8 24)" '>=15' ''
	[ ! -x "$O/client/docker" ] || docker=$O/client/docker
	if have "$docker"; then
		turns -n $((ROUNDS / 4)) \
			"$docker" -H "unix://$TACKLEBOX_RUN/apid.sock" run --rm --network none bench /bin/true :: \
			"$docker" -H "unix://$work/peer.sock" run --rm "${limits[@]}" --network none localhost/bench /bin/true
		row "docker run --rm, apid | podman service" "${us[0]}" "${us[1]}" 0.125 us
	else
		skip "docker run" "no $missing"
	fi
	podman_here rm -fa -t 0 >/dev/null
	box-ps -aq | xargs box-rm -f >/dev/null
}

# 200 MB each way that they can come.
apid_streams() {
	yes "$(seq -s ' ' 1 30)" 2>/dev/null | head -c 200000000 >"$work/lines" || true
	box-run --name big --network none bench /bin/busybox dd if=/dev/zero of=/big bs=1M count=200 2>/dev/null
	box-run --name talk --network none -v "$work/lines:/lines:ro" bench /bin/busybox cat /lines >/dev/null
	row "apid, 200 MB of archive: a second | 500 MB" "$(apid_ask bytes '/containers/big/archive?path=/big')" 500 '>=1' MB
	row "apid, 200 MB of logs: a second | 500 MB" "$(apid_ask bytes '/containers/talk/logs?stdout=1')" 500 '>=1' MB
	row "apid, 200 MB to who is attached | 500 MB" "$(apid_ask attach "$work/lines")" 500 '>=1' MB
	box-rm big talk >/dev/null
	rm "$work/lines"
}

bench_apid() {
	have apid || { skip "apid" "no $missing yet"; return; }
	[ "$(id -u)" = 0 ] || { skip "apid" "only root can"; return; }
	have python3 wrk || { skip "apid" "no $missing"; return; }
	local pid peer i port=2399
	box_image
	apid_start
	row "apid, idle: PSS | 4.5 MB" "$(pss "$pid")" 4608 1 kB
	for ((i = 0; i < 20; i++)); do box-run --network none bench /bin/true >/dev/null; done
	row "apid, a list of 20: a second | 12,000" "$(wrk -t2 -c8 -d5 "http://127.0.0.1:$port/containers/json?all=1" |
		awk '/^Requests\/sec/ { print int($2) }')" 12000 '>=1' /s
	box-ps -aq | xargs box-rm -f >/dev/null
	row "apid, create to delete: a second | 50" "$(apid_ask cycles 1 100)" 50 '>=1' /s
	row "apid, eight at a time: a second | 100" "$(apid_ask cycles 8 200)" 100 '>=1' /s
	row "apid after that: PSS | 4.5 MB" "$(pss "$pid")" 4608 1 kB
	apid_streams
	if have podman runc; then apid_beside_peer; else skip "podman service" "no $missing"; fi
	end_servers
}
