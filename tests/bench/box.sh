# shellcheck shell=bash disable=SC2154,SC2034 # work, us and such are bench.sh's
# Boxes beside podman's containers: started and gone, joined, listed; and what their parents take.

box_image() {
	[ -x "$O/busybox" ] || make -s O="$O" "$O/busybox"
	mkdir -p "$work/box"/{bin,etc,proc,sys,dev,tmp}
	cp "$O/busybox" "$work/box/bin/busybox"
	cp "$O/tests/bench/true" "$work/box/bin/true"
	ln -sf busybox "$work/box/bin/sleep"
	echo root:x:0:0:root:/root:/bin/sh >"$work/box/etc/passwd"
	tar -C "$work/box" --numeric-owner -cf "$work/box.tar" .
	img-import bench <"$work/box.tar" >/dev/null
}

# podman_here WORDS…: its answer, in the place that podman_place made.
podman_here() { nsenter --mount="/proc/$holder/ns/mnt" "${podman[@]}" "$@"; }

# What each parent of a box takes, shared pages divided among those who share them.
pss_of_parents() {
	local pid sum=0 n=0
	for pid in $(pgrep -f "^[^ ]*box-mon .*$work/state"); do
		sum=$((sum + $(awk '/^Pss:/ { print $2 }' "/proc/$pid/smaps_rollup")))
		n=$((n + 1))
	done
	echo $((sum / n))
}

bench_box() {
	have box-run || { skip "box-run | podman run" "no $missing yet"; return; }
	[ "$(id -u)" = 0 ] || { skip "box-run | podman run" "only root can"; return; }
	local limits=(-m 64m --pids-limit 32) none=(--network none) i start
	box_image
	# Its own /run, so a bridge of its own as well.
	export TACKLEBOX_BRIDGE=tbbench0
	local inside=(unshare --net --mount sh -c 'mount -t tmpfs tmpfs /run && ip link set lo up && echo 1 >/proc/sys/net/ipv4/ip_forward && exec "$@"' sh)
	turns -n "$ROUNDS" box-run --rm "${limits[@]}" bench /bin/true :: box-run --rm "${limits[@]}" "${none[@]}" bench /bin/true
	row "box-run --rm: bridge | no network" "${us[0]}" "${us[1]}" '' us
	inside=()
	box-run -d --name joined "${none[@]}" bench sleep 3600 >/dev/null
	if have podman runc; then
		[ -n "$holder" ] || { rm -rf "${work:?}/lib" "${work:?}/libwork"; podman_place; }
		podman+=(--runtime runc)
		podman_here import -q "$work/box.tar" bench >/dev/null
		podman_here run -d --name joined --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 "${none[@]}" bench sleep 3600 >/dev/null
		local peer=("@/proc/$holder/ns/mnt" "${podman[@]}")
		turns -n $((ROUNDS / 2)) box-run --rm "${limits[@]}" "${none[@]}" bench /bin/true :: \
			"${peer[@]}" run --rm --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 "${limits[@]}" "${none[@]}" bench /bin/true
		row "box-run --rm, no network | podman run" "${us[0]}" "${us[1]}" 0.05 us
		turns -n $((ROUNDS / 2)) box-exec joined /bin/true :: "${peer[@]}" exec joined /bin/true
		row "box-exec | podman exec" "${us[0]}" "${us[1]}" 0.1 us
		podman_here rm -f -t 0 joined >/dev/null
	else
		skip "box-run | podman run" "no $missing"
	fi
	for ((i = 0; i < 9; i++)); do box-run -d "${none[@]}" bench sleep 3600 >/dev/null; done
	row "box-mon, of ten: PSS | 300 kB" "$(pss_of_parents)" 300 1 kB
	for ((i = 0; i < 90; i++)); do box-create bench /bin/true >/dev/null; done
	turns -n "$ROUNDS" box-ps -a :: "$O/tests/bench/true"
	row "box-ps -a of 100 | 5 ms" "${us[0]}" 5000 1 us
	box-ps -aq | xargs box-rm -f >/dev/null
	start=$(date +%s%N)
	seq 100 | xargs -P 4 -I{} box-run --rm "${limits[@]}" "${none[@]}" bench /bin/true
	row "100 boxes, four at a time | 1 s" $((($(date +%s%N) - start) / 1000000)) 1000 1 ms
	end_servers
}
