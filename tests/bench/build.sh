# shellcheck shell=bash disable=SC2154 # work, us and such are bench.sh's
# A Dockerfile of the common kind upon a Debian of 180 MB, and one of a hundred small RUNs, beside
# buildah. No engine of docker runs here, so what is said of `docker build` is said of buildah with a
# factor: buildah takes 1/0.7 of its time.

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

bench_build() {
	local ctx=$work/ctx peer=(buildah --root "$work/peer" --runroot "$work/peer-run" --storage-driver overlay)
	local bud=("${peer[@]}" bud -q --layers --isolation oci --runtime runc --ulimit nofile=1024:1024)
	have dfile-build buildah || { skip "dfile-build | buildah bud" "no $missing"; return; }
	make -s O="$O" "$O/minbase.tar"
	build_context "$ctx"
	img-import localhost/tbbench-base <"$O/minbase.tar" >/dev/null
	img-save --format oci localhost/tbbench-base >"$work/base.tar" 2>/dev/null || img-save localhost/tbbench-base >"$work/base.tar"
	"${peer[@]}" pull -q "oci-archive:$work/base.tar" >"$work/peer-id" 2>/dev/null ||
		"${peer[@]}" pull -q "docker-archive:$work/base.tar" >"$work/peer-id" || { skip "dfile-build | buildah bud" "buildah cannot read the base"; return; }
	"${peer[@]}" tag "$(tail -1 "$work/peer-id")" localhost/tbbench-base
	turns -n 5 dfile-build -q --no-cache --network none "$ctx" :: "${bud[@]}" --no-cache --network none "$ctx"
	row "build, all of it | docker build (buildah x 0.7)" $((us[0] / 1000)) $((us[1] * 7 / 10000)) 0.2 ms
	row "build: peak memory | 16 MB" "${kb[0]}" 16384 1 kB
	dfile-build -q --network none "$ctx" >/dev/null
	turns -n 9 dfile-build -q --network none "$ctx" :: "${bud[@]}" --network none "$ctx"
	row "build, nothing to do | docker build" $((us[0] / 1000)) $((us[1] * 7 / 10000)) 0.05 ms
	row "build, nothing to do | 20 ms" $((us[0] / 1000)) 20 1 ms
	turns -n 3 dfile-build -q --no-cache --network none -f "$ctx/Hundred" "$ctx"
	row "build of 100 small RUNs | 2 s" $((us[0] / 1000)) 2000 1 ms
	"${peer[@]}" rmi -a -f >/dev/null 2>&1 || true
	rm -rf "$ctx" "$work/base.tar" "$work/peer" "$work/peer-run" "$TACKLEBOX_ROOT"
}
