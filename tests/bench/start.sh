# shellcheck shell=bash disable=SC2154 # work, us and such are bench.sh's
# What it costs to start: programs at all, and a container.

bench_start() {
	local tool tools
	mapfile -t tools < <(cd "$O/bin" && ls -d cg-* ns-* ufs-mount 2>/dev/null)
	for tool in "${tools[@]}"; do
		turns -n $((ROUNDS * 5)) "$tool" --version :: "$O/tests/bench/empty"
		row "$tool: start | an empty C program" "${us[0]}" "${us[1]}" 1.2 us
	done

	local root=$work/plain
	mkdir -p "$root"/{bin,proc,dev,sys}
	cp "$O/tests/bench/true" "$root/bin/true"
	have ns-exec || { skip "ns-exec" "not there yet"; return; }
	local ours=(ns-exec --pid --net --mount --uts --ipc --root "$root")
	local bare=("${ours[@]}" --no-dev --no-sys --no-masks --cap-add ALL --seccomp none)
	turns -n "$ROUNDS" "${bare[@]}" -- /bin/true :: "$O/tests/bench/floor" "$root" /bin/true
	row "ns-exec: root and /proc | the ten calls" "${us[0]}" "${us[1]}" 1.15 us
	have bwrap || { skip "ns-exec | bwrap" "no bwrap"; return; }
	local bwrap=(bwrap --unshare-pid --unshare-net --unshare-ipc --unshare-uts --bind "$root" /)
	turns -n "$ROUNDS" "${bare[@]}" -- /bin/true :: "${bwrap[@]}" --proc /proc /bin/true
	row "ns-exec: root and /proc | bwrap" "${us[0]}" "${us[1]}" 0.6 us
	turns -n "$ROUNDS" "${ours[@]}" --no-dev --no-sys --no-masks --seccomp default -- /bin/true :: \
		"${bwrap[@]}" --proc /proc /bin/true :: "${bare[@]}" -- /bin/true
	row "ns-exec: + seccomp, capabilities | bwrap bare" "${us[0]}" "${us[1]}" 0.6 us
	row "ns-exec: + seccomp, capabilities | itself bare" "${us[0]}" "${us[2]}" '' us
	turns -n "$ROUNDS" "${ours[@]}" -- /bin/true :: \
		"${bwrap[@]}" --proc /proc --dev /dev --dir /sys --ro-bind /sys /sys /bin/true
	row "ns-exec: all of --root | bwrap --proc --dev, /sys" "${us[0]}" "${us[1]}" '' us
}
