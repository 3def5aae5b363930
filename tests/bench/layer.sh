# shellcheck shell=bash disable=SC2154 # work, us and such are bench.sh's
# Unpacking a layer: a minimal Debian, beside tar.

bench_layer() {
	have ufs-apply || { skip "ufs-apply | tar x" "not there yet"; return; }
	local tar=$work/layer.tar
	make -s O="$O" "$O/minbase.tar"
	cp "$O/minbase.tar" "$tar"
	# Taking away what the turn before unpacked is no part of what is measured: each unpacks
	# into a place of its own, emptied between.
	local n ours=() peer=() start
	for ((n = 0; n < 9; n++)); do
		rm -rf "$work/a" "$work/b"
		mkdir "$work/a" "$work/b"
		start=${EPOCHREALTIME/./}
		ufs-apply "$work/a" <"$tar"
		ours+=($((${EPOCHREALTIME/./} - start)))
		start=${EPOCHREALTIME/./}
		tar -C "$work/b" -xpf "$tar" --numeric-owner
		peer+=($((${EPOCHREALTIME/./} - start)))
	done
	rm -rf "$work/a" "$work/b" "$tar"
	row "ufs-apply: Debian minbase | tar x" "$(median "${ours[@]}")" "$(median "${peer[@]}")" 1.1 ms
}

# The median of microseconds, in milliseconds.
median() {
	printf '%s\n' "$@" | sort -n | awk '{ v[NR] = $1 } END { printf "%.0f", v[int((NR + 1) / 2)] / 1000 }'
}
