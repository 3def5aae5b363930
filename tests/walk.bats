#!/usr/bin/env bats
# bats file_tags=tutorial
# tutorial/walk and tutorial/lab: what a lesson may say, what walk makes of it, and that nothing stays.
load helpers

setup_file() { tb_setup_file; }
teardown_file() { tb_teardown_file; }
setup() {
	tb_setup
	WALK=$TB_TOP/tutorial/walk LAB=$TB_TOP/tutorial/lab LESSON=$T/99-trial.md
	export XDG_STATE_HOME=$T/progress O=$TB_OUT
	printf '# Lesson 99: trial\n\n' >"$LESSON"
}
teardown() { tb_teardown; }

# lesson <TEXT: the lesson is this.
lesson() { cat >>"$LESSON"; }

# fails_with GLOB: walk -t fails, and says so.
fails_with() {
	run "$WALK" -t "$LESSON"
	assert_eq 1 "$status" "status of: $output"
	assert_like "$output" "*$1*"
	assert_like "${lines[-1]}" '* passed, [1-9]* failed, * skipped'
}

passes_with() {
	run "$WALK" -t "$LESSON"
	echo "$output"
	assert_eq 0 "$status"
	assert_eq "$1" "${lines[-1]}"
}

@test "one shell: what a command sets, the next one has; its status, its input, its own exit" {
	lesson <<-'END'
		```console
		$ X=5; cd /; false
		[1]
		$ echo $? $X $PWD
		1 5 /
		$ cat; echo end
		end
		$ for i in 1 2; do
		>   echo $i
		> done
		1
		2
		$ nosuch-program
		bash: nosuch-program: command not found
		[127]
		$ yes | head -n 1
		y
		$ sleep 1000 & sleep 0
		```
	END
	passes_with '7 passed, 0 failed, 0 skipped'
}

@test "a lesson cannot break its runner" {
	lesson <<-'END'
		```console
		$ what=() text=() n=9 report=1 asked=77; set -eu
		$ echo on
		on
		$ exit 3
		```
	END
	fails_with '*shell of the lesson has ended*'
	assert_like "${lines[-1]}" '2 passed, 1 failed, 0 skipped'
}

@test "placeholders, ranges, captures, any number of lines, literal lines" {
	lesson <<-'END'
		```console
		$ echo a.b 12 0.5 deadbeef '1.5 MB' '3 seconds ago' 2026-01-02T03:04:05Z
		a.b <num> <num> <hex> <size> <time> <time>
		$ echo id=abcdef0123
		id=<ID=hex>
		$ echo $ID
		<$ID>
		$ seq 9
		1
		...
		<8..9.5>
		$ printf '$ x\n[1]\n...\n'
		\$ x
		\[1]
		\...
		$ echo '<foo> [a] * \'
		<foo> [a] * \
		$ echo free text, any <num>
		free <..>, <word> <num>
		[0]
		```
	END
	sed -i 's/^\$ echo free text, any <num>/$ echo free text, any 7/' "$LESSON"
	passes_with '7 passed, 0 failed, 0 skipped'
}

@test "what differs fails: a character, a line more, one less, the status, a range, a capture" {
	for pair in 'echo a.b|axb' 'seq 2|1' 'echo 1|1\n2' 'false|' 'echo 7|<8..9>' 'echo 7 8|<A=num> <$A>' 'echo x|<num>' 'seq 3|...\n2'; do
		printf '# Lesson 99: x\n\n```console\n$ %s\n%b\n```\n' "${pair%%|*}" "${pair#*|}" >"$LESSON"
		fails_with "not ok - 99-trial:4 ${pair%%|*}*"
	done
}

