#!/usr/bin/env bats
# bats file_tags=box
# Restart policies: who is started again, how often, after which pauses, and who ends that.
load helpers
load box_helpers

setup_file() { box_setup_file; }
teardown_file() { tb_teardown_file; }
setup() { box_setup; }
teardown() { box_teardown; }

restarts() { box-inspect "$1" | jq .RestartCount; }
at_least() { (($(restarts "$1") >= $2)); }
is_state() { [[ $(state_of "$1" Status) == "$2" ]]; }

# policy NAME POLICY COMMAND…
policy() { box-run -d --name "$1" --restart "$2" --network none bb sh -c "$3" >/dev/null; }

@test "on-failure: again after a failure, so often and no more; not after success, nor without a policy" {
	policy fails on-failure:2 'echo run; exit 3'
	policy fine on-failure 'exit 0'
	policy none no 'exit 3'
	wait_for is_state fails exited
	wait_for eval '[[ $(grep -c run "$TACKLEBOX_ROOT/names/fails/log") == 3 ]] && is_state fails exited'
	assert_eq '2 3' "$(restarts fails) $(state_of fails ExitCode)"
	sleep 0.5
	assert_eq '2 0 0' "$(restarts fails) $(restarts fine) $(restarts none)"
	assert_eq '' "$(box-ps -q)"
	# Whoever starts it begins anew.
	box-start fails >/dev/null
	wait_for eval '[[ $(grep -c run "$TACKLEBOX_ROOT/names/fails/log") == 6 ]] && is_state fails exited'
	assert_eq 2 "$(restarts fails)"
	assert_eq 6 "$(box-events --since 1m --until 0s --json | jq -r 'select(.Action == "die" and .Actor.Attributes.name == "fails").Actor.Attributes.exitCode' | grep -c 3)"
}

@test "always: its pauses grow; stop, kill and rm -f end it, also while it waits" {
	local n
	policy loop always 'exit 1'
	# Then a pause is long enough for all that is asked here.
	wait_for at_least loop 5
	wait_for is_state loop restarting
	assert_like "$(box-ps)" '*Restarting (1) *'
	assert_eq true,true "$(box-inspect loop | jq -r '.State | "\(.Running),\(.Restarting)"')"
	assert_eq loop "$(box-ps --filter status=restarting --json | jq -r '.Names[0][1:]')"
	run -1 box-rm loop
	assert_like "$output" '*You cannot remove a restarting container*'
	run -125 box-exec loop true
	# 100, 200, 400 ms: the third pause is the longest.
	box-events --since 1m --until 0s --json --filter container=loop | jq -se 'map(select(.Action == "start" or .Action == "die")) |
		[range(1; 7; 2) as $i | (.[$i + 1].timeNano - .[$i].timeNano) / 1e6] |
		.[0] >= 100 and .[1] >= 200 and .[2] >= 400 and .[2] < 5000' || fail "$(box-events --since 1m --until 0s)"
	assert_eq loop "$(timeout 5 box-stop loop)"
	is_state loop exited
	n=$(restarts loop)
	sleep 1
	assert_eq "$n" "$(restarts loop)"
	# While it runs.
	policy runs always 'sleep 1000'
	timeout 10 box-kill runs >/dev/null
	wait_for is_state runs exited
	policy gone always 'exit 1'
	wait_for is_state gone restarting
	timeout 5 box-rm -f gone >/dev/null
	sleep 0.5
	run -1 box-inspect gone
	# A signal that it handles is no wish that it ends.
	policy hup always 'trap "exit 4" HUP; echo ready; while :; do sleep 0.05; done'
	wait_for grep -q ready "$TACKLEBOX_ROOT/names/hup/log"
	box-kill -s HUP hup >/dev/null
	wait_for at_least hup 1
	wait_for is_state hup running
	timeout 20 box-stop -t 0 hup >/dev/null
	is_state hup exited
}

@test "stopped at random moments, twenty times: it stays stopped, and nothing is left" {
	local i
	for ((i = 0; i < $(rounds); i++)); do
		policy "r$i" always 'exit 1'
		sleep "0.$((RANDOM % 5))$((RANDOM % 10))"
		timeout 20 box-stop -t 0 "r$i" >/dev/null
		is_state "r$i" exited || fail "round $i: $(state_of "r$i" Status)"
	done
	sleep 1
	assert_eq '' "$(box-ps -q)"
	assert_eq '' "$(find "$TACKLEBOX_RUN" -mindepth 1 ! -name bridge.lock)"
	run ! pgrep -f "box-restart --by-policy .*$(basename "$TACKLEBOX_ROOT")"
}

@test "after the host was down: always, and those that nobody had stopped" {
	local name
	for name in always unless-stopped on-failure no; do
		policy "$name" "$name" 'sleep 1000'
		policy "stopped-$name" "$name" 'sleep 1000'
		box-stop -t 0 "stopped-$name" >/dev/null
	done
	box-create --name never --restart always --network none bb >/dev/null
	# As when the power goes: nobody clears up.
	pgrep -f "^box-mon .*$TACKLEBOX_ROOT/boxes/" | xargs kill -9
	wait_for eval '[[ -z $(box-ps -q) ]]'
	assert_eq $'always\non-failure\nstopped-always\nunless-stopped' "$(box-restart --boot | sort)"
	assert_eq $'always\non-failure\nstopped-always\nunless-stopped' "$(box-ps --json | jq -r '.Names[0][1:]' | sort)"
	assert_eq '' "$(box-restart --boot)"
}
