#!/usr/bin/env bats
# bats file_tags=apid
# apid and curl: the API by hand, as it is told in talks, and what each wrong request is answered.
load helpers
load box_helpers
load apid_helpers

setup_file() { box_setup_file; }
teardown_file() { tb_teardown_file; }
setup() {
	box_setup
	requires nft curl jq python3
}
teardown() { box_teardown; }

# As it was told in 2015, word by word: docker at a TCP port of this machine, and curl.
talk() {
	local ID
	apid_end
	apid_start -H tcp://127.0.0.1:2375 -H "$DOCKER_HOST"
	box-run -d --name first -e WHO=me --label k=v -p 8080:80 bb \
		sh -c 'trap "exit 3" TERM; echo hello $WHO; echo oops >&2; while :; do sleep 0.05; done' >"$T/first"
	wait_for grep -q oops "$TACKLEBOX_ROOT/names/first/log"

	curl -sX GET 127.0.0.1:2375/info | python3 -m json.tool >info
	jq -e '.Containers == 1 and .Images == 1 and (.Driver | length > 0) and .OSType == "linux" and .NCPU > 0
		and (.KernelVersion | length > 0) and .MemTotal > 0 and has("ExecutionDriver") and .MemoryLimit
		and .IndexServerAddress and .RegistryConfig and .DockerRootDir and (.DriverStatus | type == "array")' info

	curl -sX GET 127.0.0.1:2375/containers/json | python3 -m json.tool >list
	jq -e --arg id "$(<"$T/first")" '.[0] | .Id == $id and .Names == ["/first"] and .Image == "bb"
		and (.Command | startswith("sh -c ")) and (.Created | type == "number") and (.Status | startswith("Up "))
		and .Labels == {k: "v"} and (.Ports | map(select(.IP == "0.0.0.0"))) ==
			[{IP: "0.0.0.0", PrivatePort: 80, PublicPort: 8080, Type: "tcp"}]' list
	ID=$(jq -r '.[0].Id' list)
	curl -sX GET "127.0.0.1:2375/containers/$ID/json" | jq .Config >config
	jq -e '.Image == "bb" and .Env[0:1] == ["WHO=me"] and .Cmd[0] == "sh"' config

	# Another one of the same Config. It is there, and does not run until it is started.
	ID=$(curl -s -X POST -H "Content-Type: application/json" -d @config 127.0.0.1:2375/containers/create | tee answer | jq -r .Id)
	jq -e '.Id | test("^[0-9a-f]{64}$")' answer
	jq -e '.Warnings == []' answer
	assert_eq 1 "$(curl -s 127.0.0.1:2375/containers/json | jq length)"
	assert_eq Created "$(curl -s '127.0.0.1:2375/containers/json?all=1' | jq -r '.[0].Status')"
	assert_eq "" "$(curl -s -X POST "127.0.0.1:2375/containers/$ID/start")"
	assert_eq running "$(curl -s "127.0.0.1:2375/containers/$ID/json" | jq -r .State.Status)"
	wait_for grep -q oops "$TACKLEBOX_ROOT/boxes/$ID/log"

	# What it writes, in frames; its processes; its end.
	assert_eq "010000000000000968656c6c6f206d650a 02000000000000056f6f70730a" "$(curl -s \
		"127.0.0.1:2375/containers/$ID/logs?stdout=1&stderr=1" | od -An -v -tx1 | tr -d ' \n' | sed 's/0200000000000005/ &/')"
	curl -s "127.0.0.1:2375/containers/$ID/top" | jq -e '.Titles[1] == "PID" and (.Processes | length >= 1)'
	curl -s "127.0.0.1:2375/containers/$ID/export" | tar -t | grep -x etc/passwd >/dev/null
	assert_eq passwd "$(curl -s -X POST -H 'Content-Type: application/json' -d '{"Resource":"/etc/passwd"}' "127.0.0.1:2375/containers/$ID/copy" | tar -t)"
	curl -s -X POST "127.0.0.1:2375/containers/$ID/stop" -w '%{http_code}' | grep -qx 204
	assert_eq '{"Error":null,"StatusCode":3}' "$(curl -s -X POST "127.0.0.1:2375/containers/$ID/wait")"
	curl -s -X DELETE "127.0.0.1:2375/containers/$ID" -w '%{http_code}' | grep -qx 204

	# A wrong name is no error, and no limit. Who may ask is root.
	ID=$(curl -s -X POST -H 'Content-Type: application/json' 127.0.0.1:2375/containers/create \
		-d '{"Image": "bb", "Memroy": 4194304, "Cmd": ["head", "-1", "/host/etc/passwd"], "HostConfig": {"Binds": ["/:/host"]}}' | jq -r .Id)
	assert_eq 0 "$(curl -s "127.0.0.1:2375/containers/$ID/json" | jq .HostConfig.Memory)"
	curl -s -X POST "127.0.0.1:2375/containers/$ID/start"
	curl -s -X POST "127.0.0.1:2375/containers/$ID/wait"
	assert_eq "$(head -1 /etc/passwd)" "$(curl -s "127.0.0.1:2375/containers/$ID/logs?stdout=1" | tail -c +9)"
}
@test "the API by hand, as it was told in 2015" {
	served talk
}

