#!/usr/bin/env bats
# bats file_tags=box
# Health checks: asked again and again, answers kept, changes told; ones that mean harm.
load helpers
load box_helpers

setup_file() { box_setup_file; }
teardown_file() { tb_teardown_file; }
setup() { box_setup; }
teardown() { box_teardown; }

health() { box-inspect "$1" | jq -r ".State.Health.$2"; }
is_health() { [[ $(health "$1" Status) == "$2" ]]; }
# checked NAME CHECK OPTION…: a box that is asked often.
checked() {
	local name=$1 check=$2
	shift 2
	box-run -d --name "$name" --network none --health-cmd "$check" --health-interval 100ms "$@" bb \
		sh -c 'echo ready; sleep 1000' >/dev/null
}
probes() { pgrep -f "^[^ ]*box-health $(box-inspect "$1" | jq -r .Id)"; }

@test "starting, healthy, unhealthy and back; the answers, the events, the table and its filter" {
	checked one 'cat /well && echo fine' --health-retries 2
	assert_like "$(box-ps)" '*(health: starting)*'
	wait_for is_health one unhealthy
	assert_eq one "$(box-ps --filter health=unhealthy --json | jq -r '.Names[0][1:]')"
	(($(health one FailingStreak) >= 2))
	assert_like "$(health one 'Log[-1].Output')" '*No such file or directory*'
	assert_eq 1 "$(health one 'Log[-1].ExitCode')"
	box-exec one touch /well
	wait_for is_health one healthy
	assert_eq '0 fine' "$(health one FailingStreak) $(health one 'Log[-1].Output')"
	assert_like "$(box-ps)" '*(healthy)*'
	sleep 0.5
	assert_eq 5 "$(health one 'Log | length')"
	assert_eq $'health_status: unhealthy\nhealth_status: healthy' \
		"$(box-events --since 1m --until 0s --json --filter event=health_status | jq -r .Action)"
	# What stands still is not asked. (The answer that was on its way may still come in.)
	box-pause one >/dev/null
	local last
	sleep 0.5
	last=$(health one 'Log[-1].Start')
	sleep 0.5
	assert_eq "$last" "$(health one 'Log[-1].Start')"
	box-unpause one >/dev/null
	# It ends with the box, and a new run begins anew.
	box-stop -t 0 one >/dev/null
	wait_for eval '! probes one'
	box-start one >/dev/null
	assert_eq starting "$(health one Status)"
	wait_for is_health one healthy
}

@test "how it is can be seen from its start, before the first answer" {
	local i
	box-create --name soon --network none --health-cmd true --health-interval 1h bb sleep 1000 >/dev/null
	for ((i = 0; i < 10; i++)); do
		box-start soon >/dev/null
		assert_eq starting "$(health soon Status)"
		rm -f "$TACKLEBOX_ROOT/names/soon/health.json"
		assert_eq 0 "$(health soon FailingStreak)"
		box-stop -t 0 soon >/dev/null
	done
	assert_eq null "$(box-inspect soon | jq .State.Health)"
}

@test "the image's check, a command without a shell, none; failures at first that do not count" {
	img-commit --no-layer -p bb -c 'HEALTHCHECK --interval=100ms --retries=1 CMD ["/bin/test", "-e", "/well"]' checked >/dev/null
	box-run -d --name image --network none checked sleep 1000 >/dev/null
	wait_for is_health image unhealthy
	box-run -d --name none --no-healthcheck --network none checked sleep 1000 >/dev/null
	assert_eq null "$(box-inspect none | jq .State.Health)"
	run ! probes none
	run -1 box-health none
	assert_like "$output" '*has no health check*'
	checked slow 'cat /well' --health-retries 1 --health-start-period 2s
	wait_for eval '(($(health slow "Log | length") >= 2))'
	assert_eq 'starting 0' "$(health slow Status) $(health slow FailingStreak)"
	wait_for is_health slow unhealthy
}

@test "a check has the box's limits, groups and oom_score_adj" {
	checked within 'ulimit -n; id -G; cat /proc/self/oom_score_adj' --ulimit nofile=77 --group-add 777 --oom-score-adj 300
	wait_for is_health within healthy
	assert_like "$(health within 'Log[-1].Output' | xargs)" '77 * 777 300'
}

@test "a check that hangs, forks, or writes without end harms nobody" {
	local before n
	checked hangs 'sleep 1000' --health-timeout 300ms --health-retries 1
	checked forks 'sleep 1000 & sleep 1000 & exit 0' --health-retries 1 --pids-limit 40
	checked writes yes --health-timeout 500ms --health-retries 1
	wait_for is_health hangs unhealthy
	assert_eq -1 "$(health hangs 'Log[-1].ExitCode')"
	assert_like "$(health hangs 'Log[-1].Output')" 'Health check exceeded timeout*'
	# Those that it leaves behind hold its output open: that is nothing to wait for.
	wait_for eval '(($(health forks "Log | length") >= 3))'
	(($(box-top forks | wc -l) <= 42))
	wait_for is_health writes unhealthy
	n=$(probes writes)
	before=$(awk '{ print $14 + $15 }' "/proc/$n/stat")
	sleep 1
	(($(awk '{ print $14 + $15 }' "/proc/$n/stat") - before < 30)) || fail "box-health is busy"
	(($(stat -c %s "$TACKLEBOX_ROOT/names/writes/health.json") < 20000))
	box-rm -f hangs forks writes >/dev/null
}
