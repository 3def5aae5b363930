#!/usr/bin/env bats
# bats file_tags=box
# Boxes: made, run, seen, stopped, removed. Nothing of them stays behind.
load helpers
load box_helpers

setup_file() { box_setup_file; }
teardown_file() { tb_teardown_file; }
setup() { box_setup; }
teardown() { box_teardown; }

@test "box-run: output, errors, status; with --rm nothing is left" {
	run -3 --separate-stderr box-run --rm --network none bb sh -c 'echo "$A"; echo two >&2; exit 3'
	assert_eq b "$output"
	assert_eq two "$stderr"
	no_box_left
}

@test "box-run: 127 not found, 126 not executable, 125 ours; nothing is left of a box with --rm" {
	run -127 box-run --rm --network none bb nothing
	assert_like "$output" '*nothing*'
	run -126 box-run --rm --network none bb /etc/passwd
	run -125 box-run --rm --pull never --network none no-such-image true
	run -125 box-run --no-such-option bb true
	# What shows only when it starts.
	run -125 box-run --rm --network nowhere bb true
	run -125 box-run --rm -d --network nowhere bb true
	run -127 box-run --rm -d --network none bb nothing
	no_box_left
	box-create --name one --network nowhere bb true >/dev/null
	run -1 box-start one
}

@test "why a program could not be started is not what the program has written" {
	local how
	for how in '' -t -i; do
		# shellcheck disable=SC2086 # no option is no word
		run -127 box-run $how --name one --network none bb nothing
		assert_eq 1 "$(grep -c 'cannot run nothing' <<<"$output")" "$how"
		assert_eq "" "$(<"$TACKLEBOX_ROOT/names/one/log")" "$how"
		assert_like "$(state_of one Error)" '*cannot run nothing*'
		box-rm one
	done
}

@test "box-run -i: input, all of it, and its end" {
	head -c 3000000 /dev/urandom >"$T/data"
	box-run -i --rm --network none bb cat <"$T/data" | cmp - "$T/data"
	assert_eq 3000000 "$(box-run --rm --network none bb sh -c 'yes | head -c 3000000' | wc -c)"
	# A reader who leaves does not hold the box up for ever.
	box-run --rm --network none bb sh -c 'yes | head -c 300000' | head -n 1 >/dev/null
}

@test "box-run -i: a program may write before it reads, and more than is kept on either way" {
	head -c 1000000 /dev/zero >"$T/data"
	local first='sleep 1; head -c 1000000 /dev/zero; cat >/dev/null'
	assert_eq 1000000 "$(timeout 60 box-run -i --rm --network none bb sh -c "$first" <"$T/data" | wc -c)"
}

@test "box-run -t in a terminal: its size, its keys, detaching" {
	requires tmux
	local s="tmux -L tbtest-$$ -f /dev/null"
	$s new-session -d -x 90 -y 30 "env PATH=$PATH TACKLEBOX_ROOT=$TACKLEBOX_ROOT TACKLEBOX_RUN=$TACKLEBOX_RUN box-run --name term -it --network none bb sh; echo left \$?; sleep 20"
	seen() { $s capture-pane -p | grep -qE "$1"; }
	wait_for seen '#'
	$s send-keys 'stty size; echo $((40+2)) $TERM' Enter
	wait_for seen '^30 90'
	wait_for seen '^42 xterm'
	# It is one of the box's own, so it has a name there.
	$s send-keys 'clear; tty; echo to-console >/dev/console; ls /dev/pts' Enter
	wait_for seen '^/dev/pts/0$'
	wait_for seen '^to-console$'
	$s send-keys C-p C-q
	wait_for seen 'left 0'
	assert_eq running "$(state_of term Status)"
	box-kill term >/dev/null
	$s kill-server
	wait_for sh -c "! box-ps -q | grep -q ."
}