# By a socket and without a version, with each of them, and the same from all.
versions() {
	local minor
	curl -sS --unix-socket "${DOCKER_HOST#unix://}" http://localhost/version >plain
	jq -e '.ApiVersion == "1.41" and .MinAPIVersion == "1.24" and .Os == "linux" and (.Components[0].Name == "Engine")' plain
	for minor in {12..50}; do
		expect 200 GET "/v1.$minor/version" | cmp - plain
	done
	assert_like "$(expect 400 GET /v1.51/version)" '{"message":"client version 1.51 is too new. Maximum supported API version is 1.*"}'
	assert_like "$(expect 400 GET /v2.0/version)" '{"message":"client version 2.0 is too new.*"}'
	assert_like "$(expect 400 GET /v1.11/version)" 'client version 1.11 is too old. Minimum supported API version is 1.12, please*version'
	# Errors were plain text then.
	assert_eq 'No such container: nobody' "$(expect 404 GET /v1.22/containers/nobody/json)"
	assert_eq '{"message":"No such container: nobody"}' "$(expect 404 GET /v1.23/containers/nobody/json)"
	for minor in 1.x 1 .41 1.-1; do
		assert_eq '{"message":"page not found"}' "$(expect 404 GET "/v$minor/version")"
	done
}
@test "versions 1.12 to 1.50 and none, all with the same answer" {
	served versions
}

