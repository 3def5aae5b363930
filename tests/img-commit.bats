#!/usr/bin/env bats
# bats file_tags=image
# shellcheck disable=SC2030,SC2031,SC2016 # each test is a subshell of its own; dollars are the change's
# img-commit, and the changes in the words of a Dockerfile.
load helpers
load registry
load lib/layers
load lib/images

setup_file() { tb_setup_file; }
teardown_file() { tb_teardown_file; }
setup() {
	tb_setup
	images_setup
	small_tar "$T/a.tar"
	img-import --cmd '["/old"]' -e A=1 base:1 <"$T/a.tar" >/dev/null
}
teardown() { tb_teardown; }

@test "a layer upon an image: chain, attributes and links from below, history; the parent stays" {
	local before id
	before=$(img-ls --no-trunc -q base:1)
	mktar >"$T/l.tar" <<-'END'
		{"name": "etc/.wh.link"}
		{"name": "etc/more", "type": "1", "link": "etc/motd"}
	END
	id=$(gzip -n <"$T/l.tar" | img-commit -p base -t mine 2>&1 || true)
	assert_like "$id" 'img-commit: there is no image base*'
	id=$(gzip -n <"$T/l.tar" | img-commit -p base:1 -a me -m why --created-by 'RUN x' mine)
	assert_eq "$id" "$(img-ls --no-trunc -q mine)"
	run -0 img-layers mine
	assert_eq 2 "${#lines[@]}"
	assert_eq "$(img-layers base:1)" "${lines[0]}"
	assert_eq "hello 700" "$(<"${lines[1]}/etc/more") $(stat -c %a "${lines[1]}/etc")"
	assert_whiteout "${lines[1]}/etc/link"
	run -0 img-config mine
	assert_json '.config.Cmd == ["/old"] and .author == "me" and (.rootfs.diff_ids | length == 2)'
	assert_json '.history | length == 2 and .[1] == {created: "2023-11-14T22:13:20Z", created_by: "RUN x", author: "me", comment: "why"}'
	assert_json '.rootfs.diff_ids[1] == $d' --arg d "sha256:$(sha256sum <"$T/l.tar" | cut -d' ' -f1)"
	assert_eq "$before" "$(img-ls --no-trunc -q base:1)"
	assert_eq "$id" "$(gzip -n <"$T/l.tar" | img-commit -p base:1 -a me -m why --created-by 'RUN x')" "the same again"
	img-save mine >"$T/mine.tar"
	other_store other
	img-load -i "$T/mine.tar" && whole_store && no_temporaries
	assert_eq "$id" "$(img-ls --no-trunc -q mine)"
}

@test "what an overlay changed, committed, is what an overlay then shows" {
	requires root overlay
	mkdir "$T/m"
	unshare --mount --propagation private bash -e -c 'cd "$0"
		img-layers base:1 | ufs-mount -u up -w wk m >/dev/null
		echo changed >m/etc/motd && rm m/etc/link && mkdir m/srv && echo s >m/srv/s
		ufs-diff up | img-commit -p base:1 mine && umount m && rm -rf up wk
		img-layers mine | ufs-mount -u up -w wk m >/dev/null
		[[ $(<m/etc/motd) == changed && ! -e m/etc/link && $(<m/srv/s) == s ]]' "$T"
	img-history --json mine | head -n1 | jq -e '.created_by == "img-commit" and .size == 10'
}

@test "only settings: no layer is added, and the history says so" {
	run -0 img-commit --no-layer -p base:1 -c 'ENV B=2' mine
	assert_eq "$(img-layers base:1)" "$(img-layers mine)"
	run -0 img-config mine
	assert_json '.config.Env == ["A=1","B=2"] and .history[1].empty_layer and (.rootfs.diff_ids | length == 1)'
	# Without a parent: nothing at all, for FROM scratch.
	run -0 img-commit --no-layer --platform linux/arm64 -c 'LABEL a=b' scratch:1
	assert_eq "" "$(img-layers scratch:1)"
	run -0 img-config scratch:1
	assert_json '.architecture == "arm64" and .config.Labels.a == "b" and .rootfs.diff_ids == []'
}

