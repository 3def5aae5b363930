#!/usr/bin/env bats
# bats file_tags=image
# shellcheck disable=SC2030,SC2031 # each test is a subshell of its own, as is meant
# img-tree, img-history, img-inspect, and the filters of img-ls.
load helpers
load lib/layers
load lib/images

setup_file() { tb_setup_file; }
teardown_file() { tb_teardown_file; }
setup() {
	tb_setup
	images_setup
}
teardown() { tb_teardown; }

# branches: the image app:1 of four layers, and base:1 of the first of them alone.
branches() {
	id=$(layered app:1)
	img-load -i "$T/layered.tar" >/dev/null
	small_tar "$T/a.tar"
	base=$(SOURCE_DATE_EPOCH=1600000000 img-import -l team=web -l x=y base:1 <"$T/a.tar")
	mapfile -t diff < <(img-config app:1 | jq -r '.rootfs.diff_ids[][7:19]')
}

@test "img-tree: a trunk that two images share, a layer twice, sizes, names; as text, JSON and dot" {
	branches
	small_tar "$T/b.tar" other
	img-import other <"$T/b.tar" >/dev/null
	img-tag base:1 user/b:2 >/dev/null
	run -0 img-tree
	assert_eq "${diff[0]}  6B  base:1, user/b:2
└─ ${diff[1]}  8B
   └─ ${diff[1]}  8B
      └─ ${diff[3]}  4B  app:1
$(img-layers --json other | jq -r '.diff_id[7:19]')  6B  other:latest" "$output"
	run -0 img-tree other
	assert_eq 1 "${#lines[@]}"
	run -0 img-tree --json
	assert_eq 5 "${#lines[@]}"
	output=${lines[1]} assert_json '.parent != null and .images == [] and .size == 8'
	assert_eq 1 "$(jq -r 'select(.parent == null and .images[0] == "base:1").chain_id' <<<"$output" | wc -l)"
	run -0 img-tree --dot
	assert_eq "digraph images {" "${lines[0]}"
	assert_eq 7 "$(grep -c -e ' -> ' <<<"$output")"
	rm -rf "$(img-layers app:1 | tail -n1)"
	run -0 img-tree
	assert_like "$output" "*${diff[3]}  -  app:1*"
}

@test "img-history: newest first, settings have no layer, what is not told is listed too" {
	branches
	run -0 img-history app:1
	assert_eq 6 "${#lines[@]}"
	assert_like "${lines[1]}" "${diff[3]} * - *RUN link*4B*last"
	assert_like "${lines[3]}" "- *ENV A=b*0B*"
	run -0 img-history -q app:1
	assert_eq "${diff[3]} ${diff[1]} ${diff[1]} ${diff[0]}" "${lines[*]}"
	run -0 img-history --json app:1
	output=${lines[0]} assert_json '.created_by == "RUN link" and .comment == "last" and (.empty_layer | not)'
	output=${lines[2]} assert_json '.empty_layer and .diff_id == null and .size == 0'
	assert_eq "$(img-layers app:1 | tail -n1 | sed 's,.*/,sha256:,')" "$(jq -r .chain_id <<<"${lines[0]}")"
	# A long command is cut at a character; one that would move the cursor is shown.
	# entered FILTER: app:1's config changed so, as odd:1.
	entered() {
		rm -rf "$T/odd" && mkdir "$T/odd" && tar -C "$T/odd" -xf "$T/layered.tar"
		jq -c "$1" "$T/odd/blobs/sha256/${id#*:}" >"$T/odd/c.json"
		jq -c '[{Config: "c.json", RepoTags: ["odd:1"], Layers: [.layers[].digest | sub(":"; "/") | "blobs/" + .]}]' \
			"$T/odd/blobs/sha256/$(jq -r '.manifests[0].digest[7:]' "$T/odd/index.json")" >"$T/odd/manifest.json"
		rm "$T/odd/index.json" && tar -C "$T/odd" -cf "$T/odd.tar" . && img-load -i "$T/odd.tar"
	}
	entered '.history[4].created_by = "é" * 60 + "\u001b[2J" | .history[3].created_by = "a\u001b[2Jb"'
	run -0 img-history odd:1
	assert_like "${lines[1]}" "* $(printf 'é%.0s' {1..45})… *"
	assert_like "${lines[2]}" '* a\\x1b\[2Jb *'
	entered 'del(.history)'
	run -0 img-history --json odd:1
	assert_eq 4 "${#lines[@]}"
	output=${lines[0]} assert_json '.created == null and .size == 4'
	entered '.history += [{}]'
	run -1 img-history odd:1
	assert_error img-history 'sha256:*: history\[5\] tells of a layer, and the image has only 4'
}

@test "img-inspect: Docker's document; all or nothing" {
	branches
	img-tag app:1 localhost:5000/a/b:2 >/dev/null
	run -0 img-inspect app:1
	assert_json 'length == 1 and (.[0] | .Id == $id and .RepoTags == ["app:1","localhost:5000/a/b:2"] and .Os == "linux" and
		.Architecture == "amd64" and .Config.Cmd == ["/bin/sh"] and .RootFS.Type == "layers" and
		(.RootFS.Layers | length == 4) and .Size == 26 and .Comment == "last" and .Created == "2023-11-14T22:13:20Z")' --arg id "$id"
	assert_eq "$(img-layers app:1 | tail -n1)" "$(jq -r '.[0].GraphDriver.Data.UpperDir' <<<"$output")"
	assert_eq "$(img-layers app:1 | head -n3 | tac | paste -sd:)" "$(jq -r '.[0].GraphDriver.Data.LowerDir' <<<"$output")"
	run -0 img-inspect --json app:1 base:1
	assert_eq 2 "${#lines[@]}"
	output=${lines[1]} assert_json '.Id == $id and .Config.Labels == {"team":"web","x":"y"}' --arg id "$base"
	run -1 img-inspect app:1 none
	assert_error img-inspect 'there is no image none' '*'
}

@test "img-ls: filters, digests" {
	branches
	shown() { img-ls --json "$@" | jq -r '"\(.repository):\(.tag)"' | paste -sd' '; }
	assert_eq "app:1 base:1" "$(shown)"
	assert_eq "base:1" "$(shown --filter label=team)"
	assert_eq "base:1" "$(shown --filter label=team=web --filter label=x)"
	assert_eq "" "$(shown --filter label=team=we)"
	assert_eq "app:1" "$(shown --filter 'reference=a*')"
	assert_eq "base:1" "$(shown --filter 'reference=*:1' --filter before=app:1)"
	assert_eq "app:1" "$(shown --filter since=base:1)"
	assert_eq "" "$(shown --filter dangling=true)"
	img-import -m x base:1 <"$T/a.tar" >/dev/null
	assert_eq "null:null" "$(shown --filter dangling=true)"
	assert_eq "app:1 base:1" "$(shown --filter dangling=false)"
	run -0 img-ls --digests
	assert_like "${lines[0]}" 'REPOSITORY * TAG * DIGEST * IMAGE ID *'
	run -1 img-ls --filter colour=red
	assert_error img-ls "Invalid filter 'colour=red'" 'dangling=*'
	run -1 img-ls --filter since=none
	assert_error img-ls 'there is no image none' '*'
}
