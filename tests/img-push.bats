#!/usr/bin/env bats
# bats file_tags=image
# shellcheck disable=SC2030,SC2031 # each test is a subshell of its own, as is meant
# img-push, to a real registry and to one that misbehaves; and who we are to a registry, for img-pull
# as well.
load helpers
load registry

# Silent about what goes well, but where a test looks at that.
img-pull() { command img-pull -q "$@"; }
img-push() { command img-push -q "$@"; }

setup_file() { tb_setup_file; }
teardown_file() { tb_teardown_file; }
setup() {
	tb_setup
	images=$TACKLEBOX_ROOT/images
	export SOURCE_DATE_EPOCH=1700000000 no_proxy=127.0.0.1 DOCKER_CONFIG=$T/docker HOME=$T
	mkdir "$T/docker"
}
teardown() {
	registry_stop
	double_stop
	tb_teardown
}

# two_layers: an image "app" in the store, of a gzip layer and a plain one, without a registry.
two_layers() {
	layer "$T/1.tar" 'echo one >one; head -c 300000 /dev/urandom >noise'
	layer "$T/2.tar" 'echo two >two'
	gzip -k "$T/1.tar"
	ARCH=$(host_arch) make_layout "$T/layout" docker.io/library/app:latest "$T/1.tar.gz" "$T/2.tar"
	mkdir -p "$TACKLEBOX_ROOT/layers" "$images/tmp"
	cp -r "$T/layout/." "$images"
	image=$(jq -r '.manifests[0].digest' "$T/layout/index.json")
	rm "$T/layout/blobs/sha256/"* "$T/layout/index.json"
}

# everything_pushed: the double has all blobs of the image, and the manifest under the tag.
everything_pushed() {
	local blob
	for blob in "$images"/blobs/sha256/*; do
		[[ sha256:${blob##*/} == "$image" ]] || cmp "$blob" "$T/layout/pushed/sha256:${blob##*/}" || return
	done
	cmp "$images/blobs/sha256/${image#sha256:}" "$T/layout/pushed/1"
}

# log_settles COUNT PATTERN: so often, and no more, in the log of the registry, which writes it late.
log_settles() {
	# shellcheck disable=SC2317
	is_there() { [ "$(grep -c "$2" "$T/registry/log")" -ge "$1" ]; }
	[[ $1 == 0 ]] || wait_for is_there "$1" "$2"
	assert_eq "$1" "$(grep -c "$2" "$T/registry/log" || true)" "$2"
}

@test "an image goes to a registry and comes back; what is there is not sent again" {
	requires docker-registry skopeo
	two_layers
	registry_start "$T/registry"
	run -0 img-push app "$REGISTRY/team/app:1"
	assert_eq "$image" "$output"
	assert_eq "$image" "$(digest_of team/app:1)"
	run -0 skopeo copy -q --src-tls-verify=false "docker://$REGISTRY/team/app:1" "oci:$T/copy:x"
	log_settles 3 '"POST /v2/team/app/blobs/uploads/'
	# Under another tag: only the manifest.
	: >"$T/registry/log"
	run -0 img-push app "$REGISTRY/team/app:2"
	log_settles 1 '"PUT /v2/team/app/manifests/2'
	log_settles 0 '"POST '
	mv "$TACKLEBOX_ROOT" "$T/first"
	run -0 img-pull "$REGISTRY/team/app:2"
	assert_eq "$image" "$output"
	for blob in "$T"/first/images/blobs/sha256/*; do
		cmp "$blob" "$images/blobs/sha256/${blob##*/}"
	done
	# By its own name; and into another repository, where it is mounted from the first.
	run -0 img-push "$REGISTRY/team/app:2"
	: >"$T/registry/log"
	run -0 --separate-stderr command img-push "$REGISTRY/team/app:2" "$REGISTRY/other:1"
	assert_like "$stderr" '*: Mounted from team/app*'
	log_settles 1 '"PUT /v2/other/manifests/1'
	log_settles 2 '"POST /v2/other/blobs/uploads/?mount=sha256:'
	assert_eq "$image" "$(digest_of other:1)"
	# By its digest, and by one that it does not have.
	run -0 img-push "$REGISTRY/team/app:2" "$REGISTRY/other@$image"
	unset stderr
	run -1 img-push "$REGISTRY/team/app:2" "$REGISTRY/other@sha256:$(printf %064d 1)"
	assert_error img-push "the image's digest is $image, not sha256:0*1"
}

