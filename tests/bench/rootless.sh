# shellcheck shell=bash disable=SC2154,SC2034 # work, us and such are bench.sh's
# Boxes on networks, and boxes of an ordinary user, beside podman's.

# What it takes until a new name of a box is answered, from the start of the command that gives it; and
# whether somebody who asks without pause is always answered while others come and go.
bench_names() {
	local i server ip steady times=() asks
	have python3 || { skip "a changed name is answered right" "no $missing"; return; }
	server=$(net-inspect tbb-net | jq -r .IPAM.Config[0].Gateway)
	box-run -d --name name-0 --network tbb-net bench sleep 3600 >/dev/null
	# It is a box that asks.
	box-run -d --name asks --network tbb-net bench sleep 3600 >/dev/null
	asks=(nsenter --net="/proc/$(box-inspect asks | jq .State.Pid)/ns/net" python3 tests/dns.py)
	ip=$(box-inspect name-0 | jq -r '.NetworkSettings.Networks["tbb-net"].IPAddress')
	for ((i = 0; i < 11; i++)); do
		times+=("$("${asks[@]}" changed "$server" name-$((i + 1)) "0 $ip" box-rename name-$i name-$((i + 1)))")
	done
	row "a changed name is answered right | 50 ms" "$(middle "${times[@]}")" 50000 1 us
	"${asks[@]}" steady "$server" name-11 "0 $ip" "$work/end" >"$work/steady" &
	steady=$!
	seq 20 | xargs -P 5 -I{} box-run --rm --network tbb-net bench /bin/true
	touch "$work/end"
	wait "$steady"
	fact "questions lost while 20 boxes come and go" "$(awk '{ print $4 + $6 + $8 }' "$work/steady")" 0
	row "net-resolve: PSS | 1 MB" "$(awk '/^Pss:/ { print $2 }' "/proc/$(pgrep -f "net-resolve $work/run")/smaps_rollup")" 1000 1 kB
	turns -n "$ROUNDS" box-run --rm --network tbb-net bench /bin/true :: box-run --rm --network none bench /bin/true
	row "box-run --rm: network with names | no network" "${us[0]}" "${us[1]}" '' us
}

bench_nets() {
	have box-run nft jq || { skip "net-connect" "no $missing"; return; }
	local i start times=()
	net-create --subnet 10.97.5.0/24 tbb-net >/dev/null
	net-create --internal tbb-first >/dev/null
	bench_names
	box-run -d --name other --network tbb-first bench sleep 3600 >/dev/null
	for ((i = 0; i < 11; i++)); do
		start=$(date +%s%N)
		net-connect tbb-net other
		times+=("$((($(date +%s%N) - start) / 1000))")
		net-disconnect tbb-net other
	done
	row "net-connect | 20 ms" "$(middle "${times[@]}")" 20000 1 us
	for ((i = 0; i < 48; i++)); do box-run -d --network none bench sleep 3600 >/dev/null; done
	turns -n 10 box-stats --no-stream :: "$O/tests/bench/true"
	# It looks twice, and waits a second between.
	row "box-stats of 50, a round | 20 ms" $(((us[0] - 1000000) / 2)) 20000 1 us
	box-ps -aq | xargs box-rm -f >/dev/null
	net-rm tbb-net tbb-first >/dev/null
}

# As nobody, with ids of its own and a /dev/net/tun for all, in mounts of its own.
user_place() {
	mkdir -p "$work/user/run" "$work/dev"
	chmod 0711 "$work"
	chown -R nobody:nogroup "$work/user"
	echo nobody:500000:65536 >"$work/subid"
	unshare --mount --propagation private sh -ec '
		mount --bind "$1/subid" /etc/subuid && mount --bind "$1/subid" /etc/subgid
		mount -t tmpfs tmpfs "$1/dev" && mknod -m 666 "$1/dev/tun" c 10 200
		mount --bind "$1/dev/tun" /dev/net/tun
		echo >"$1/ready" && exec sleep 3600' - "$work" &
	servers+=($!)
	wait_for test -s "$work/ready"
	inside=(nsenter --target $! --mount -- env -u TACKLEBOX_ROOT -u TACKLEBOX_RUN HOME="$work/user"
		XDG_RUNTIME_DIR="$work/user/run" setpriv --reuid nobody --regid nogroup --clear-groups)
}

bench_rootless() {
	[ "$(id -u)" = 0 ] || { skip "box-run of a user" "only root can"; return; }
	have box-run newuidmap pasta || { skip "box-run of a user" "no $missing"; return; }
	box_image
	bench_nets
	user_place
	"${inside[@]}" "$O/bin/img-import" bench <"$work/box.tar" >/dev/null
	if have podman runc; then
		local ulimits=(--ulimit nofile=1024:1024 --ulimit nproc=1024:1024)
		local pod=(podman --runtime runc --root "$work/user/pod" --runroot "$work/user/podrun"
			--tmpdir "$work/user/podtmp" --cgroup-manager cgroupfs --events-backend none)
		"${inside[@]}" "${pod[@]}" import -q "$work/box.tar" bench >/dev/null 2>&1
		turns -n 10 "$O/bin/box-run" --rm bench /bin/true :: "${pod[@]}" run --rm "${ulimits[@]}" --network slirp4netns bench /bin/true
		row "user: box-run --rm, pasta | podman run, slirp4netns" "${us[0]}" "${us[1]}" 0.1 us
		turns -n 10 env TACKLEBOX_LINGER=0s "$O/bin/box-run" --rm bench /bin/true :: "${pod[@]}" run --rm "${ulimits[@]}" --network slirp4netns bench /bin/true
		row "user: the same, with nothing of a former box to use | podman run, slirp4netns" "${us[0]}" "${us[1]}" 0.1 us
		turns -n 10 "$O/bin/box-run" --rm --network none bench /bin/true :: "${pod[@]}" run --rm "${ulimits[@]}" --network none bench /bin/true
		row "user: box-run --rm, no network | podman run" "${us[0]}" "${us[1]}" 0.1 us
		"${inside[@]}" podman unshare rm -rf "$work/user/pod" "$work/user/podrun" "$work/user/podtmp" 2>/dev/null
	else
		skip "user: box-run | podman run" "no $missing"
	fi
	"${inside[@]}" "$O/bin/box-run" -d --name stays bench sleep 3600 >/dev/null
	turns -n 10 "$O/bin/box-run" --rm bench /bin/true :: "$O/tests/bench/true"
	row "user: box-run --rm, pasta, while another box runs | 50 ms" "${us[0]}" 50000 1 us
	"${inside[@]}" "$O/bin/box-rm" -f stays >/dev/null
	inside=()
	end_servers
}