@test "the size of a terminal: from the first moment on, and by box-resize" {
	run -0 on_terminal "stty rows 20 cols 40; box-run -it --rm --network none bb stty size"
	assert_line '20 40'
	box-run -dit --name one --network none bb sh -c 'trap "stty size" WINCH; echo ready; while :; do sleep 0.05; done' >/dev/null
	wait_for sh -c 'box-logs one | grep -q ready'
	box-resize one 50 132
	wait_for sh -c 'box-logs one | grep -q "^50 132"'
	run -2 box-resize one 0 132
	box-rm -f one >/dev/null
	box-create --name two --network none bb >/dev/null
	run -1 box-resize two 50 132
	assert_like "$output" '*is not running*'
}

@test "a terminal belongs to the box's user" {
	run -0 on_terminal "box-run -it --rm -u 1000 --network none bb sh -c 'echo y >\$(tty) && stat -c %u:%g:%a \$(tty)'"
	assert_like "$output" 'y*1000:5:620*'
}

@test "a name is one box's; -d, ps, rm" {
	local id
	id=$(box-run -d --name one --network none bb sleep 1000)
	[[ $id =~ ^[0-9a-f]{64}$ ]]
	run -1 box-create --name one bb
	assert_like "$output" '*The container name "/one" is already in use by container*'
	assert_eq "${id:0:12}" "$(box-ps -q)"
	run -1 box-rm one
	assert_like "$output" '*You cannot remove a running container*'
	assert_eq one "$(box-rm -f one)"
	assert_eq "" "$(box-ps -aq)"
}

@test "one name wanted by twenty: one gets it" {
	local i
	for i in $(seq 20); do
		box-create --name wanted --network none bb true >>"$T/ids" 2>>"$T/errors" &
	done
	wait
	assert_eq 1 "$(wc -l <"$T/ids")"
	assert_eq 19 "$(grep -c 'already in use' "$T/errors")"
	assert_eq 1 "$(box-ps -aq | wc -l)"
}

@test "log, status and bundle are files" {
	box-run --name one --network none bb echo hello >/dev/null
	assert_eq 'hello' "$(jq -r .log "$TACKLEBOX_ROOT/names/one/log" | head -1)"
	assert_like "$(<"$TACKLEBOX_ROOT/names/one/exit")" '0 *.*'
	assert_eq '["echo","hello"]' "$(jq -c .process.args "$TACKLEBOX_ROOT/names/one/config.json")"
	assert_eq exited "$(box-ps -a --json | jq -r .State)"
	box-start -a one | grep -qx hello
	assert_eq 2 "$(grep -c hello "$TACKLEBOX_ROOT/names/one/log")"
}

@test "box-stop: the box's signal, then KILL; restart; kill" {
	steady one
	box-kill -s USR1 one >/dev/null
	wait_for grep -q usr1 "$TACKLEBOX_ROOT/names/one/log"
	assert_eq one "$(box-stop one)"
	assert_eq "exited 7" "$(state_of one Status) $(state_of one ExitCode)"
	assert_eq one "$(box-stop one)"
	run -1 box-kill one
	assert_like "$output" '*is not running*'
	box-start one >/dev/null
	box-restart -t 1 one >/dev/null
	assert_eq running "$(state_of one Status)"
	box-stop -t 1 one >/dev/null
	box-rm one >/dev/null
	# One that takes no notice.
	box-run -d --name deaf --network none bb sh -c 'trap "" TERM; while :; do sleep 1; done' >/dev/null
	box-stop -t 0 deaf >/dev/null
	assert_eq 137 "$(state_of deaf ExitCode)"
	run -1 box-kill -s NOSUCH deaf
	assert_like "$output" '*Invalid signal: NOSUCH*'
	# What was killed can be removed at once.
	local i
	for ((i = 0; i < 10; i++)); do
		box-start deaf >/dev/null
		box-kill deaf >/dev/null
		assert_eq exited "$(state_of deaf Status)"
	done
	box-rm deaf >/dev/null
}