@test "Docker's schema 2 is pushed as it was pulled" {
	requires docker-registry skopeo
	layer "$T/1.tar" 'echo 1 >one'
	gzip -k "$T/1.tar"
	ARCH=$(host_arch) make_layout "$T/layout" img "$T/1.tar.gz"
	registry_start "$T/registry"
	push img:1 "$T/layout" --format v2s2
	run -0 img-pull "$REGISTRY/img:1"
	run -0 img-push "$REGISTRY/img:1" "$REGISTRY/again:1"
	assert_eq "$(digest_of img:1)" "$output"
	assert_eq "$(digest_of img:1)" "$(digest_of again:1)"
}

@test "an ordinary user pushes from a store of their own" {
	requires docker-registry skopeo zstd
	three_layers
	registry_start "$T/registry"
	push img:1
	run -0 as_nobody img-pull -q "$REGISTRY/img:1"
	run -0 as_nobody img-push -q "$REGISTRY/img:1" "$REGISTRY/team/app:1"
	assert_eq "$(digest_of img:1)" "$output"
	assert_eq "$output" "$(digest_of team/app:1)"
	[[ ! -e $images ]] || fail "root's store was used"
}

@test "in pieces" {
	requires docker-registry skopeo
	two_layers
	registry_start "$T/registry"
	run -0 img-push --chunk 64k app "$REGISTRY/app:1"
	assert_eq "$image" "$(digest_of app:1)"
	log_settles 5 '"PATCH /v2/app/blobs/uploads/'
	run -0 img-pull "$REGISTRY/app:1"
}

@test "TLS, and a password: from config.json, a helper, a descriptor; never told" {
	requires docker-registry skopeo openssl perl
	two_layers
	registry_start "$T/registry" tls private
	local ca=(--cacert "$T/registry/ca.pem") auth
	auth=$(printf user:se:cret | base64)
	run -1 img-push "${ca[@]}" app "$REGISTRY/app:1"
	assert_error img-push 'cannot use layer sha256:*: the registry wants a user name and a password' \
		"*docker login $REGISTRY*--creds-fd"
	jq -n --arg r "$REGISTRY" --arg a "$auth" '{auths: {($r): {auth: $a}}}' >"$T/docker/config.json"
	run -0 img-push "${ca[@]}" app "$REGISTRY/app:1"
	# The key may be a URL, and be beside others.
	jq -n --arg r "https://$REGISTRY/v2/" --arg a "$auth" '{auths: {"x": {}, ($r): {auth: $a}}}' >"$T/docker/config.json"
	run -0 img-pull "${ca[@]}" "$REGISTRY/app:1"
	assert_eq "$image" "$output"
	jq -n --arg r "$REGISTRY" '{auths: {($r): {auth: "dXNlcjp3cm9uZw=="}}}' >"$T/docker/config.json"
	run -1 img-pull "${ca[@]}" "$REGISTRY/app:1"
	assert_error img-pull "cannot fetch *: $REGISTRY answers 401: authentication required" 'are user name and password right*'
	jq -n --arg r "$REGISTRY" '{auths: {($r): {auth: "@@"}}}' >"$T/docker/config.json"
	run -1 img-pull "${ca[@]}" "$REGISTRY/app:1"
	assert_error img-pull "$T/docker/config.json: auths.$REGISTRY.auth is not base64 of USER:PASSWORD"
	# A helper: asked for the host, on its standard input.
	mkdir "$T/bin"
	cat >"$T/bin/docker-credential-tbtest" <<-END
		#!/bin/sh
		read -r host || :
		echo "\$1 \$host" >>"$T/asked"
		[ "\$host" = "$REGISTRY" ] || { echo "credentials not found in native keychain"; exit 1; }
		echo '{"ServerURL": "x", "Username": "user", "Secret": "se:cret"}'
	END
	chmod +x "$T/bin/docker-credential-tbtest"
	jq -n --arg r "$REGISTRY" '{credHelpers: {($r): "tbtest"}}' >"$T/docker/config.json"
	PATH=$T/bin:$PATH run -0 --separate-stderr img-pull -x "${ca[@]}" "$REGISTRY/app:1"
	assert_eq "get $REGISTRY" "$(<"$T/asked")"
	# shellcheck disable=SC2154 # run sets it
	assert_like "$stderr" '*# the password comes from docker-credential-tbtest*-u "$user:$password"*'
	[[ $stderr != *se:cret* && $stderr != *"$auth"* ]]
	unset stderr
	jq -n '{credsStore: "tbtest"}' >"$T/docker/config.json"
	PATH=$T/bin:$PATH run -0 img-push "${ca[@]}" app "$REGISTRY/app:2"
	run -1 img-push "${ca[@]}" app "$REGISTRY/app:2"
	assert_error img-push 'cannot run docker-credential-tbtest: No such file or directory (ENOENT)'
	jq -n '{credsStore: "../../bin/sh"}' >"$T/docker/config.json"
	run -1 img-push "${ca[@]}" app "$REGISTRY/app:2"
	assert_error img-push "cannot run 'docker-credential-../../bin/sh': *"
	rm "$T/docker/config.json"
	# A descriptor.
	run -0 img-pull "${ca[@]}" --creds-fd 7 "$REGISTRY/app:1" 7< <(echo user:se:cret)
	run -0 img-push "${ca[@]}" --creds-fd 7 app "$REGISTRY/app:3" 7< <(echo '{"username": "user", "password": "se:cret"}')
	run -1 img-pull "${ca[@]}" --creds-fd 7 "$REGISTRY/app:1" 7< <(echo nothing)
	assert_error img-pull 'what --creds-fd gives is not USER:PASSWORD'
	run -1 img-pull "${ca[@]}" --creds-fd 77 "$REGISTRY/app:1"
	assert_error img-pull 'cannot read descriptor 77: Bad file descriptor (EBADF)'
}

