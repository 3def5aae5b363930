# shellcheck shell=bash disable=SC2154 # work, us and such are bench.sh's
# An image out of a registry into an empty store, beside podman: a minimal Debian as one layer, the
# same in four, and nine with what layers have besides (whiteouts, links, zeros, many small files).

# split DIR: the tree into four layers, 1.tar … 4.tar, of about a size.
split_layers() {
	local tar=(tar -C "$1" --numeric-owner -cf)
	"${tar[@]}" "$work/layers/1.tar" usr/lib
	"${tar[@]}" "$work/layers/2.tar" usr/share
	"${tar[@]}" "$work/layers/3.tar" --exclude=usr/lib --exclude=usr/share usr
	"${tar[@]}" "$work/layers/4.tar" --exclude=./usr .
}

# more_layers DIR: five that lie on these, 5.tar … 9.tar; DIR is emptied.
more_layers() {
	local n make=(
		'head -c 32M /dev/urandom >random'
		'head -c 128M /dev/zero >zeros'
		'mkdir many && cd many && seq 20000 | split -l 1 -a 4'
		'mkdir -p usr etc && touch usr/.wh.games etc/.wh.motd'
		'seq 100000 >one && ln one two && ln -s one three'
	)
	for ((n = 0; n < 5; n++)); do
		rm -rf "$1" && mkdir "$1"
		(cd "$1" && sh -ec "${make[n]}")
		tar -C "$1" --numeric-owner -cf "$work/layers/$((n + 5)).tar" .
	done
}

# push_image NAME TAR…: an image of these layers; skopeo compresses them.
push_image() {
	local name=$1 dir=$work/archive tar ids=()
	shift
	mkdir "$dir"
	for tar; do
		ids+=("sha256:$(sha256sum <"$tar" | cut -d' ' -f1)")
	done
	jq -n '{architecture: $arch, os: "linux", config: {Cmd: ["sh"]}, rootfs: {type: "layers",
		diff_ids: $ARGS.positional}, history: [$ARGS.positional[] | {created_by: "bench"}]}' \
		--arg arch "$(dpkg --print-architecture)" --args "${ids[@]}" >"$dir/config.json"
	jq -n '[{Config: "config.json", RepoTags: ["bench:1"], Layers: $ARGS.positional}]' \
		--args "${@##*/}" >"$dir/manifest.json"
	tar -cf "$work/$name.tar" -C "$dir" manifest.json config.json -C "${1%/*}" "${@##*/}"
	skopeo --tmpdir "$work" copy -q --dest-tls-verify=false "docker-archive:$work/$name.tar" \
		"docker://$REGISTRY/$name:1"
	rm -r "$dir" "$work/$name.tar"
}

push_images() {
	make -s O="$O" "$O/minbase.tar"
	mkdir "$work/layers" "$work/tree"
	push_image deb1 "$O/minbase.tar"
	tar -C "$work/tree" -xpf "$O/minbase.tar" --numeric-owner
	split_layers "$work/tree"
	push_image deb4 "$work"/layers/[1-4].tar
	more_layers "$work/tree"
	push_image deb9 "$work"/layers/[1-9].tar
	rm -rf "$work/layers" "$work/tree"
}

# A place for podman where nothing stays behind: its own /run, and what it writes below /var/lib
# goes to the side. Mounts of its storage end with the namespace.
podman_place() {
	mkdir "$work/lib" "$work/libwork"
	unshare --mount --propagation private sh -c \
		'mount -t tmpfs tmpfs /run && mount -t overlay overlay -o "lowerdir=/var/lib,upperdir=$0/lib,workdir=$0/libwork" /var/lib &&
		echo >"$0/ready" && exec sleep 3600' "$work" &
	holder=$!
	wait_for test -s "$work/ready"
	rm "$work/ready"
	printf '%s\n' '[engine]' 'lock_type = "file"' >"$work/containers.conf"
	export CONTAINERS_CONF=$work/containers.conf HOME=$work/home
	podman=(podman --root "$work/podman" --runroot /run/bench --tmpdir /run/bench-tmp --storage-driver overlay
		--cgroup-manager cgroupfs --events-backend none)
}

bench_pull() {
	have img-pull || { skip "img-pull | podman pull" "no $missing yet"; return; }
	have docker-registry skopeo podman || { skip "img-pull | podman pull" "no $missing"; return; }
	[ "$(id -u)" = 0 ] || { skip "img-pull | podman pull" "only root can"; return; }
	local image podman no_proxy=127.0.0.1 rounds=5 layers
	export no_proxy
	registry_start "$work/registry"
	servers+=("$REGISTRY_PID")
	push_images
	podman_place
	for layers in 1 4 9; do
		image=$REGISTRY/deb$layers:1
		turns -n $rounds img-pull -q "$image" ++ rm -rf "$work/state" :: \
			"@/proc/$holder/ns/mnt" "${podman[@]}" pull -q --tls-verify=false "$image" ++ \
			sh -c 'umount "$0/overlay" 2>/dev/null; rm -rf "$0"' "$work/podman"
		row "img-pull, $layers layers | podman pull" $((us[0] / 1000)) $((us[1] / 1000)) 0.35 ms
		row "img-pull, $layers layers: peak memory | 16 MB" "${kb[0]}" 16384 1 kB
		rounds=3
	done
	end_servers
}