@test "pause, and what a paused box does not do" {
	steady one
	assert_eq one "$(box-pause one)"
	assert_eq paused "$(state_of one Status)"
	assert_like "$(box-ps)" '*(Paused)*'
	run -1 box-pause one
	assert_like "$output" '*already paused*'
	run -125 box-exec one true
	assert_like "$output" '*is paused*'
	run -1 box-start one
	assert_like "$output" '*cannot start a paused container*'
	assert_eq one "$(box-unpause one)"
	run -1 box-unpause one
	assert_like "$output" '*not paused*'
	box-pause one >/dev/null
	box-stop -t 5 one >/dev/null
	assert_eq exited "$(state_of one Status)"
	box-start one >/dev/null
	box-pause one >/dev/null
	box-rm -f one >/dev/null
}

@test "box-logs: all, the last, by time, one stream; following through a rotation to the end" {
	box-run --name one --network none bb sh -c 'for i in 1 2 3; do echo out$i; echo err$i >&2; done; printf half' >/dev/null 2>&1
	assert_eq $'out1\nout2\nout3\nhalf' "$(box-logs one 2>/dev/null)"
	assert_eq $'err1\nerr2\nerr3' "$(box-logs --stderr one 2>&1)"
	assert_eq half "$(box-logs --tail 1 one 2>&1)"
	[[ $(box-logs -t --stdout one | head -1) =~ ^2[0-9-]+T[0-9:]+\.[0-9]{9}Z\ out1$ ]]
	assert_eq "" "$(box-logs --since "$(date -d '+1 hour' +%s)" one 2>&1)"
	assert_eq "" "$(box-logs --until 1h one 2>&1)"
	run -2 box-logs --tail x one
	run -2 box-logs --since x one
	# 300 lines of 100 bytes in files of 4 kB, all of which are kept: who reads late misses none.
	box-create --name many --network none --log-opt max-size=4k --log-opt max-file=100 bb sh -c \
		'echo begin; while [ ! -e /go ]; do sleep 0.02; done; i=0; while [ $i -lt 300 ]; do i=$((i+1)); printf "%090d\n" $i; done' >/dev/null
	box-start many >/dev/null
	timeout 20 box-logs -f many >"$T/followed" 3>&- & local reader=$!
	wait_for grep -q begin "$T/followed"
	pkill -STOP -P "$reader"
	box-exec many touch /go
	box-wait many >/dev/null
	pkill -CONT -P "$reader"
	wait "$reader"
	assert_eq 301 "$(wc -l <"$T/followed")"
	cmp <(box-logs many) "$T/followed"
	# The same, and two are kept.
	box-run --name many2 --network none --log-opt max-size=4k --log-opt max-file=2 bb sh -c \
		'i=0; while [ $i -lt 300 ]; do i=$((i+1)); printf "%090d\n" $i; done' >/dev/null
	[ "$(stat -c %s "$TACKLEBOX_ROOT/names/many2/log" "$TACKLEBOX_ROOT/names/many2/log.1" | sort -n | tail -1)" -le 4096 ]
	[ ! -e "$TACKLEBOX_ROOT/names/many2/log.2" ]
	box-logs many2 | tail -1 | grep -q '0300$'
	# As many as may be: no more are looked for than there are.
	timeout -s KILL 20 box-run --name all --network none --log-opt max-size=1k --log-opt max-file=2147483647 bb seq 100 >/dev/null
	assert_eq "$(seq 100)" "$(box-logs all)"
	[ -e "$TACKLEBOX_ROOT/names/all/log.4" ]
	# One file, which makes room for another when it is full: who follows goes on.
	box-create --name single --network none --log-opt max-size=4k bb sh -c \
		'echo begin; while [ ! -e /go ]; do sleep 0.02; done; i=0; while [ $i -lt 300 ]; do i=$((i+1)); printf "%090d\n" $i; done' >/dev/null
	box-start single >/dev/null
	timeout 20 box-logs -f single >"$T/followed" 3>&- & reader=$!
	wait_for grep -q begin "$T/followed"
	box-exec single touch /go
	wait "$reader"
	assert_like "$(tail -n 1 "$T/followed")" '*0300'
	[ ! -e "$TACKLEBOX_ROOT/names/single/log.1" ]
	box-run --name none --network none --log-driver none bb echo x >/dev/null
	assert_eq "" "$(box-logs none)"
}