@test "tokens for a password: asked for at the registry's token server, sent to nobody else" {
	requires python3
	two_layers
	double_start "$T/layout"
	local auth basic elsewhere
	auth=$(printf user:se:cret | base64)
	basic="Basic $auth"
	elsewhere=127.0.0.1:$(<"$T/layout/elsewhere.port")
	run -1 img-push app "$DOUBLE/pushtoken/app:1"
	assert_error img-push "cannot get a token: http://$DOUBLE/token/private?* answers 401"
	jq -n --arg r "$DOUBLE" --arg a "$auth" '{auths: {($r): {auth: $a}}}' >"$T/docker/config.json"
	run -0 img-push app "$DOUBLE/pushtoken/app:1"
	assert_eq "$image" "$output"
	everything_pushed
	run -0 grep -c "GET /token/private?.*scope=repository%3Apushtoken%2Fapp%3Apull%2Cpush $basic" "$T/layout/requests"
	# The password goes to the token server, the token to the registry, and not the other way about.
	! grep -v '^GET /token' "$T/layout/requests" | grep Basic || fail "the password went to the registry"
	! grep '^GET /token.*Bearer' "$T/layout/requests" || fail "the token went to its server"
	# A token server elsewhere gets nothing, unless it is named.
	run -1 img-pull "$DOUBLE/realmaway/app:1"
	assert_error img-pull "cannot get a token: http://$elsewhere/token/private?* answers 401" \
		"the password was not sent to $elsewhere*--realm*"
	! grep -E 'Basic|Bearer' "$T/layout/elsewhere" || fail "a secret went elsewhere"
	run -1 img-pull --realm "$elsewhere" "$DOUBLE/realmaway/app:1"
	assert_error img-pull '*'
	grep -q "GET /token/private?.* $basic" "$T/layout/elsewhere"
	# A place to send to on another host gets no secret either.
	rm -r "$T/layout/pushed" "$T/layout/elsewhere"
	run -0 img-push app "$DOUBLE/pushaway/app:1"
	everything_pushed
	grep -q '^PUT /v2/pushaway/' "$T/layout/elsewhere"
	! grep -E 'Basic|Bearer' "$T/layout/elsewhere" || fail "a secret went elsewhere"
	# A token that stands for the password goes in a body; a registry's own token as it is.
	rm -r "$T/layout/pushed" "$T/docker/config.json"
	run -0 img-push --creds-fd 7 app "$DOUBLE/pushtoken/app:1" 7< <(echo '{"identitytoken": "id-token"}')
	everything_pushed
	! grep -r id-token "$T/layout/requests" || fail "the token stands in a URL or header"
	: >"$T/layout/requests"
	run -0 img-push --creds-fd 7 app "$DOUBLE/pushtoken/app:1" 7< <(echo '{"registrytoken": "dG9rZW4tZm9yLWV2ZXJ5Ym9keQ=="}')
	! grep -q /token/ "$T/layout/requests" || fail "a token was asked for"
	run -1 img-push --creds-fd 7 app "$DOUBLE/pushtoken/app:1" 7< <(echo '{"identitytoken": "another"}')
	assert_error img-push 'cannot get a token: * answers 401' 'are the user name and the password right?'
}

