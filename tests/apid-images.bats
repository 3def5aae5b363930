#!/usr/bin/env bats
# bats file_tags=apid
# apid, the real docker CLI and a real registry: images pulled, pushed, saved, loaded, built, removed.
load helpers
load box_helpers
load apid_helpers
load registry

setup_file() { box_setup_file; }
teardown_file() { tb_teardown_file; }
setup() {
	box_setup
	needs_client
	requires docker-registry
	export no_proxy=127.0.0.1 DOCKER_BUILDKIT=0
}
teardown() { tb_teardown; }

# Only what a test has made goes again.
forget() { docker images -q --filter "reference=$1" | sort -u | xargs -r docker rmi -f >/dev/null; }

travel() {
	registry_start "$(mktemp -d "$T/registry.XXXX")"
	docker tag bb "$REGISTRY/a/bb:1"
	docker push "$REGISTRY/a/bb:1" >"$T/push"
	grep -qE '^1: digest: sha256:[0-9a-f]{64} size: [0-9]+$' "$T/push"
	docker push "$REGISTRY/a/bb:1" | grep -q 'Layer already exists'
	expect 200 GET "/distribution/$REGISTRY/a/bb:1/json" >"$T/far"
	assert_eq "$(sed -nE 's/^1: digest: (sha256:[0-9a-f]+) size: ([0-9]+)$/\1 \2/p' "$T/push") linux" \
		"$(jq -r '"\(.Descriptor.digest) \(.Descriptor.size) \(.Platforms[0].os)"' "$T/far")"
	assert_eq 404 "$(status_of GET "/distribution/$REGISTRY/a/none:1/json")"
	assert_eq "$REGISTRY/a/bb" "$(docker search --format '{{.Name}}' "$REGISTRY/b")"
	docker rmi "$REGISTRY/a/bb:1" | grep -qx "Untagged: $REGISTRY/a/bb:1"
	try docker pull "$REGISTRY/a/none:1"
	assert_eq 1 "$status"
	assert_like "$output" '*not found*'
	try docker run --rm --network none "$REGISTRY/a/none:1" true
	assert_eq 125 "$status"
	# One that is missing is fetched by docker run, and says so on standard error.
	assert_eq hello "$(docker run --rm --network none "$REGISTRY/a/bb:1" echo hello 2>"$T/err")"
	grep -q "Unable to find image '$REGISTRY/a/bb:1' locally" "$T/err"
	grep -q 'Status: Downloaded newer image' "$T/err"
	docker pull "$REGISTRY/a/bb:1" | grep -q "Status: Image is up to date for $REGISTRY/a/bb:1"
	docker inspect "$REGISTRY/a/bb:1" | jq -e '.[0].RepoDigests[0] | test("@sha256:")' >/dev/null
	try docker push bb/not-there:1
	assert_eq 1 "$status"
	docker rmi "$REGISTRY/a/bb:1"
	registry_stop
}
@test "docker pull, push; run of an image that is missing; what is not there" {
	served 'clients travel'
}

known() {
	requires perl
	registry_start "$T/registry" plain private
	docker tag bb "$REGISTRY/a/bb:1"
	try docker push "$REGISTRY/a/bb:1"
	assert_eq 1 "$status"
	try docker login -u user -p wrong "$REGISTRY"
	assert_eq 1 "$status"
	docker login -u user --password-stdin "$REGISTRY" <<<se:cret
	docker push "$REGISTRY/a/bb:1"
	docker rmi "$REGISTRY/a/bb:1"
	docker pull "$REGISTRY/a/bb:1"
	docker rmi "$REGISTRY/a/bb:1"
	assert_eq 403 "$(status_of GET "/distribution/$REGISTRY/a/bb:1/json")"
	assert_eq 200 "$(status_of GET "/distribution/$REGISTRY/a/bb:1/json" -H "X-Registry-Auth: $(printf '{"username":"user","password":"se:cret"}' | base64 -w 0)")"
	# A build has the passwords for all registries with it: for FROM and for COPY.
	mkdir "$T/context"
	printf 'FROM scratch\nCOPY --from=%s/a/bb:1 /etc/passwd /p\n' "$REGISTRY" >"$T/context/copied"
	printf 'FROM %s/a/bb:1\nLABEL a=b\n' "$REGISTRY" >"$T/context/Dockerfile"
	docker build --network none -t built "$T/context"
	docker rmi built "$REGISTRY/a/bb:1"
	docker build --network none -f "$T/context/copied" -t built "$T/context"
	docker rmi built "$REGISTRY/a/bb:1"
	docker logout "$REGISTRY"
	try docker pull "$REGISTRY/a/bb:1"
	assert_eq 1 "$status"
	try docker build --network none --no-cache "$T/context"
	assert_eq 1 "$status"
	# The password stood on nobody's command line.
	! grep -q cret "$APID_LOG" || fail "the password is told"
	registry_stop
}
# The client's passwords, not ones that apid could find by itself.
known_told() {
	apid_end
	DOCKER_CONFIG=$T/nothing apid_start -xx
	known
}
@test "docker login: the right password, a wrong one; it is told nowhere" {
	served known_told
}

