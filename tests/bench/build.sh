# shellcheck shell=bash disable=SC2154,SC2034 # work, us and such are bench.sh's
# A Dockerfile of the common kind upon a Debian of 180 MB, and one of a hundred small RUNs, beside
# docker's own builder (the engine of Debian's docker.io, without BuildKit) and beside buildah. Where
# no engine is to be had, buildah stands for it, with a factor that was measured: docker takes 0.7 of
# its time.

# build_context DIR: 2,000 files of 9 MB.
build_context() {
	local i
	mkdir -p "$1/files"
	for ((i = 0; i < 2000; i++)); do
		((i % 100)) || mkdir "$1/files/$((i / 100))"
		head -c 4600 /dev/urandom >"$1/files/$((i / 100))/$i"
	done
	cat >"$1/Dockerfile" <<-'END'
		FROM localhost/tbbench-base
		ENV A=1
		RUN touch /touched
		RUN dd if=/dev/zero of=/zeros bs=1M count=64 2>/dev/null
		RUN rm /zeros
		COPY files /files
		CMD ["/bin/sh"]
	END
	{
		echo "FROM localhost/tbbench-base"
		for ((i = 0; i < 100; i++)); do echo "RUN echo $i >/f$i"; done
	} >"$1/Hundred"
}

# An engine of docker with a network, a /run and a store of its own; false where it does not come up.
docker_place() {
	make -s O="$O" "$O/engine/dockerd"
	[ -x "$O/engine/dockerd" ] && [ -x "$O/engine/docker" ] || return
	export DOCKER_HOST=unix://$work/docker.sock DOCKER_BUILDKIT=0 DOCKER_CONFIG=$work/docker-config
	mkdir -p "$DOCKER_CONFIG"
	unshare --mount --net --propagation private sh -c 'mount -t tmpfs tmpfs /run && ip link set lo up && exec "$@"' - \
		env PATH="$O/engine:$PATH" dockerd -H "$DOCKER_HOST" --data-root "$work/docker" --exec-root /run/docker \
		--pidfile "$work/docker.pid" --bridge none --iptables=false --ip-forward=false --ip-masq=false \
		--storage-driver overlay2 --cgroup-parent "$group-docker" --exec-opt native.cgroupdriver=cgroupfs \
		--default-ulimit nofile=1024:1024 --default-ulimit nproc=1024:1024 >"$work/docker.log" 2>&1 &
	servers+=($!)
	local n
	for ((n = 0; n < 300; n++)); do
		"$O/engine/docker" version >/dev/null 2>&1 && break
		kill -0 "${servers[-1]}" 2>/dev/null || return
		sleep 0.1
	done
	"$O/engine/docker" import - localhost/tbbench-base <"$O/minbase.tar" >/dev/null 2>&1
}

# What ends with the engine, but for its groups.
docker_end() {
	end_servers
	unset "${!DOCKER_@}"
	find /sys/fs/cgroup -depth -type d -path "*/$group-docker*" -exec rmdir {} + 2>/dev/null || true
	rm -rf "$work"/docker*
}

# beside NAME COMMAND…: our builder and another one in turns: all of it, and then nothing to do.
# With a factor, the peer's time counts so many hundredths.
beside() {
	local name=$1 percent=${factor:-100} target=("${targets[@]}")
	shift
	turns -n 7 dfile-build -q --no-cache --network none "$ctx" :: "$@" --no-cache "$ctx"
	row "dfile-build, no cache | $name" $((us[0] / 1000)) $((us[1] * percent / 100000)) "${target[0]}" ms
	dfile-build -q --network none "$ctx" >/dev/null
	turns -n 11 dfile-build -q --network none "$ctx" :: "$@" "$ctx"
	row "dfile-build, all cached | $name" $((us[0] / 1000)) $((us[1] * percent / 100000)) "${target[1]}" ms
}

buildah_place() {
	local id
	img-save --format oci localhost/tbbench-base >"$work/base.tar"
	id=$("${buildah[@]}" pull -q "oci-archive:$work/base.tar" 2>/dev/null) || return
	"${buildah[@]}" tag "$id" localhost/tbbench-base
	rm "$work/base.tar"
}

bench_build() {
	local ctx=$work/ctx targets=(0.2 0.05) factor=
	local buildah=(buildah --root "$work/peer" --runroot "$work/peer-run" --storage-driver overlay)
	have dfile-build || { skip "dfile-build | docker build" "no $missing"; return; }
	make -s O="$O" "$O/minbase.tar"
	build_context "$ctx"
	img-import localhost/tbbench-base <"$O/minbase.tar" >/dev/null
	turns -n 3 dfile-build -q --no-cache --network none "$ctx"
	row "dfile-build, no cache: peak memory | 16 MB" "${kb[0]}" 16384 1 kB
	turns -n 3 dfile-build -q --no-cache --network none -f "$ctx/Hundred" "$ctx"
	row "dfile-build, 100 small RUNs | 2 s" $((us[0] / 1000)) 2000 1 ms
	if docker_place; then
		beside "docker build" "$O/engine/docker" build -q --network none
		row "dfile-build, all cached | 20 ms" $((us[0] / 1000)) 20 1 ms
		targets=('' '')
	else
		skip "dfile-build | docker build" "no engine: buildah x 0.7 stands for it"
		factor=70
	fi
	docker_end
	if have buildah runc && buildah_place; then
		beside "buildah bud${factor:+ x 0.7}" "${buildah[@]}" bud -q --layers --isolation oci --runtime runc \
			--ulimit nofile=1024:1024 --network none
		"${buildah[@]}" rmi -a -f >/dev/null 2>&1 || true
	else
		skip "dfile-build | buildah bud" "no buildah that takes our image"
	fi
	rm -rf "$ctx" "$work/peer" "$work/peer-run" "$TACKLEBOX_ROOT"
}