@test "what breaks is tried again: whole blobs, the piece that broke, the manifest" {
	requires python3
	two_layers
	double_start "$T/layout"
	local mode
	for mode in pushreset pushonce500; do
		run -0 --separate-stderr command img-push app "$DOUBLE/$mode/app:1"
		# A connection that is used again and breaks is renewed by libcurl itself, silently.
		[[ $mode == pushreset || $stderr == *": Retrying in 0.25 seconds"* ]] || fail "$stderr"
		everything_pushed || fail "mode $mode"
		rm -r "$T/layout/pushed"
	done
	# The piece that broke had arrived by half: the next one begins there, and not at the beginning.
	: >"$T/layout/requests"
	run -0 img-push --chunk 64k app "$DOUBLE/pushbreak/app:1"
	everything_pushed
	assert_eq 1 "$(grep -c '^GET /v2/pushbreak/app/blobs/uploads/' "$T/layout/requests")"
	assert_eq 3 "$(grep -c '^POST ' "$T/layout/requests")"
	# A piece that was taken and is not there is sent again.
	rm -r "$T/layout/pushed"
	run -0 img-push --chunk 64k app "$DOUBLE/pushforgetsonce/app:1"
	everything_pushed
	# A registry that wants larger pieces gets them.
	: >"$T/layout/requests"
	run -0 img-push --chunk 16k app "$DOUBLE/pushmin/app:1"
	assert_eq 0 "$(grep -c '^PATCH' "$T/layout/requests")"
	rm -r "$T/layout/pushed"
	run -0 img-push --chunk 16k app "$DOUBLE/pushmin/app:1"
	assert_eq 4 "$(grep -c '^PATCH' "$T/layout/requests")"
}

@test "a registry that does not take it: one clear line" {
	requires python3
	local mode want hint
	two_layers
	double_start "$T/layout"
	while IFS='|' read -r mode want hint; do
		run -1 bounded 32 img-push -q --retries 1 --timeout 1s app "$DOUBLE/$mode/app:1"
		assert_error img-push "$want" ${hint:+"$hint"} || fail "mode $mode: $output"
		[[ $output != *_state=secret* ]]
		[[ ! -e $T/layout/pushed/1 ]] || fail "mode $mode: the manifest is there"
		rm -rf "$T/layout/pushed"
	done <<-'END'
		pushdenied|cannot send layer sha256:*: 127.0.0.1:* answers 403: only to be read|*
		pushnowhere|cannot send layer sha256:*: 127.0.0.1:* does not say where to
		pushtofile|cannot send layer sha256:*: 127.0.0.1:* sends us to 'file:///etc/passwd', which is not https
		pushtoplain|cannot send layer sha256:*: 127.0.0.1:* sends us to 'http://registry.invalid/x', which is not https
		pushlarge|cannot send layer sha256:*: 127.0.0.1:* answers 413: request entity too large|*--chunk*
		pushresets|cannot send layer sha256:*|the connection broke; try again
		pushother|cannot send the manifest: 127.0.0.1:* took it for sha256:0*0, not sha256:*
		tokenloop|cannot send layer sha256:* answers 401*|*
	END
	# Pieces that are taken, and of which nothing stays: as often as another try, and no more.
	run -1 bounded 32 timeout 60 img-push -q --retries 2 --chunk 64k app "$DOUBLE/pushforgets/app:1"
	assert_error img-push 'cannot send layer sha256:*: 127.0.0.1:* answers 202' '*has no more than before*--chunk*'
	run -1 bounded 32 timeout 60 img-push -q --retries 2 --chunk 64k app "$DOUBLE/pushloses/app:1"
	assert_error img-push 'cannot send layer sha256:*: 127.0.0.1:* answers 500'
	[[ ! -e $T/layout/pushed/1 ]]
	run -1 img-push app 127.0.0.1:1/app:1
	assert_error img-push 'cannot send layer sha256:*: Connection refused (ECONNREFUSED)' '*'
	run -1 img-push none "$DOUBLE/push/app:1"
	assert_error img-push 'there is no image none' '*img-ls*'
	run -2 img-push
	run -2 img-push app "$DOUBLE/UPPER/app:1"
	run -2 img-push a b c
	run -2 img-push sha256:"$(printf %064d 0)"
}

