#!/usr/bin/env bats
# bats file_tags=apid
# apid under many clients at once, and killed at any moment.
load helpers
load box_helpers
load apid_helpers

setup_file() { box_setup_file; }
teardown_file() { tb_teardown_file; }
setup() {
	box_setup
	requires nft python3
}
teardown() { tb_teardown; }

# Two hundred clients at once make, start, await, list and remove containers for $TEST_SECONDS (8). Some
# want the same name as a neighbour: 409 is due then, and nothing else.
many() {
	TEST_SECONDS=${TEST_SECONDS:-8} python3 "$TB_TESTS/apid-load.py" "${DOCKER_HOST#unix://}" "$APID"
	assert_eq '[]' "$(api GET '/containers/json?all=1')"
}
@test "two hundred clients make, start, await, list and remove: no error, no descriptor left, no memory grown" {
	requires python3
	served many
}

# Whatever it was doing, all containers are in order afterwards and a new one knows them.
struck() {
	local i pause client name state
	for i in $(seq $(($(rounds) / 2 + 1))); do
		name=box-$i
		docker run --name "$name" --network none bb sh -c 'echo hello; exit 4' >"$T/out" 2>&1 &
		client=$!
		pause=$((RANDOM % 200))
		sleep "0.$(printf %03d $pause)"
		apid_end KILL
		wait $client || :
		apid_start
		# It is not there, or made, or it has run to its end.
		if docker inspect "$name" >"$T/doc" 2>/dev/null; then
			wait_for sh -c '[ "$(docker inspect -f "{{.State.Running}}" '"$name"')" = false ]'
			state=$(docker inspect -f '{{.State.Status}}' "$name")
			if [ "$state" = created ]; then
				try docker start -a "$name"
				assert_eq 4 "$status" "$name after $pause ms, started: $output $(docker inspect "$name" | jq -c '.[0].State'; cd "$TACKLEBOX_ROOT/names/$name/" && ls)"
			else
				assert_eq exited "$state" "$name after $pause ms"
			fi
			assert_eq 4 "$(docker wait "$name")" "$name after $pause ms, $state: $(docker inspect "$name" | jq -c '.[0].State'; cd "$TACKLEBOX_ROOT/names/$name/" && ls)"
			assert_eq hello "$(docker logs "$name" 2>&1)" "$name after $pause ms"
			docker rm "$name" >/dev/null
		fi
		docker run --rm --name "$name" --network none bb true
	done
}
@test "killed at any moment of docker run: a new one lists, starts, waits, removes" {
	needs_client
	served struck
}

goes_on() {
	local id
	id=$(docker run -d --name one --network none bb sh -c 'i=0; while :; do echo $i; i=$((i+1)); sleep 0.05; done')
	docker exec one true
	docker logs -f one >"$T/followed" 2>&1 &
	wait_for test -s "$T/followed"
	apid_end KILL
	assert_eq running "$(state_of one Status)"
	apid_start
	assert_eq "$id" "$(docker ps -q --no-trunc)"
	assert_eq x "$(docker exec one echo x)"
	docker logs --tail 1 one | grep -qE '^[0-9]+$'
	docker stop -t 0 one
	docker rm one
}
@test "containers go on without it" {
	needs_client
	served goes_on
}

ends_well() {
	docker run -d --name one --network none bb sleep 1000
	docker logs -f one >"$T/followed" 2>&1 &
	local follower=$!
	docker events >"$T/events" 2>&1 &
	local listener=$!
	docker attach --no-stdin one >"$T/attached" 2>&1 &
	local attached=$!
	wait_for sh -c '[ $(ls /proc/'"$APID"'/task | wc -l) -ge 6 ]'
	apid_end
	wait $follower || :
	wait $listener || :
	wait $attached || :
	[ ! -e "${DOCKER_HOST#unix://}" ]
	assert_eq running "$(state_of one Status)"
	apid_start
}
@test "asked to end it ends, whoever is still there; containers go on" {
	needs_client
	served ends_well
}