@test "after a failure the rest is skipped and counted, and the cleanup is done" {
	lesson <<-END
		<!-- cleanup
		echo cleaned >/tmp/lab/said
		-->
		\`\`\`console
		\$ false
		\$ true
		\$ true
		\`\`\`
	END
	fails_with '*not ok*'
	assert_like "${lines[-1]}" '0 passed, 1 failed, 2 skipped'
}

@test "needs: what the machine lacks is skipped, counted, and said" {
	lesson <<-'END'
		```console needs=no-such-command
		$ false
		```
		```console needs=sh
		$ true
		```
	END
	passes_with '1 passed, 0 failed, 1 skipped'
	assert_line 'ok - 99-trial:4 # skip needs no-such-command'
}

@test "else: of two blocks the one runs that can, and the other does not count" {
	lesson <<-'END'
		```console needs=no-such-command
		$ false
		$ false
		```
		```console else
		$ echo instead
		instead
		```
		```console needs=sh
		$ true
		```
		Text between them does not matter.
		```console else needs=no-such-command
		$ false
		```
		```console needs=no-such-command
		$ false
		```
		```console else needs=nor-this-one
		$ false
		```
	END
	passes_with '2 passed, 0 failed, 1 skipped'
	assert_line 'ok - 99-trial:22 # skip needs nor-this-one'
	printf '# Lesson 99: x\n\n```console\n$ true\n```\n```console else\n$ true\n```\n' >"$LESSON"
	fails_with 'line 6: else*'
}

@test "the lessons keep to the measure of FORMAT.md; a lesson that does not is told how" {
	run -0 bash "$TB_TESTS/lint/lessons.sh"
	mkdir "$T/other"
	cp "$TB_TOP"/tutorial/01-process.* "$T/other"
	local l=$T/other/01-process.md
	run -0 bash "$TB_TESTS/lint/lessons.sh" "$l"
	{
		cat "$l"
		printf '%s\n' '```console' '$ true' '$ true' '$ true' '```' '**Aha:** no.' '```console' '$ true' '```' '```console' '$ true' '```' \
			'<!-- source lib/door/chain.c#chain_exec -->' '```sh exercise hint=x' '```' '## Since 2015'
		yes word | head -n 900
	} >"$T/other/02-long.md"
	cp "$T/other/01-process.svg" "$T/other/02-long.svg"
	sed -i 's/<title/<nottitle/' "$T/other/01-process.svg"
	run -1 bash "$TB_TESTS/lint/lessons.sh" "$T/other/02-long.md" "$l"
	for what in '* words' '9 steps' 'line *: 3 commands in a step' '2 ahas' '2 exercises' '2 C functions*' 'no section "Since 2015"'; do
		assert_like "$output" "*02-long.md: $what*"
	done
	run -1 bash "$TB_TESTS/lint/lessons.sh" "$l"
	assert_eq "${l%.md}.svg: no title" "$output"
}

@test "exercises: open before, done after; each solution in a lab of its own" {
	lesson <<-'END'
		<!-- setup
		touch ready
		-->
		```sh exercise hint=touch
		test -e ready -a -e done
		```
		<!-- solution
		touch done
		-->
		<!-- solution
		test ! -e done && echo >done
		-->
	END
	passes_with '2 passed, 0 failed, 0 skipped'
	sed 's/^test -e ready.*/true/' "$LESSON" >"$T/98-open.md"
	run -1 "$WALK" -t "$T/98-open.md"
	assert_like "$output" '*done before it is begun*'
	sed 's/^touch done/true/' "$LESSON" >"$T/97-not.md"
	run -1 "$WALK" -t "$T/97-not.md"
	assert_like "$output" '*does not do it*'
}

@test "a lesson that is written wrong fails before anything runs" {
	for text in '```console\n$ touch /tmp/x' '<!-- setup\ntrue' '```\n$ true\n```' '    $ true' '```console what\n$ true\n```' \
		'```sh exercise\ntrue\n```' '```sh exercise hint=x\nfalse\n```' '<!-- claim 3 -->\nnothing' '```console\nno command\n```' \
		'<!-- source lib/base/err.h#x -->'; do
		printf '# Lesson 99: x\n\n%b\n' "$text" >"$LESSON"
		fails_with 'line [0-9]*:'
	done
	printf '# Lesson 99: nothing in it\n' >"$LESSON"
	fails_with 'not ok'
	run -2 "$WALK" -t "$T/no-such.md"
}

@test "a quoted function must be the one in the source" {
	{
		printf '<!-- source tools/cg-exec.c#main -->\n```c\n'
		sed -n '/^int$/,/^}/p' "$TB_TOP/tools/cg-exec.c"
		printf '```\n'
	} >>"$LESSON"
	passes_with '1 passed, 0 failed, 0 skipped'
	sed -i 's/tool_die/tool_live/' "$LESSON"
	fails_with 'not ok - 99-trial:* source tools/cg-exec.c#main*'
	sed -i 's/#main/#no_such/' "$LESSON"
	fails_with '*#no_such*'
}

@test "walk -u writes what came, keeps what still matches, and then the test passes" {
	lesson <<-'END'
		```console
		$ echo id 42; seq 5; echo '$ odd'; exit_with() { return $1; }; exit_with 4
		id <N=num>
		1
		...
		4
		x
		[2]
		$ true
		stale
		```
	END
	run -0 "$WALK" -u "$LESSON"
	assert_eq "$(printf '%s\n' 'id <N=num>' 1 ... 4 5 '\$ odd' '[4]' '$ true' '```')" "$(sed 1,4d "$LESSON")"
	passes_with '2 passed, 0 failed, 0 skipped'
}

@test "a command that hangs is ended, with all that it started" {
	lesson <<-'END'
		```console time=1
		$ setsid sleep 4711 & sleep 4711
		```
	END
	fails_with 'not done after 1 s'
	! pgrep -f 'sleep 4711'
}

