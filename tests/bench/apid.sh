# shellcheck shell=bash disable=SC2154,SC2034 # work, us and such are bench.sh's
# The API: what apid takes, and how quickly it answers.

apid_ask() { python3 tests/bench/apid.py "$TACKLEBOX_RUN/apid.sock" "$@"; }
pss() { awk '/^Pss:/ { print $2 }' "/proc/$1/smaps_rollup"; }

bench_apid() {
	have apid || { skip "apid" "no $missing yet"; return; }
	[ "$(id -u)" = 0 ] || { skip "apid" "only root can"; return; }
	have python3 wrk || { skip "apid" "no $missing"; return; }
	local pid i port=2399
	box_image
	apid -H "unix://$TACKLEBOX_RUN/apid.sock" -H "tcp://127.0.0.1:$port" >/dev/null &
	pid=$!
	servers+=("$pid")
	wait_for apid_ask bytes /_ping >/dev/null
	row "apid, idle: PSS | 4.5 MB" "$(pss "$pid")" 4608 1 kB
	for ((i = 0; i < 20; i++)); do box-run --network none bench /bin/true >/dev/null; done
	row "apid, a list of 20: a second | 12,000" "$(wrk -t2 -c8 -d5 "http://127.0.0.1:$port/containers/json?all=1" |
		awk '/^Requests\/sec/ { print int($2) }')" 12000 '>=1' /s
	box-ps -aq | xargs box-rm -f >/dev/null
	row "apid, create to delete: a second | 50" "$(apid_ask cycles 1 100)" 50 '>=1' /s
	row "apid, eight at a time: a second | 100" "$(apid_ask cycles 8 200)" 100 '>=1' /s
	row "apid after that: PSS | 4.5 MB" "$(pss "$pid")" 4608 1 kB
	box-run --name big --network none bench /bin/busybox dd if=/dev/zero of=/big bs=1M count=200 2>/dev/null
	row "apid, 200 MB of archive: a second | 500 MB" "$(apid_ask bytes '/containers/big/archive?path=/big')" 500 '>=1' MB
	box-rm big >/dev/null
	end_servers
}