moved() {
	local id
	docker tag bb bb:two
	docker save bb bb:two >"$T/two.tar"
	tar tf "$T/two.tar" | grep -qx manifest.json
	assert_eq "bb:latest bb:two" "$(tar xOf "$T/two.tar" manifest.json | jq -r '[.[].RepoTags[]] | sort | join(" ")')"
	docker rmi bb:two
	docker load <"$T/two.tar" | grep -qx 'Loaded image: bb:two'
	docker load -q -i "$T/two.tar" | grep -q 'Loaded image'
	try docker load <<<nonsense
	assert_eq 1 "$status"
	docker rmi bb:two
	docker create --name one --network none bb sh -c 'echo hello >/f'
	docker start -a one
	docker export one | tar t | grep -qx f
	docker commit -m why -a me -c 'CMD ["cat","/f"]' one mine:1
	assert_eq hello "$(docker run --rm --network none mine:1)"
	docker history mine:1 | grep -q why
	id=$(docker export one | docker import -c 'CMD ["cat","/f"]' - imp:1)
	[[ $id == sha256:* ]]
	assert_eq hello "$(docker run --rm --network none imp:1)"
	try docker import - imp:2 <<<nonsense
	assert_eq 1 "$status"
	assert_eq "imp:1 mine:1" "$(docker images --filter reference=mine --filter reference=imp --format '{{.Repository}}:{{.Tag}}' | sort | tr '\n' ' ' | sed 's/ $//')"
	try docker rmi no-such-image
	assert_like "$output" '*No such image: no-such-image*'
	docker rm one
	docker rmi mine:1 imp:1
	docker system df | grep -q Images
	docker image prune -f
	docker images bb | grep -q bb
}
@test "docker save, load, export, import, commit, history, rmi" {
	served 'clients moved'
}

pruned() {
	local keep drop
	keep=$(img-commit --no-layer -p bb -c 'LABEL stage=prod')
	drop=$(img-commit --no-layer -p bb -c 'LABEL stage=test')
	# None is a day old.
	docker image prune -f --filter until=24h >"$T/out"
	assert_eq 'Total reclaimed space: 0B' "$(<"$T/out")"
	docker image prune -f --filter label=stage=test >"$T/out"
	grep -q "${drop#sha256:}" "$T/out"
	try docker image inspect "$drop"
	assert_eq 1 "$status"
	docker image inspect "$keep" >/dev/null
	docker image prune -f --filter until=0s --filter 'label!=stage' >/dev/null
	docker image inspect "$keep" >/dev/null
	# With a name, -a takes it.
	docker tag "$keep" spare:1
	docker image prune -f --filter label=stage=prod >/dev/null
	docker image inspect spare:1 >/dev/null
	docker image prune -af --filter label=stage=prod >/dev/null
	try docker image inspect spare:1
	assert_eq 1 "$status"
	try docker image prune -f --filter color=red
	assert_like "$output" "*Invalid filter 'color'*"
	docker image inspect bb >/dev/null
}
@test "docker image prune: those that a filter lets pass" {
	served 'clients pruned'
}

built() {
	mkdir -p "$T/context"
	cd "$T/context" || return
	printf 'FROM bb\nARG X=1\nRUN echo hello $X >/f\nCOPY a /a\nLABEL k=v\nCMD ["cat","/f","/a"]\n' >Dockerfile
	echo file >a
	docker build -t built:1 --network none --build-arg X=5 . >"$T/build"
	grep -qx 'Step 3/6 : RUN echo hello $X >/f' "$T/build"
	grep -qE '^Successfully built [0-9a-f]{12}$' "$T/build"
	grep -qx 'Successfully tagged built:1' "$T/build"
	assert_eq "hello 5 file" "$(docker run --rm --network none built:1 | tr '\n' ' ' | sed 's/ $//')"
	docker build -t built:1 --network none --build-arg X=5 . | grep -q 'Using cache'
	[[ $(docker build -q --network none . 2>/dev/null) =~ ^sha256:[0-9a-f]{64}$ ]]
	printf 'FROM bb\nRUN echo said; exit 7\n' >Dockerfile
	try docker build --network none .
	assert_eq 7 "$status"
	assert_like "$output" '*said*returned a non-zero code: 7*'
	printf 'FRM bb\n' >Dockerfile
	try docker build --network none .
	assert_eq 1 "$status"
	assert_like "$output" "*unknown instruction*FRM*"
	docker rmi built:1
}