@test "box-run -n of an image that is not here says the whole way" {
	run -0 box-run -n --rm --network none localhost:1/nowhere:1 true
	assert_like "$output" '*img-pull localhost:1/nowhere:1*box-create *box-start*'
}

sockets() { find "/proc/$1/fd" -lname 'socket:*' | wc -l; }

@test "box-attach: several see the same; input once, or for as long as somebody gives some" {
	box-run -d --name one --network none -i bb sh -c 'while read -r l; do echo "got $l"; [ "$l" != end ] || exit 5; done' >/dev/null
	local mon before
	mon=$(pgrep -f "^[^ ]*box-mon .*$TACKLEBOX_ROOT/boxes/$(box-inspect one | jq -r .Id)")
	before=$(sockets "$mon")
	mkfifo "$T/open"
	exec 9<>"$T/open" # an input that never ends
	# KILL, as any other signal of timeout(1) would be the box's.
	timeout -s KILL 20 box-attach one <"$T/open" >"$T/a" 3>&- 9>&- & local a=$!
	timeout -s KILL 20 box-attach --no-stdin one >"$T/b" 3>&- 9>&- & local b=$!
	wait_for eval '(($(sockets "$mon") == before + 2))'
	# Its input stays open when this one has no more: nobody stays with it.
	echo first | timeout -s KILL 1 box-attach one >/dev/null || :
	run -5 timeout -s KILL 10 box-attach one <<<end
	local status_a=0 status_b=0
	wait "$a" || status_a=$?
	wait "$b" || status_b=$?
	exec 9>&-
	[ "$status_a $status_b" = '5 5' ]
	[ "$(<"$T/a")" = $'got first\ngot end' ]
	cmp "$T/a" "$T/b"
	run -1 timeout -s KILL 5 box-attach one
	assert_like "$output" '*cannot attach to a stopped container*'
}

@test "box-attach: there is room for 16, and who comes then hears why he does not stay" {
	box-run -d --name one --network none bb sleep 1000 >/dev/null
	local mon before i status all=()
	mon=$(pgrep -f "^[^ ]*box-mon .*$TACKLEBOX_ROOT/boxes/$(box-inspect one | jq -r .Id)")
	before=$(sockets "$mon")
	for ((i = 0; i < 16; i++)); do
		box-attach --no-stdin one 3>&- & all+=($!)
	done
	wait_for eval '(($(sockets "$mon") == before + 16))'
	run -255 timeout -s KILL 20 box-attach --no-stdin one
	assert_like "$output" '*no room for one more'
	kill -KILL "${all[0]}"
	wait_for eval '(($(sockets "$mon") == before + 15))'
	box-attach --no-stdin one 3>&- & all+=($!)
	wait_for eval '(($(sockets "$mon") == before + 16))'
	box-kill one >/dev/null
	for ((i = 1; i < 17; i++)); do
		status=0
		wait "${all[i]}" || status=$?
		assert_eq 137 "$status"
	done
}