@test "a damaged or missing blob is found before anything of it is sent" {
	requires python3
	two_layers
	double_start "$T/layout"
	local blob
	blob=$(sha256sum <"$T/1.tar.gz" | cut -d' ' -f1)
	printf x | dd of="$images/blobs/sha256/$blob" bs=1 seek=100000 conv=notrunc status=none
	run -1 img-push app "$DOUBLE/push/app:1"
	assert_error img-push "blob sha256:$blob is damaged: its content is sha256:*" 'remove *'
	rm "$images/blobs/sha256/$blob"
	run -1 img-push app "$DOUBLE/push/app:1"
	assert_error img-push "cannot open *$blob: No such file or directory (ENOENT)" 'the store lacks*'
	[[ ! -e $T/layout/pushed/sha256:$blob && ! -e $T/layout/pushed/1 ]]
}

@test "each step fails once: no manifest, and the next push succeeds" {
	requires python3
	two_layers
	double_start "$T/layout"
	clean() { [[ ! -e $T/layout/pushed/1 ]] && rm -rf "$T/layout/pushed"; }
	faults_walk clean -- img-push app "$DOUBLE/push/app:1"
	((faults >= 5))
	everything_pushed
}

@test "a dry run is a script that pushes" {
	requires python3 curl
	two_layers
	double_start "$T/layout"
	run -0 img-push -n app "$DOUBLE/push/app:1"
	[[ ! -s $T/layout/requests ]]
	run -0 sh -e <<<"$output"
	assert_eq "$image" "${lines[-1]}"
	everything_pushed
}

@test "the progress: lines, objects in Docker's words, bars on a terminal" {
	requires python3 script
	local id
	two_layers
	double_start "$T/layout"
	id=$(sha256sum <"$T/1.tar" | cut -c1-12)
	run -0 --separate-stderr command img-push app "$DOUBLE/push/app:1"
	assert_eq "$image" "$output"
	assert_like "$stderr" "The push refers to repository \[$DOUBLE/push/app]"$'\n'"$id: Preparing*$id: Pushed*"
	run -0 --separate-stderr command img-push --json app "$DOUBLE/push/app:1"
	assert_eq '' "$stderr"
	assert_eq "{\"status\":\"Layer already exists\",\"progressDetail\":{},\"id\":\"$id\"}" \
		"$(grep -F "already exists\",\"progressDetail\":{},\"id\":\"$id" <<<"$output")"
	output=${lines[-1]}
	assert_json '.aux == {Tag: "1", Digest: $d, Size: $n}' --arg d "$image" \
		--argjson n "$(stat -c %s "$T/layout/pushed/1")"
	rm -r "$T/layout/pushed"
	run -0 command img-push --json --chunk 32k app "$DOUBLE/push/app:1"
	run -0 jq -s --arg i "$id" '[.[] | select(.id == $i and .status == "Pushing").progressDetail] |
		length > 0 and all(.current <= .total and .total > 300000)' <<<"$output"
	assert_eq true "$output"
	run -0 script -qec "img-push app $DOUBLE/push/app:1" /dev/null
	assert_like "$output" $'*\r*: Layer already exists\e\\[K*'
}