@test "changes: each word, quotes, variables" {
	# becomes FILTER CHANGE…: what the config then is.
	becomes() {
		local filter=$1 words=()
		shift
		while (($#)); do words+=(-c "$1") && shift; done
		img-commit --no-layer -p base:1 "${words[@]}" changed >/dev/null || return
		output=$(img-config changed | jq .config) assert_json "$filter"
	}
	becomes '.Cmd == ["a","b c"]' 'CMD ["a", "b c"]'
	becomes '.Cmd == ["/bin/sh","-c","exec a  $HOME"]' 'cmd exec a  $HOME'
	becomes '.Cmd == ["/bin/bash","-ec","x"] and .Shell == ["/bin/bash","-ec"]' 'SHELL ["/bin/bash","-ec"]' 'CMD x'
	becomes '.Entrypoint == ["/e"] and .Cmd == null' 'ENTRYPOINT ["/e"]'
	becomes '.Entrypoint == ["/e"] and .Cmd == ["c"]' 'CMD ["c"]' 'ENTRYPOINT ["/e"]'
	becomes '.Env == ["A=2 3","B=x y","C=1\"q\"","D=\\"]' 'ENV A="2 3" B=x\ y' "ENV C=1\\\"q\\\" D='\\'"
	becomes '.Env == ["A=1","OLD=form  with \"blanks\""]' 'ENV OLD form  with \"blanks\"'
	becomes '.Env == ["A=1","P=1:1x:$A:none::"]' 'ENV P="$A:${A}x:\$A:${N:-none}:${N:+yes}:"'
	becomes '.Env == ["A=1","P=yes"]' 'ENV P=${A:+yes}'
	becomes '.Labels == {"a.b":"c d","1":"1"}' 'LABEL a.b="c d" "$A"=1'
	becomes '.ExposedPorts | keys == ["443/tcp","53/udp","80/tcp","8001/tcp"]' 'EXPOSE 80 443/tcp 53/udp 800$A'
	becomes '.Volumes | keys == ["/a","/b c","/d"]' 'VOLUME ["/a", "/b c"]' 'VOLUME /d'
	becomes '.User == "1:audio" and .StopSignal == "SIGINT"' 'USER $A:audio' 'STOPSIGNAL SIGINT'
	becomes '.WorkingDir == "/srv/x/y"' 'WORKDIR /srv' 'WORKDIR x' 'WORKDIR y'
	becomes '.WorkingDir == "/x"' 'WORKDIR x'
	becomes '.OnBuild == ["RUN a \"b\"","COPY . /"]' 'ONBUILD RUN a "b"' 'ONBUILD COPY . /'
	becomes '.Healthcheck == {Interval: 30000000000, Retries: 3, Test: ["CMD-SHELL","curl -f localhost"]}' \
		'HEALTHCHECK --interval=30s --retries=3 CMD curl -f localhost'
	becomes '.Healthcheck == {Test: ["CMD","/ok","a"]}' 'HEALTHCHECK CMD ["/ok","a"]'
	becomes '.Healthcheck == {Test: ["NONE"]}' 'HEALTHCHECK NONE'
	SOURCE_DATE_EPOCH=1700000000 img-import -c 'CMD ["z"]' -e A=1 -c 'ENV B=${A}2' imported <"$T/a.tar"
	output=$(img-config imported | jq .config) assert_json '.Cmd == ["z"] and .Env == ["A=1","B=12"]'
}

@test "mistakes in changes are found before the tar is read, and named" {
	local change before n
	before=$(<"$images/index.json")
	for change in 'RUN x' '' 'CMD [1]' 'CMD ["a"' 'ENV' 'ENV =x' 'ENV A="x' 'ENV A=${A' 'ENV A=${A?x}' 'LABEL novalue' 'EXPOSE' \
		'EXPOSE 0' 'EXPOSE 80/http' 'VOLUME relative' 'VOLUME [' 'SHELL sh' 'USER' 'WORKDIR' 'STOPSIGNAL' \
		'ONBUILD FROM x' 'ONBUILD onbuild RUN x' 'HEALTHCHECK' 'HEALTHCHECK x' 'HEALTHCHECK --interval=x CMD y' \
		'HEALTHCHECK --what=1 CMD y' $'ENV A=\xff'; do
		run -1 img-commit -p base:1 -c "$change" mine <<<"never read"
		assert_eq 1 "$(grep -c -a "^img-commit: --change '" <<<"$output")" "$change: $output"
	done
	# Found by fuzzing: variables that hold each other twice grow without bounds.
	mapfile -t change < <(for ((n = 0; n < 30; n++)); do printf '%s\n' -c 'ENV A=$A$A'; done)
	run -1 bounded 64 img-commit -p base:1 -c 'ENV A=12345678' "${change[@]}" mine <<<"never read"
	assert_like "$output" '*with its variables a word is longer than 131072 bytes*'
	assert_eq "$before" "$(<"$images/index.json")"
	run -2 img-commit --no-layer -f x
	run -2 img-commit -t a b
	run -2 img-commit --no-layer "x@sha256:$(printf '%064d' 0)"
	run -1 img-commit -p base:1 -f "$T/none.tar"
	assert_error img-commit "cannot open $T/none.tar: No such file or directory (ENOENT)"
	rm -rf "$(img-layers base:1)"
	run -1 img-commit -p base:1 -f "$T/a.tar"
	assert_error img-commit 'cannot open layer * (ENOENT)' "the parent's layers must be unpacked*"
}

@test "each step fails once, and a kill at any: old state or new" {
	requires strace
	local n call killed=0
	mktar >"$T/l.tar" <<<'{"name": "etc/motd", "data": "x\n"}'
	cp "$images/index.json" "$T/before"
	cp -a "$TACKLEBOX_ROOT" "$T/model"
	old_index() {
		cmp "$T/before" "$images/index.json" && no_temporaries && whole_store &&
			rm -rf "$TACKLEBOX_ROOT" && cp -a "$T/model" "$TACKLEBOX_ROOT"
	}
	faults_walk old_index -- img-commit -p base:1 -f "$T/l.tar" mine
	((faults > 8))
	whole_store
	for call in rename fsync,syncfs mkdir; do
		for ((n = 1; n <= 40; n++)); do
			rm -rf "$TACKLEBOX_ROOT" && cp -a "$T/model" "$TACKLEBOX_ROOT"
			strace -f -qq -o /dev/null -e "trace=$call" -e "inject=$call:signal=KILL:when=$n" \
				img-commit -p base:1 -f "$T/l.tar" mine >"$T/out" 2>&1 && break
			((++killed))
			whole_store || fail "after the kill at $call $n"
			img-commit -p base:1 -f "$T/l.tar" mine >"$T/out" || fail "next commit after $call $n"
		done
		((n <= 40)) || fail "$call never ends"
	done
	((killed > 10)) || fail "only $killed kills"
}