@test "box-wait: the status, of a box that removes itself too, and of one that does not run yet" {
	box-run -d --rm --name one --network none bb sh -c 'sleep 0.5; exit 6' >/dev/null
	assert_eq 6 "$(timeout 20 box-wait --condition removed one)"
	[ ! -e "$TACKLEBOX_ROOT/names/one" ]
	box-create --name two --network none bb sh -c 'exit 4' >/dev/null
	assert_eq 0 "$(timeout 20 box-wait two)"
	timeout 20 box-wait --condition next-exit two >"$T/status" &
	wait_for sh -c "ls $TACKLEBOX_RUN/*.wait/*"
	box-start two >/dev/null
	wait $!
	assert_eq 4 "$(<"$T/status")"
	# Whoever waits for the next end is not forgotten with the sockets of this one.
	timeout 20 box-wait --condition next-exit two >"$T/status" &
	wait_for sh -c "ls $TACKLEBOX_RUN/*.wait/*"
	box-end two
	box-start two >/dev/null
	wait $!
	assert_eq 4 "$(<"$T/status")"
	assert_eq 4 "$(box-wait two)"
	# A box that goes has no next end.
	timeout 20 box-wait --condition next-exit two 2>"$T/err" &
	wait_for sh -c "ls $TACKLEBOX_RUN/*.wait/*"
	box-rm two >/dev/null
	status=0
	wait $! || status=$?
	assert_eq 1 "$status"
	assert_eq 'box-wait: the box was removed' "$(<"$T/err")"
	run ! ls -d "$TACKLEBOX_RUN"/*.wait
	run -1 box-wait nobody
}

@test "box-exec: the box's rights, user, directory, variables; its status" {
	steady one --cap-drop NET_RAW -w /tmp
	run -9 box-exec -u dan -w /home -e X=1 one sh -c 'id -un; pwd; echo $A$X $HOME; exit 9'
	assert_eq $'dan\n/home\nb1 /home/dan' "$output"
	assert_eq /tmp "$(box-exec one pwd)"
	assert_eq "$(box-exec one grep -E 'Cap|Seccomp|NoNew' /proc/self/status)" \
		"$(box-exec one grep -E 'Cap|Seccomp|NoNew' /proc/1/status)"
	assert_eq "$(box-exec one readlink /proc/self/ns/{pid,net,mnt,ipc,uts,cgroup})" \
		"$(box-exec one readlink /proc/1/ns/{pid,net,mnt,ipc,uts,cgroup})"
	run -127 box-exec one nothing
	run -126 box-exec one /etc/passwd
	echo in | box-exec -i one cat | grep -qx in
	box-exec -d one sh -c 'echo there >/tmp/there'
	wait_for box-exec one grep -q there /tmp/there
	run -125 box-exec nobody true
	assert_like "$output" '*No such container: nobody*'
	box-stop -t 0 one >/dev/null
	run -125 box-exec one true
	assert_like "$output" '*is not running*'
}

# dockerd makes an exec's process from the container's: rlimits, oomScoreAdj, and HostConfig.GroupAdd for
# whoever it runs as.
@test "box-exec: the box's limits, groups beyond the user's own, and oom_score_adj" {
	local what='ulimit -Sn; ulimit -Hn; ulimit -c; id -G; cat /proc/self/oom_score_adj'
	echo 'club:x:4321:' >>"$TB_DIR/rootfs/etc/group"
	tar -C "$TB_DIR/rootfs" -c . | img-import --cmd '["/bin/sh"]' club >/dev/null
	sed -i /^club:/d "$TB_DIR/rootfs/etc/group"
	box-run -d --name one --network none --ulimit nofile=77:99 --ulimit core=0 --group-add 777 --group-add club \
		--oom-score-adj 300 club sh -c "$what; exec sleep 1000" >/dev/null
	wait_for grep -q '300' "$TACKLEBOX_ROOT/names/one/log"
	run -0 box-exec one sh -c "$what"
	assert_eq "$(box-logs one)" "$output"
	assert_eq '77 99 0 300' "${lines[*]:0:3} ${lines[4]}"
	assert_like " ${lines[3]} " '* 777 4321 *'
	for user in dan 12 dan:33 12:34; do
		run -0 box-exec -u "$user" one sh -c "$what"
		assert_eq '77 99 0 300' "${lines[*]:0:3} ${lines[4]}" "$user"
		assert_like " ${lines[3]} " '* 777 4321 *' "$user"
	done
	# The API's documents may have names in capitals.
	box-create --json - <<<'{"Image": "club", "Cmd": ["sleep", "1000"], "HostConfig": {"NetworkMode": "none", "Ulimits": [{"Name": "NOFILE", "Soft": 66, "Hard": 77}]}}' >"$T/id"
	box-start "$(<"$T/id")" >/dev/null
	assert_eq 66 "$(box-exec "$(<"$T/id")" sh -c 'ulimit -n')"
	box-rm -f "$(<"$T/id")" >/dev/null
	# Those of the user come first, as in the box that he runs.
	assert_eq "$(box-run --rm --network none -u dan --group-add 777 --group-add club --group-add 29 club id -G)" \
		"$(box-run -d --name two --network none --group-add 777 --group-add club --group-add 29 club sleep 1000 >/dev/null && box-exec -u dan two id -G)"
	# A later death of the group in the box is an error, not a group less.
	box-exec one sed -i /^club:/d /etc/group
	run -125 box-exec one true
	assert_like "$output" '*cannot find group club*'
	box-rm -f one two >/dev/null
	# No more than was asked for.
	steady plain
	assert_eq "$(bash -c 'ulimit -Sn; ulimit -Hn')" "$(box-exec plain sh -c 'ulimit -Sn; ulimit -Hn')"
	box-rm -f plain >/dev/null
	img-rm club >/dev/null
}

@test "rename, of a running box too; inspect by name, id and part of it" {
	local id
	steady one
	id=$(box-inspect one | jq -r .Id)
	box-rename one two
	assert_eq /two "$(box-inspect "${id:0:6}" | jq -r .Name)"
	run -1 box-inspect one
	assert_like "$output" '*No such container: one*'
	box-create --name one --network none bb >/dev/null
	run -1 box-rename one two
	assert_like "$output" '*already in use*'
	assert_eq "$id" "$(box-inspect -j /two | jq -r .Id)"
}

@test "box-update: memory that was given no swap gets none" {
	requires cg-memory
	local m=$((1 << 20))
	box-create --name one --network none -m 100m --memory-swap 100m bb true >/dev/null
	box-update -m 90m one >/dev/null
	assert_eq "$((90 * m)) $((100 * m))" "$(box-inspect one | jq -r '.HostConfig | "\(.Memory) \(.MemorySwap)"')"
	run -1 box-update -m 110m one
	assert_like "$output" '*emory*swap*'
	box-create --name two --network none -m 100m bb true >/dev/null
	box-update -m 90m two >/dev/null
	assert_eq "$((90 * m)) $((180 * m))" "$(box-inspect two | jq -r '.HostConfig | "\(.Memory) \(.MemorySwap)"')"
}

@test "box-update and box-rename at the same moment: neither undoes the other" {
	local n names=(one two)
	box-create --name one --network none bb true >/dev/null
	for n in $(seq "$(rounds)"); do
		box-update --pids-limit "$n" "${names[0]}" >/dev/null 2>&1 3>&- &
		box-rename "${names[@]}"
		wait $! || : # it may have come too late for that name
		names=("${names[1]}" "${names[0]}")
		assert_eq "/${names[0]}" "$(box-inspect "${names[0]}" | jq -r .Name)"
	done
}

@test "box-update: the restart policy, which only changes when it is spoken of" {
	policy() { box-inspect one | jq -r '.HostConfig.RestartPolicy | "\(.Name) \(.MaximumRetryCount)"'; }
	box-create --name one --network none bb >/dev/null
	box-update --restart on-failure:3 one >/dev/null
	assert_eq 'on-failure 3' "$(policy)"
	box-update --cpus 0.5 one >/dev/null
	assert_eq 'on-failure 3' "$(policy)"
	box-update --json - one <<<'{"restartpolicy": {"Name": "always"}}' >/dev/null
	assert_eq 'always 0' "$(policy)"
	box-create --rm --name two --network none bb >/dev/null
	run -1 box-update --restart always two
	assert_like "$output" '*Restart policy cannot be updated because AutoRemove is enabled*'
}

@test "box-ps: filters, -l, -q, sizes" {
	box-create --name old --label a=b --network none bb >/dev/null
	box-run --name new --label a=c --network none bb sh -c 'head -c 5000 /dev/zero >/big; exit 4' || :
	assert_eq "" "$(box-ps -q)"
	assert_eq new "$(box-ps -l --json | jq -r '.Names[0][1:]')"
	assert_eq old "$(box-ps -a --filter label=a=b --json | jq -r '.Names[0][1:]')"
	assert_eq new "$(box-ps -a --filter exited=4 --json | jq -r '.Names[0][1:]')"
	assert_eq old "$(box-ps --filter status=created --json | jq -r '.Names[0][1:]')"
	assert_eq 2 "$(box-ps -aq --filter ancestor=bb --filter name='^(old|new)$' | wc -l)"
	assert_eq new "$(box-ps -a --filter since=old --json | jq -r '.Names[0][1:]')"
	assert_eq 5000 "$(box-ps -as --filter name=new --json | jq .SizeRw)"
	run -1 box-ps --filter bogus=1
	assert_like "$output" "*Invalid filter 'bogus'*"
}

@test "kill -9 of box-mon: its program goes too, the next tool sees the truth, box-rm the rest" {
	local pid mon group
	steady one
	pid=$(<"$TACKLEBOX_ROOT/names/one/pid")
	group=$(jq -r .linux.cgroupsPath "$TACKLEBOX_ROOT/names/one/config.json")
	mon=$(pgrep -f "^box-mon .*$TACKLEBOX_ROOT/boxes/$(box-inspect one | jq -r .Id)")
	kill -9 "$mon"
	wait_for sh -c "! kill -0 $pid 2>/dev/null || grep -q zombie /proc/$pid/status"
	assert_eq "exited 255" "$(state_of one Status) $(state_of one ExitCode)"
	run -0 box-start one
	assert_eq running "$(state_of one Status)"
	box-rm -f one >/dev/null
	run -1 cg-stat "${group#/}"
}

@test "each step of box-start fails once: the box is as it was, and nothing is left" {
	box-create --name one --network none bb true >/dev/null
	as_it_was() {
		assert_eq created "$(state_of one Status)" || return
		! grep -F "$TACKLEBOX_ROOT" /proc/self/mountinfo || fail "mounted"
		[ -z "$(find /sys/fs/cgroup -type d -path "*tacklebox/$(box-inspect one | jq -r .Id)" 2>/dev/null)" ] || fail "a group"
	}
	# The tools that it runs fail too, each at its own such step, and say so themselves.
	local n got
	for n in $(seq 30) $(seq 33 7 300); do
		got=0
		TACKLEBOX_FAIL=step:EIO@$n timeout 20 box-start one >"$T/out" 2>&1 || got=$?
		[ "$got" -ne 0 ] || break
		grep -q EIO "$T/out" && as_it_was || fail "step $n: $(<"$T/out")"
	done
	[ "$n" -gt 5 ] && [ "$got" -eq 0 ] || fail "$n steps, status $got"
	wait_for sh -c 'box-inspect one | jq -e ".State.Status == \"exited\"" >/dev/null'
}

@test "each step of box-create fails once: there is no box, and its name is free" {
	none() { assert_eq "" "$(find "$TACKLEBOX_ROOT/boxes" "$TACKLEBOX_ROOT/names" -mindepth 1 -maxdepth 1)"; }
	box-create --name zero --network none bb >/dev/null && box-rm zero >/dev/null
	faults_walk -c none -- box-create --name one --network none bb true
	box-rm one >/dev/null
}

@test "many at once: started, removed, and none left" {
	local i
	for i in $(seq 50); do
		box-run --rm --network none bb true &
	done
	wait
	for i in $(seq 5); do box-run -d --name "b$i" --network none bb sleep 100 >/dev/null & done
	wait
	assert_eq 5 "$(box-ps -q | wc -l)"
	# Removal and start at the same time: whatever comes first, the end is clean.
	for i in $(seq 5); do
		box-rm -f "b$i" >/dev/null 2>&1 &
		box-restart -t 0 "b$i" >/dev/null 2>&1 &
	done
	wait
	box-ps -aq | xargs -r box-rm -f >/dev/null
	no_box_left
}

@test "500 rounds of run and rm" {
	local n before after
	# Other tests mount things at the same time.
	mounts() { grep -cF "$TB_DIR" /proc/self/mountinfo || :; }
	n=$(($(rounds) * 25))
	[ "$n" -le 500 ] || n=500
	[ "${TEST_ROUNDS:-}" ] || n=40
	before=$(mounts)
	for _ in $(seq "$n"); do box-run --rm --network none bb true; done
	after=$(mounts)
	assert_eq "$before" "$after"
	no_box_left
}
