#!/usr/bin/env bats
# bats file_tags=image
# squash: layers of an image in an archive become one.
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

# top FILE: the names in the topmost layer of an archive.
top() {
	tar -xOf "$1" "$(tar -xOf "$1" manifest.json | jq -r '.[0].Layers[-1]')" | tar -t | sort
}

@test "modified, removed and linked across layers; a file and a pipe give the same" {
	local form
	layered app:1 >/dev/null
	img-load -i "$T/layered.tar"
	for form in docker docker-old; do
		img-save --format $form -o "$T/in.tar" app:1
		squash -q -t flat:1 <"$T/in.tar" >"$T/out.tar"
		cat "$T/in.tar" | squash -q -t flat:1 | cmp - "$T/out.tar"
		gzip <"$T/in.tar" | squash -q -t flat:1 | cmp - "$T/out.tar"
		assert_eq "$(printf '%s\n' etc/.wh.link etc/again etc/motd srv/www/index)" "$(top "$T/out.tar")"
		squash -q --from 0 -t flat:0 <"$T/in.tar" >"$T/out0.tar"
		run ! grep -F .wh. <(top "$T/out0.tar")
		img-load -i "$T/out.tar" && img-load -i "$T/out0.tar"
		assert_eq 2 "$(img-layers flat:1 | wc -l)"
		assert_eq 1 "$(img-layers flat:0 | wc -l)"
		assert_eq changed "$(<"$(img-layers flat:0)/etc/again")"
	done
}

@test "nothing to squash, unknown layers, damage: distinct errors" {
	layered app:1 >/dev/null
	img-load -i "$T/layered.tar"
	img-save --format docker-old -o "$T/in.tar" app:1
	run -1 squash --from 4 <"$T/in.tar"
	assert_error squash 'nothing to squash: layer 4 is the topmost'
	run -1 squash --from 3 <"$T/in.tar"
	assert_error squash 'nothing to squash: above layer 3 there is only one' '*'
	run -1 squash --from 5 <"$T/in.tar"
	assert_error squash 'there is no layer 5: the image has 4' '*'
	sed 's/changed/chamged/' "$T/in.tar" >"$T/bad.tar"
	run -1 bash -c 'squash <"$0/bad.tar" >"$0/cut.tar"' "$T"
	assert_like "$output" 'squash: layer * is damaged: *'
	run -1 img-load -i "$T/cut.tar"
}

# seen FILE: what a container sees of the image, as an independent reader has it.
seen() { python3 "$TB_TESTS/lib/squash_model.py" seen "$1"; }

@test "random images show the same afterwards, whichever layer stays" {
	cd "$T"
	run -0 python3 "$TB_TESTS/lib/squash_model.py" random "$RANDOM" $((5 * $(rounds)))
	assert_like "$output" 'compared [1-9][0-9]* *'
}

@test "the talk's pipe: what was removed is gone from the image, and its settings stay" {
	local config='del(.rootfs, .history, .created)'
	small_tar "$T/base.tar"
	img-import --cmd '["/bin/sh"]' --env A=b base:1 <"$T/base.tar"
	mkdir "$T/l" && head -c 8M /dev/zero >"$T/l/zeros"
	tar -C "$T/l" -c zeros | img-commit -p base:1 --created-by 'RUN dd' -t app:1
	mktar <<<'{"name": ".wh.zeros"}' | img-commit -p app:1 --created-by 'RUN rm' -t app:2
	mktar <<<'{"name": "touched"}' | img-commit -p app:2 -c 'LABEL l=m' --created-by 'RUN touch' -t app:3
	img-save app:3 | squash -t app:squashed 2>"$T/told" | img-load
	assert_like "$(<"$T/told")" 'squash: 4 layers of 8.4*MB are now 2 of *kB: saved 8.*MB'
	assert_eq 2 "$(img-layers app:squashed | wc -l)"
	assert_eq touched "$(ls -A "$(img-layers app:squashed | tail -1)")"
	diff <(img-config app:3 | jq "$config") <(img-config app:squashed | jq "$config")
	assert_eq '["base","squash"]' "$(img-config app:squashed | jq -c '[.history[].created_by] | [(.[0] | "base"), .[-1]]')"
	# Nothing of the merged layers' history is lost where that is asked for; it has no layers.
	img-save app:3 | squash -q --keep-history -t app:told | img-load
	assert_eq '[["RUN dd",true],["RUN rm",true],["RUN touch",true],["squash",null]]' \
		"$(img-config app:told | jq -c '[.history[1:][] | [.created_by, .empty_layer]]')"
	# Without -t the image has no name.
	img-save app:3 | squash -q >"$T/nameless.tar"
	assert_eq null "$(tar -xOf "$T/nameless.tar" manifest.json | jq '.[0].RepoTags')"
}

@test "sparse files stay sparse, attributes stay, and a layer has no name twice" {
	mkdir "$T/a" "$T/b"
	truncate -s 1G "$T/a/hole" && printf x | dd of="$T/a/hole" bs=1 seek=500M conv=notrunc status=none
	echo one >"$T/a/file" && setfattr -n user.note -v kept "$T/a/file"
	echo two >"$T/b/other"
	tar -C "$T/a" --sparse --xattrs --xattrs-include='user.*' --format=posix -cf "$T/a.tar" .
	tar -C "$T/b" -cf "$T/b.tar" .
	img-commit app:1 <"$T/a.tar"
	img-commit -p app:1 app:2 <"$T/b.tar"
	img-save --format docker-old -o "$T/in.tar" app:2
	squash -q --from 0 <"$T/in.tar" >"$T/out.tar"
	(($(stat -c %s "$T/out.tar") < 100000))
	diff <(seen "$T/in.tar" | grep -v ^layers) <(seen "$T/out.tar" | grep -v ^layers)
	[[ $(seen "$T/out.tar") == *"SCHILY.xattr.user.note', 'kept'"* ]]
}

