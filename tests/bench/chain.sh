# shellcheck shell=bash disable=SC2154 # work, us and such are bench.sh's
# The whole of a container's life: group, union mount, start, end, and nothing left.

# bundle DIR: an OCI bundle of the same root and the same limits, without resource limits of the
# process (a host may not allow to raise them).
bundle() {
	mkdir -p "$1/rootfs"
	cp -a "$work/plain/." "$1/rootfs/"
	(cd "$1" && "$2" spec)
	jq '.process.terminal = false | .process.args = ["/bin/true"] | del(.process.rlimits)
		| .root.readonly = false
		| .linux.resources = {memory: {limit: 67108864}, pids: {limit: 32}}' \
		"$1/config.json" >"$1/new.json"
	mv "$1/new.json" "$1/config.json"
}

# A mount namespace in which there is one kind of cgroup only: crun of Debian 12 refuses the hybrid
# of both. Its name is in $pure; "@$pure" before a command makes turns run it there.
pure_cgroups() {
	unshare --mount --propagation private sh -c \
		'umount /sys/fs/cgroup/unified 2>/dev/null; echo; exec sleep 3600' >"$work/ready" &
	holder=$!
	until [ -s "$work/ready" ]; do sleep 0.05; done
	pure=/proc/$holder/ns/mnt
}

bench_chain() {
	have cg-create cg-exec cg-rm ufs-mount ns-exec || { skip chain "no $missing yet"; return; }
	local root=$work/plain merged=$work/root
	[ -d "$root" ] || {
		mkdir -p "$root"/{bin,proc,dev,sys}
		cp "$O/tests/bench/true" "$root/bin/true"
	}
	mkdir -p "$work/upper" "$work/wk" "$merged"
	local up=(cg-create -m 64M -p 32 "$group" + ufs-mount -u "$work/upper" -w "$work/wk" "$merged" "$root" +
		cg-exec "$group" --)
	local down=(+ ufs-mount --umount "$merged" + cg-rm "$group")
	local plain=(ns-exec --pid --net --mount --uts --ipc --root "$merged" -- /bin/true)
	local peer target pure
	pure_cgroups
	for peer in crun runc; do
		have $peer || { skip "the chain | $peer run" "no $peer"; continue; }
		target=0.4
		[ $peer = crun ] || target=0.15
		bundle "$work/$peer" $peer
		turns -n "$ROUNDS" "${up[@]}" "${plain[@]}" "${down[@]}" :: \
			"@$pure" $peer run --bundle "$work/$peer" "$group"
		row "the chain of five tools | $peer run" "${us[0]}" "${us[1]}" $target us
	done
	kill $holder
	holder=
	# The first join of a group after a spell of idleness waits for the kernel, on most of them.
	cg-create -p 32 "$group" >/dev/null
	turns -p -n 20 cg-exec "$group" -- "$O/tests/bench/true" :: "$O/tests/bench/true"
	row "cg-exec after 100 ms idle | no group" "${us[0]}" "${us[1]}" '' us
	cg-rm "$group"
}