# The talk's Dockerfile and what its slide shows, in the words of later clients: steps of N from 1, and
# nothing runs for what only changes settings.
talked() {
	mkdir -p "$T/context"
	cd "$T/context" || return
	cat >Dockerfile <<-'EOF'
		FROM bb
		MAINTAINER Dan Klopp
		RUN touch $HOME/shell_run_variant
		RUN ["/bin/sh", "-c", "touch $HOME/exec_run_variant"]
		RUN ["/bin/mkdir", "$HOME"]
		RUN ["/bin/touch", "$HOME/exec_run_variant_mkdir"]
	EOF
	docker build --network none --no-cache -t run_variants . 2>/dev/null | tr -d '\r' |
		sed -E 's/(---> |Running in |container |built )[0-9a-f.]+$/\1ID/; s/(daemon +).*B$/\1SIZE/' >"$T/said"
	diff - "$T/said" <<-'EOF'
		Sending build context to Docker daemon  SIZE
		Step 1/6 : FROM bb
		 ---> ID
		Step 2/6 : MAINTAINER Dan Klopp
		 ---> ID
		Step 3/6 : RUN touch $HOME/shell_run_variant
		 ---> Running in ID
		Removing intermediate container ID
		 ---> ID
		Step 4/6 : RUN ["/bin/sh", "-c", "touch $HOME/exec_run_variant"]
		 ---> Running in ID
		Removing intermediate container ID
		 ---> ID
		Step 5/6 : RUN ["/bin/mkdir", "$HOME"]
		 ---> Running in ID
		Removing intermediate container ID
		 ---> ID
		Step 6/6 : RUN ["/bin/touch", "$HOME/exec_run_variant_mkdir"]
		 ---> Running in ID
		Removing intermediate container ID
		 ---> ID
		Successfully built ID
		Successfully tagged run_variants:latest
	EOF
	assert_eq '/$HOME/exec_run_variant_mkdir
/root/exec_run_variant
/root/shell_run_variant' "$(docker run --rm --network none run_variants sh -c 'find / -xdev -name "*run_variant*" | sort')"
	assert_eq "Dan Klopp" "$(docker inspect -f '{{.Author}}' run_variants)"
	assert_eq 6 "$(docker history -q run_variants | wc -l)"
	docker rmi run_variants
}
@test "docker build of the talk's Dockerfile says what the slide says, and makes its files" {
	served 'clients talked'
}

# answer STATUS [QUERY]: the body of POST /build for the context, with that status.
answer() {
	tar -c . >"$T/context.tar"
	expect "$1" POST "/v1.41/build?networkmode=none${2:-}" -H 'Content-Type: application/x-tar' --data-binary "@$T/context.tar"
}

mistaken() {
	local line want query
	mkdir -p "$T/context"
	cd "$T/context" || return
	while IFS='|' read -r line want; do
		printf '%b' "$line" >Dockerfile
		for query in '' '&q=1'; do
			assert_like "$(answer 400 "$query")" "{\"message\":\"*$want*"
		done
	done <<-'EOF'
		FRM bb\n|Dockerfile:1: *unknown instruction*FRM
		FROM bb\nCOPY x\n|Dockerfile:2: COPY needs
		FROM bb\nRUN --mout=x y\n|Dockerfile:2: RUN has no flag
		|no instructions in it
		FROM bb\nENV A\n|Dockerfile:2:
		FROM bb AS a\nCOPY --from=b /x /\nFROM bb AS b\nCOPY --from=a /x /\n|circular dependency
	EOF
	printf 'FROM bb\n' >Dockerfile
	assert_like "$(answer 400 '&target=none')" '{"message":"target stage *none* could not be found*'
	assert_like "$(answer 400 '&dockerfile=none')" '{"message":"*cannot open none*'
	# What fails once the steps are told fails in the stream.
	printf 'FROM bb\nCOPY none /\n' >Dockerfile
	assert_like "$(answer 200)" '{"stream":"Step 1/2 : FROM bb*"errorDetail":*is not in the context*'
}
@test "a mistake in a Dockerfile is a bad request, before any stream" {
	requires curl
	served mistaken
}
@test "docker build: steps, cache, quietly, failures" {
	served 'clients built'
}

given_up() {
	mkdir -p "$T/context"
	cd "$T/context" || return
	local long=$((1000000 + $$)) # nobody else sleeps so long
	printf 'FROM bb\nRUN sleep %s\n' $long >Dockerfile
	docker build --network none . >"$T/build" 2>&1 &
	wait_for grep -q Running "$T/build"
	kill $!
	wait_for sh -c "! ls /proc/$APID/task/*/children | xargs cat | grep -q ."
	wait_for sh -c "! pgrep -f '[s]leep $long' >/dev/null"
}
@test "who gives up a build ends it" {
	served given_up
}