@test "killed in the middle, in whatever way, a lesson leaves nothing" {
	lesson <<-END
		\`\`\`console time=60
		\$ for d in /sys/fs/cgroup/*/cgroup.procs /sys/fs/cgroup/cgroup.procs; do mkdir \${d%/*}/deep 2>/dev/null; done; mount -t tmpfs x /mnt; echo on >&2; sleep 4$TBID
		\`\`\`
	END
	for signal in KILL TERM HUP INT; do
		for who in '' -; do # walk alone, or its whole process group
			setsid env --default-signal=INT "$WALK" -t "$LESSON" >"$T/out" 2>&1 3>&- &
			walk=$!
			wait_for pgrep -f "^sleep 4$TBID"
			kill -$signal -- "$who$walk"
			wait $walk || :
			wait_for nothing_left
		done
	done
}

# Other runs on this host have labs, too: only ours are told apart by the sleep's number.
nothing_left() {
	local group
	! pgrep -f "^sleep 4$TBID" >/dev/null || return
	! pgrep -f "$LESSON" >/dev/null || return
	for group in /sys/fs/cgroup/lab-* /sys/fs/cgroup/*/lab-*; do
		# One without its lab.
		[[ ! -d $group ]] || kill -0 "${group##*-}" 2>/dev/null || return
	done
}

@test "a lab: nothing of the machine is written, and its own things are its own" {
	run -0 "$LAB" bash -c 'for f in / /usr/x /etc/x "$0"/x; do touch $f/x 2>/dev/null && echo wrote $f; done
		hostname; ls /sys/class/net; ls -A /tmp; cat /proc/sys/net/ipv4/ip_forward; exit 0' "$TB_TOP"
	assert_eq "$(printf '%s\n' lab lo lab 0)" "$output"
	run -7 "$LAB" sh -c 'exit 7'
	run -2 "$LAB" --no-such-option
}

@test "a lab as an ordinary user: root inside, and the same rules" {
	requires userns
	cp "$LAB" "$T/lab"
	run as_nobody "$T/lab" sh -c 'id -u; hostname; touch /etc/x 2>/dev/null || echo no; mount -t tmpfs x /mnt && echo mounted'
	assert_eq "$(printf '%s\n' 0 lab no mounted)" "$output"
}

@test "a lab of root: its groups look topmost, and go with it" {
	requires root cg1-memory
	run -0 "$LAB" sh -c 'mkdir /sys/fs/cgroup/memory/dangroup && cat /proc/self/cgroup | grep memory; find /sys/fs/cgroup -name "lab-*"'
	assert_like "$output" '*:memory:/lesson'
	[[ ! -e /sys/fs/cgroup/memory/dangroup ]]
}

@test "guided, in a terminal: run, edit, shell, source, exercise, back, quit and resume" {
	requires tmux
	lesson <<-'END'
		Some **prose** with `code`.

		```console
		$ N=41; echo first
		first
		```

		## Second

		```console c=tools/cg-exec.c#main
		$ echo second $N
		second 41
		```

		```console
		$ M=$((N + 1)); echo both $M
		both 42
		$ echo of them $M
		of them 42
		```

		```sh exercise hint=make it
		test -e made
		```
		<!-- solution
		touch made
		-->
	END
	local s="tmux -L tbtest-$$ -f /dev/null"
	$s new-session -d -x 80 -y 30 "env XDG_STATE_HOME=$XDG_STATE_HOME O=$O PATH=$PATH bash --norc"
	seen() { $s capture-pane -p | grep -qE "$1"; }
	$s send-keys "PS1='ready> '; clear; $WALK $LESSON" Enter
	wait_for seen 'Enter run'
	seen 'Some prose with code'
	$s send-keys Enter
	wait_for seen 'echo second'
	$s send-keys '!'
	wait_for seen 'lab:.*#'
	$s send-keys 'echo got-$((N+1))' Enter
	wait_for seen '^got-42'
	$s send-keys 'sleep 1000' Enter
	wait_for pgrep -fx 'sleep 1000'
	$s send-keys C-c
	wait_for seen '\^C'
	$s send-keys 'exit' Enter
	wait_for seen 'Enter run'
	$s send-keys '?'
	wait_for seen 'chain_exec'
	$s send-keys q
	wait_for seen 'Enter run'
	$s send-keys b
	$s send-keys e
	wait_for seen '^\$ echo second \$N$'
	$s send-keys ' more' Enter
	wait_for seen 'echo second .N more'
	$s send-keys Enter
	wait_for seen 'something else'
	wait_for seen '^\$ echo of them'
	! seen '^both 42'
	$s send-keys Enter
	wait_for seen '^both 42'
	wait_for seen '^of them 42'
	wait_for seen 'Exercise'
	$s send-keys h
	wait_for seen 'hint: make it'
	$s send-keys q
	wait_for seen 'goes on here'
	$s send-keys "clear; $WALK $LESSON" Enter
	wait_for seen 'done again'
	wait_for seen 'Exercise'
	$s send-keys S
	wait_for seen 'touch made'
	$s send-keys Enter
	wait_for seen 'lab:.*#'
	$s send-keys 'touch made; exit' Enter
	wait_for seen 'solved'
	wait_for grep -qx '99-trial.md done' "$XDG_STATE_HOME/tacklebox/walk"
	$s kill-server
}

@test "without a terminal, guided is an error that says what to do" {
	lesson <<<'Text.'
	run -2 setsid "$WALK" "$LESSON" </dev/null
	assert_like "$output" "walk: no terminal: try 'walk -t'"
}