@test "whatever it reads, never nothing with status 0; an archive that was cut is refused" {
	local size at n=0 status
	layered app:1 gzip >/dev/null
	size=$(stat -c %s "$T/layered.tar")
	for ((at = 0; at < size - 1024; at += 700)); do
		status=0
		head -c "$at" "$T/layered.tar" | squash >"$T/out.tar" 2>"$T/err" || status=$?
		[[ $status == 1 && $(grep -c ^squash: "$T/err") == 1 ]] || fail "$status after $at bytes: $(<"$T/err")"
		# What went out before is no archive that anybody takes.
		[[ ! -s $T/out.tar ]] || run -1 img-load <"$T/out.tar"
		((++n))
	done
	((n > 5))
	run -1 bash -c 'squash --from 0 <"$0" >/dev/full' "$T/layered.tar"
	assert_error squash 'cannot write to standard output: No space left on device (ENOSPC)'
}

@test "one image is squashed: a second one says what stays; a single layer, and other mistakes" {
	small_tar "$T/a.tar"
	img-import base:1 <"$T/a.tar"
	img-save base:1 >"$T/base.tar"
	run -1 squash <"$T/base.tar"
	assert_error squash 'nothing to squash: the image has a single layer'
	mktar <<<'{"name": "one"}' | img-commit -p base:1 app:1
	mktar <<<'{"name": "two"}' | img-commit -p app:1 app:2
	img-save base:1 app:2 >"$T/two.tar"
	run -1 squash <"$T/two.tar"
	assert_error squash 'standard input holds 2 images: which one is meant?' '*'
	squash -q --from base:1 <"$T/two.tar" >"$T/out.tar"
	assert_eq 2 "$(tar -xOf "$T/out.tar" manifest.json | jq '.[0].Layers | length')"
	img-save app:2 >"$T/app.tar"
	# By diff id, by the beginning of one, by number: the same.
	squash -q --from "$(img-config base:1 | jq -r '.rootfs.diff_ids[0]')" <"$T/app.tar" | cmp - <(squash -q --from 1 <"$T/app.tar")
	run -1 squash --from base:1 <"$T/app.tar"
	assert_error squash 'there is no layer base:1: the image has 3' '*'
	run -2 squash --from
	mktar <<<'{"name": "x"}' | img-import other:1
	img-save other:1 app:2 >"$T/two.tar"
	run -1 squash --from other:1 <"$T/two.tar"
	assert_error squash '--from: the image is not built upon that one'
}

@test "a file is read where it lies; a pipe goes once into a file without a name, gone with squash" {
	requires strace
	layered app:1 >/dev/null
	export TMPDIR=$T/tmp
	mkdir "$TMPDIR"
	strace -f -qq -o "$T/trace" -e trace=openat,memfd_create,mkdir,link,linkat squash -q <"$T/layered.tar" >"$T/out.tar"
	run ! grep -E 'O_WRONLY|O_RDWR|O_CREAT|O_TMPFILE|memfd|link' "$T/trace"
	strace -f -qq -o "$T/trace" -e trace=openat,memfd_create,mkdir,link,linkat squash -q < <(cat "$T/layered.tar") >"$T/out.tar"
	assert_eq 1 "$(grep -cE 'O_WRONLY|O_RDWR|O_CREAT|O_TMPFILE|memfd|link' "$T/trace")" "$(<"$T/trace")"
	grep -q O_TMPFILE "$T/trace"
	# Killed at any write, nothing stays.
	local n
	for n in 1 2 3; do
		strace -f -qq -o /dev/null -e trace=write -e inject=write:signal=KILL:when=$n \
			squash -q < <(cat "$T/layered.tar") >"$T/out.tar" 2>/dev/null && fail "was not killed at write $n"
		[[ -z $(ls -A "$TMPDIR") ]]
	done
	nothing() { [[ -z $(ls -A "$TMPDIR") ]]; }
	with_input() { cat "$T/layered.tar" | "$@"; }
	faults_walk -w with_input nothing -- squash -q
	((faults == 3))
}

@test "podman and skopeo take what comes out, and what they write goes in" {
	requires podman skopeo root
	local form
	layered docker.io/library/app:1 gzip >/dev/null
	img-load -i "$T/layered.tar"
	img-save -o "$T/in.tar" app:1
	# Without a store between: podman save | squash | podman load, the docker archive and the OCI one.
	engine load -q -i "$T/in.tar" >/dev/null
	for form in docker-archive oci-archive; do
		engine save -q --format $form docker.io/library/app:1 | squash -q --from 0 -t flat:$form >"$T/$form.tar"
		engine load -q -i "$T/$form.tar"
		assert_eq 1 "$(engine image inspect flat:$form | jq '.[0].RootFS.Layers | length')" "$form"
		assert_eq '["A=b"]' "$(engine image inspect flat:$form | jq -c '.[0].Config.Env')"
	done
	run -0 skopeo copy -q "docker-archive:$T/docker-archive.tar" "oci:$T/layout:x"
	skopeo copy -q "docker-archive:$T/in.tar" "docker-archive:$T/skopeo.tar:app:3"
	squash -q -t flat:3 <"$T/skopeo.tar" | img-load
	assert_eq 2 "$(img-layers flat:3 | wc -l)"
}
