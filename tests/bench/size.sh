# shellcheck shell=bash disable=SC2154 # work, us and such are bench.sh's
# What the programs take on disk, installed and stripped.

bench_size() {
	local bytes
	make -s install O="$O" DESTDIR="$work/installed" PREFIX= >/dev/null
	bytes=$(cd "$work/installed/bin" && stat -c %s cg-* ns-* ufs-* img-{import,layers,ls,config} tb-* \
		seccomp-bpf oci-args 2>/dev/null | awk '{ n += $1 } END { print n }')
	row "the tools from image to container | 0.6 MB" $((bytes / 1000)) 600 1 kB
	bytes=$(stat -c %s "$work"/installed/bin/* | awk '{ n += $1 } END { print n }')
	row "all tools | 3 MB" $((bytes / 1000)) 3000 1 kB
}
