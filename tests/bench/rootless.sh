# shellcheck shell=bash disable=SC2154,SC2034 # work, us and such are bench.sh's
# Boxes on networks, and boxes of an ordinary user, beside what the issue of them promises and podman.

# Milliseconds until a box's name is answered with its new address: it is taken out of a network and
# put in again at another one, while somebody asks without a pause.
name_moves() {
	local start
	net-disconnect tbb-net named
	start=$(date +%s%N)
	net-connect --ip "$1" tbb-net named
	until box-exec asking nslookup named 2>/dev/null | grep -q "Address:* *$1\$"; do :; done
	echo $((($(date +%s%N) - start) / 1000000))
}

bench_nets() {
	have box-run nft || { skip "net-connect" "no $missing"; return; }
	local i start times=()
	net-create --subnet 10.97.5.0/24 tbb-net >/dev/null
	box-run -d --name named --network tbb-net bench sleep 3600 >/dev/null
	box-run -d --name asking --network tbb-net bench sleep 3600 >/dev/null
	box-run -d --name other --network none bench sleep 3600 >/dev/null
	box-rm -f other >/dev/null
	box-run -d --name other bench sleep 3600 >/dev/null
	for ((i = 0; i < 11; i++)); do
		start=$(date +%s%N)
		net-connect tbb-net other
		times+=("$((($(date +%s%N) - start) / 1000))")
		net-disconnect tbb-net other
	done
	row "net-connect | 20 ms" "$(printf '%s\n' "${times[@]}" | sort -n | sed -n 6p)" 20000 1 us
	row "a name moved, until box-exec nslookup says so | 50 ms" "$(for i in 21 22 23 24 25; do name_moves 10.97.5.$i; done | sort -n | sed -n 3p)" 50 1 ms
	for ((i = 0; i < 47; i++)); do box-run -d --network none bench sleep 3600 >/dev/null; done
	turns -n 10 box-stats --no-stream :: "$O/tests/bench/true"
	row "box-stats --no-stream of 50 | 20 ms" "${us[0]}" 20000 1 us
	box-ps -aq | xargs box-rm -f >/dev/null
	net-rm tbb-net >/dev/null
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
		turns -n 10 "$O/bin/box-run" --rm --network none bench /bin/true :: "${pod[@]}" run --rm "${ulimits[@]}" --network none bench /bin/true
		row "user: box-run --rm, no network | podman run" "${us[0]}" "${us[1]}" 0.1 us
		"${inside[@]}" podman unshare rm -rf "$work/user/pod" "$work/user/podrun" "$work/user/podtmp"
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