# Rows: the status, what is asked, the message that it begins with, if that is said. ONE runs, END has
# ended. All that differ are told.
errors() {
	local status method path body message got n=0
	box-run -d --name ONE -v vol:/v --network net bb sleep 1000 >/dev/null
	box-run --name END --network none bb true
	: >bad
	while IFS='|' read -r status method path body message; do
		got=$(api "$method" "$path" -g ${body:+-H 'Content-Type: application/json' -d "$body"})
		grep -q "^HTTP/1.1 $status " "$T/head" || echo "$status $method $path $body: $(head -n 1 "$T/head") $got" >>bad
		n=$((n + 1))
		[[ $status != [45]* ]] || {
			grep -qi '^Content-Type: application/json.$' "$T/head" || echo "$method $path: $(<"$T/head")" >>bad
			got=$(jq -r 'if keys == ["message"] then .message else tostring end' <<<"$got")
		}
		[[ ${got,,} == "${message,,}"* ]] || echo "$method $path $body: '$message' is wanted, and got '$got'" >>bad
	done
	[[ ! -s bad ]] || fail "$(<bad)"
	[[ $n -gt 80 ]]
}
@test "what each wrong request is answered" {
	rows() {
		net-create net >/dev/null
		errors <<-'END'
			404|GET|/nothing||page not found
			404|PUT|/info||page not found
			404|GET|/containers/create||page not found
			404|POST|/containers/json||page not found
			404|GET|/containers/none/json||No such container: none
			404|POST|/containers/none/start||No such container: none
			404|POST|/containers/none/stop||No such container: none
			404|POST|/containers/none/kill||No such container: none
			404|POST|/containers/none/restart||No such container: none
			404|POST|/containers/none/pause||No such container: none
			404|POST|/containers/none/wait||No such container: none
			404|POST|/containers/none/attach?stream=1||No such container: none
			404|POST|/containers/none/exec|{"Cmd":["true"]}|No such container: none
			404|POST|/containers/none/rename?name=x1||No such container: none
			404|POST|/containers/none/update|{"Memory":8388608}|No such container: none
			404|POST|/containers/none/resize?h=1&w=1||No such container: none
			404|POST|/commit?container=none||No such container: none
			404|GET|/containers/none/logs?stdout=1||No such container: none
			404|GET|/containers/none/stats||No such container: none
			404|GET|/containers/none/top||No such container: none
			404|GET|/containers/none/changes||No such container: none
			404|GET|/containers/none/export||No such container: none
			404|GET|/containers/none/archive?path=/||No such container: none
			404|DELETE|/containers/none||No such container: none
			404|GET|/exec/none/json||No such exec instance: none
			404|POST|/exec/none/start|{}|No such exec instance: none
			404|GET|/images/none/json||No such image: none
			404|GET|/images/none:1/history||No such image: none:1
			404|GET|/images/none/get||
			404|DELETE|/images/none||No such image: none:latest
			404|POST|/images/none/tag?repo=x||No such image: none:latest
			404|GET|/networks/none1||network none1 not found
			404|DELETE|/networks/none1||network none1 not found
			404|POST|/networks/none1/connect|{"Container":"ONE"}|network none1 not found
			404|POST|/networks/net/connect|{"Container":"none"}|No such container: none
			404|GET|/volumes/none||get none: no such volume
			404|DELETE|/volumes/none||get none: no such volume
			204|DELETE|/volumes/none?force=1||
			404|POST|/containers/create|{"Image":"none"}|No such image: none:latest
			404|POST|/containers/create|{"Image":"none:2"}|No such image: none:2
			400|POST|/containers/create|{}|Config cannot be empty in order to create a container
			400|POST|/containers/create|[]|
			400|POST|/containers/create|{"Image":|
			400|POST|/containers/create|{"Image":7}|
			400|POST|/containers/create?name=/|{"Image":"bb"}|Invalid container name
			400|POST|/containers/create?name=a%20b|{"Image":"bb"}|Invalid container name (a b), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed
			400|POST|/containers/create|{"Image":"bb","HostConfig":{"Binds":["a:b:c:d"]}}|
			400|POST|/containers/create|{"Image":"bb","HostConfig":{"PortBindings":{"abc/tcp":[{}]}}}|
			400|POST|/containers/create|{"Image":"bb","HostConfig":{"Memory":1048576}}|Minimum memory limit allowed is 6MB
			400|POST|/containers/create|{"Image":"bb","HostConfig":{"RestartPolicy":{"Name":"sometimes"}}}|
			409|POST|/containers/create?name=ONE|{"Image":"bb"}|Conflict. The container name "/ONE" is already in use by container "
			304|POST|/containers/ONE/start||
			304|POST|/containers/END/stop||
			409|DELETE|/containers/ONE||You cannot remove a running container
			409|POST|/containers/END/kill||Cannot kill container: END: Container
			400|POST|/containers/ONE/kill?signal=NONE||Invalid signal: NONE
			409|POST|/containers/END/pause||Container
			500|POST|/containers/ONE/unpause||Container
			409|GET|/containers/END/top||Container
			409|POST|/containers/END/exec|{"Cmd":["true"]}|Container
			400|POST|/containers/ONE/exec|{"Cmd":[]}|No exec command specified
			400|POST|/containers/ONE/rename||
			409|POST|/containers/ONE/rename?name=END||
			400|GET|/containers/ONE/logs||Bad parameters: you must choose at least one stream
			400|POST|/containers/ONE/resize?h=x&w=1||
			404|GET|/containers/ONE/archive?path=/none||Could not find the file /none in container ONE
			400|GET|/containers/ONE/archive||
			400|GET|/containers/json?filters={"bogus":["1"]}||Invalid filter 'bogus'
			400|GET|/containers/json?filters={"status":["bogus"]}||
			400|GET|/images/json?filters={"bogus":["1"]}||Invalid filter 'bogus=1'
			400|GET|/networks?filters={"bogus":["1"]}||Invalid filter 'bogus'
			400|GET|/volumes?filters={"bogus":["1"]}||Invalid filter 'bogus'
			400|GET|/events?filters={"bogus":["1"]}||Invalid filter 'bogus'
			409|DELETE|/images/bb||
			409|DELETE|/volumes/vol||remove vol: volume is in use
			403|DELETE|/networks/net||error while removing network: network net id
			403|DELETE|/networks/host||host is a pre-defined network and cannot be removed
			403|POST|/networks/net/connect|{"Container":"ONE"}|endpoint with name ONE already exists in network net
			409|POST|/networks/create|{"Name":"net"}|network with name net already exists
			400|POST|/networks/create|{}|
			400|POST|/networks/create|{"Name":"n2","IPAM":{"Config":[{"Subnet":"x"}]}}|
			400|POST|/volumes/create|{"Name":"a/b"}|"a/b" includes invalid characters for a local volume name
			404|POST|/volumes/create|{"Name":"v2","Driver":"nfs"}|
			503|GET|/swarm||This node is not a swarm manager.
			503|GET|/services||This node is not a swarm manager.
			503|GET|/services/x||This node is not a swarm manager.
			503|POST|/services/create|{}|This node is not a swarm manager.
			501|POST|/swarm/init|{}|there is no swarm here
			400|GET|/images/search||no term says
			400|POST|/containers/ONE/copy|{}|bad parameter: path cannot be empty
			404|POST|/containers/ONE/copy|{"Resource":"/none"}|
			404|GET|/plugins/none/json||
		END
	}
	served rows
}
