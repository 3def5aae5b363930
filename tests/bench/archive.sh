# shellcheck shell=bash disable=SC2154 # work, us and such are bench.sh's
# Archives of images: saved and loaded beside cat; and squashing the talk's image (a base, 128 MB of
# zeros, their removal, one more file) beside the same by hand, extracted and packed again.

# talk_image FILE: saved, as docker save writes it.
talk_image() {
	local dir=$work/talk
	mkdir "$dir"
	make -s O="$O" "$O/minbase.tar"
	img-import base <"$O/minbase.tar" >/dev/null
	head -c 128M /dev/zero >"$dir/zeros" && tar -C "$dir" -c zeros | img-commit -p base one >/dev/null
	mv "$dir/zeros" "$dir/.wh.zeros" && : >"$dir/.wh.zeros"
	tar -C "$dir" -c .wh.zeros | img-commit -p one two >/dev/null
	mv "$dir/.wh.zeros" "$dir/touched"
	tar -C "$dir" -c touched | img-commit -p two three >/dev/null
	img-save --format docker-old -o "$1" three
	rm -r "$dir" "$TACKLEBOX_ROOT"
}

# by_hand FILE: the layers above the first, unpacked one after the other, are packed as one.
by_hand() {
	cat >"$work/by_hand" <<-'END'
		set -eu
		rm -rf in out && mkdir in out
		tar -x -C in -f "$1"
		for l in $(jq -r '.[0].Layers[1:][]' in/manifest.json); do
			tar -x -C out -f "in/$l"
			find out -name '.wh.*' | while read -r w; do
				rm -rf "${w%/*}/${w##*/.wh.}" "$w"
			done
		done
		tar -C out -cf in/new.tar .
		sum=$(sha256sum <in/new.tar | cut -d' ' -f1)
		config=$(jq -r '.[0].Config' in/manifest.json)
		first=$(jq -r '.[0].Layers[0]' in/manifest.json)
		jq -c --arg s "sha256:$sum" '.rootfs.diff_ids |= [.[0], $s] | .history = []' "in/$config" >in/c.json
		jq -c --arg l "$first" '[{Config: "c.json", RepoTags: null, Layers: [$l, "new.tar"]}]' in/manifest.json >in/m.json
		tar -C in -c --transform s/^m.json$/manifest.json/ m.json c.json "$first" new.tar
	END
}

save_and_load() {
	local tar=$work/base.tar megabytes
	make -s O="$O" "$O/minbase.tar"
	megabytes=$(($(stat -c %s "$O/minbase.tar") / 1000000))
	img-import base <"$O/minbase.tar" >/dev/null
	turns -n 9 img-save -o "$tar" base ++ rm "$tar" :: cp "$O/minbase.tar" "$tar" ++ rm "$tar"
	row "img-save | cp of as much: MB a second" $((megabytes * 1000000 / us[0])) $((megabytes * 1000000 / us[1])) '>=0.7' MB
	img-save -o "$tar" base
	turns -n 9 img-load -i "$tar" ++ rm -rf "$work/state" :: cp "$tar" "$work/copy" ++ rm "$work/copy"
	row "img-load | cp of as much: MB a second" $((megabytes * 1000000 / us[0])) $((megabytes * 1000000 / us[1])) '>=0.7' MB
	# What it does besides: each file of the layer is there afterwards, and all was hashed.
	turns -n 9 img-load -i "$tar" ++ rm -rf "$work/state" :: cp "$tar" "$work/copy" + sha256sum "$tar" + \
		sh -c 'mkdir "$0" && tar -x -C "$0" -f "$1"' "$work/tree" "$O/minbase.tar" ++ rm -rf "$work/copy" "$work/tree"
	row "img-load | cp, sha256sum and tar -x" $((us[0] / 1000)) $((us[1] / 1000)) 1 ms
	row "img-load: peak memory | 16 MB" "${kb[0]}" 16384 1 kB
	rm -rf "$tar" "$TACKLEBOX_ROOT"
}

bench_archive() {
	local tar=$work/talk.tar megabytes
	have squash img-import img-commit img-save || { skip "squash | extract and pack again" "no $missing yet"; return; }
	save_and_load
	talk_image "$tar"
	by_hand
	megabytes=$(($(stat -c %s "$tar") / 1000000))
	turns -n 9 sh -c 'squash -q <"$0" | cat' "$tar" :: sh -c 'cd "$0" && sh by_hand "$1" | cat' "$work" "$tar"
	row "squash, $megabytes MB | extract and pack again" $((us[0] / 1000)) $((us[1] / 1000)) 0.2 ms
	turns -n 9 sh -c 'squash -q <"$0" | cat' "$tar" :: sh -c 'cat <"$0" | cat' "$tar"
	row "squash | cat: as much in a second" $((megabytes * 1000000 / us[0])) $((megabytes * 1000000 / us[1])) '>=0.59' MB
	turns -n 3 "<$tar" squash -q
	row "squash: peak memory | 8 MB" "${kb[0]}" 8192 1 kB
	rm -rf "$tar" "$work/in" "$work/out" "$work/by_hand"
}
