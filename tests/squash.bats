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
