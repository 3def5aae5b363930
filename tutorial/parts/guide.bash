# shellcheck shell=bash disable=SC2034,SC2154 # the parts of walk share their variables
# The guided walk, in the lab and at the terminal.


bold=$'\e[1m' dim=$'\e[2m' code=$'\e[36m' good=$'\e[32m' odd=$'\e[33m' plain=$'\e[0m'

# One line to the terminal, of empty ones one; a full screen waits for a key.
put() {
	[[ $1 || $last_put ]] || return 0
	last_put=$1
	printf '%s\n' "$1"
	((++rows < height - 3)) || key "${dim}Enter for more${plain}"
}

# key PROMPT: waits for one key; KEY is empty for Enter, q at the end of the terminal.
key() {
	printf '%s ' "$1"
	IFS= read -rsn1 KEY </dev/tty || KEY=q
	printf '\r\e[K'
	read -r height width < <(stty size </dev/tty)
	((width > 20)) || width=80
	columns=$width
	((height > 8)) || height=24
	((width < 96)) || width=96
	rows=0
}

# Words of a paragraph, wrapped; `code` and **bold** as a terminal has them. $1 indents all but the
# first line.
put_paragraph() {
	local word visible column=0 out='' p=$2
	while [[ $p =~ \[([^]]*)\]\([^\)]*\) ]]; do
		p=${p/"${BASH_REMATCH[0]}"/"${BASH_REMATCH[1]}"}
	done
	while [[ $p =~ \`([^\`]+)\` ]]; do
		p=${p/"${BASH_REMATCH[0]}"/$'\1'"${BASH_REMATCH[1]//\*/$'\4'}"$'\2'}
	done
	while [[ $p =~ \*\*([^*]+)\*\* || $p =~ \*([^* ][^*]*)\* ]]; do
		p=${p/"${BASH_REMATCH[0]}"/$'\3'"${BASH_REMATCH[1]}"$'\2'}
	done
	set -f
	for word in $p; do
		visible=${word//[$'\1\2\3']/}
		if ((column > 0 && column + 1 + ${#visible} > width)); then
			out+=$'\n'$1 column=${#1}
		elif ((column > 0)); then
			out+=' ' column=$((column + 1))
		fi
		out+=$word column=$((column + ${#visible}))
	done
	set +f
	out=${out//$'\1'/$code} out=${out//$'\2'/$plain} out=${out//$'\3'/$bold}
	while IFS= read -r word; do
		put "${word//$'\4'/*}"
	done <<<"$out"
}

# The prose items from $1 on, to the next item of another kind; REPLY is that one.
put_prose() {
	local n=$1 paragraph='' raw indent=''
	for (( ; n <= ${#what[@]}; n++)); do
		raw=${text[n]-}
		if [[ ${what[n]-} != prose || ! $raw || $raw == @('#'|'```'|'    '|'|'|'- '|+([0-9])'. ')* ]]; then
			[[ ! $paragraph ]] || put_paragraph "$indent" "$paragraph"
			paragraph='' indent=''
		fi
		[[ ${what[n]-} == prose ]] || break
		case $raw in
		'#'*) put "$bold${raw##+(#) }$plain" ;;
		'```'*) while IFS= read -r raw; do put "  $raw"; done < <(sed '1d;$d' <<<"$raw" | expand -t 4) ;;
		'    '* | '|'*) put "$raw" ;;
		'') put '' ;;
		*)
			[[ $raw != @('- '|+([0-9])'. ')* ]] || indent='  '
			paragraph+="${paragraph:+ }$raw"
			;;
		esac
	done
	REPLY=$n
}

# A shell in the lab, with what the lesson has set so far; Ctrl-D comes back.
open_shell() {
	local was=$status run
	# shellcheck disable=SC2016 # it is for the lesson's shell
	ask_shell '{
		unset _walk_text
		declare -p | grep -v "^declare -[A-Za-z]*r"
		for _walk_text in $(compgen -A function); do
			[[ $_walk_text == _walk* ]] || declare -f "$_walk_text"
		done
		printf "cd %q\n" "$PWD"
	} >/run/walk/state 2>/dev/null
	(exit '"${was:-0})"
	cat >$desk/rc <<-RC
		. $desk/state 2>/dev/null
		PS1='\[$bold\]lab:\w\\$ \[$plain\]'
	RC
	echo "${dim}a shell in this lab; Ctrl-D leads back to the lesson$plain"
	run="env -i TERM=${TERM:-dumb} bash --noprofile --rcfile $desk/rc -i"
	busy='shell'
	# On a terminal of its own: in ours, the lab's processes cannot be told apart by their groups.
	if command -v script >/dev/null; then
		script -qc "$run" /dev/null </dev/tty >/dev/tty 2>&1
	else
		$run +m </dev/tty >/dev/tty 2>&1
	fi
	busy=
}

# The C function that item $1 uses.
show_source() {
	local n where=''
	attr "$1" c && where=$REPLY
	for ((n = $1; n >= 0 && !${#where}; n--)); do
		[[ ${what[n]} != source ]] || where=${attrs[n]}
	done
	for ((n = $1; n < ${#what[@]} && !${#where}; n++)); do
		[[ ${what[n]} != source ]] || where=${attrs[n]}
	done
	[[ $where ]] || { put "this lesson names no function" && return; }
	{ echo "/* ${where%%#*} */" && source_text "$where"; } >"$desk/function.c"
	if command -v less >/dev/null; then
		LESSHISTFILE=- less "$desk/function.c" </dev/tty
	else
		cat "$desk/function.c"
	fi
}

# Each of commands[], in its turn.
edit_commands() {
	local n
	for n in "${!commands[@]}"; do
		if [[ ${commands[n]} == *$'\n'* ]]; then
			printf '%s\n' "${commands[n]}" >"$desk/edit"
			"${EDITOR:-vi}" "$desk/edit" </dev/tty >/dev/tty
			commands[n]=$(<"$desk/edit")
			put_command "${commands[n]}"
		else
			read -re -p '$ ' -i "${commands[n]}" 'commands[n]' </dev/tty
		fi
	done
}

put_command() {
	local row first='$ '
	while IFS= read -r row; do
		put "$bold$first$row$plain"
		first='> '
	done <<<"$1"
}

# The keys that all prompts have; false for others.
common_key() {
	case $KEY in
	'!') open_shell ;;
	'?') show_source "$here_now" ;;
	q) exit 0 ;;
	*) return 1 ;;
	esac
}

# Says why something is not shown here.
put_left_out() {
	case $1 in
	root) put "$odd(left out: only root may do this; sudo tutorial/walk shows it)$plain" ;;
	*) put "$odd(left out: this machine has no $1)$plain" ;;
	esac
}

# The last command of the block that begins with item $1.
block_end() {
	REPLY=$1
	while [[ ${what[REPLY + 1]-} == command && ${block[REPLY + 1]} == "${block[$1]}" ]]; do
		REPLY=$((REPLY + 1))
	done
}

# Takes the lines of commands[] back from the terminal, on which they stand last.
take_back() {
	local command row lines=0
	for command in "${commands[@]}"; do
		while IFS= read -r row; do
			lines=$((lines + (${#row} + 1) / columns + 1))
		done <<<"$command"
	done
	printf '\e[%dA\e[J' "$lines"
}

# A block of the lesson, one command or a few; REPLY is the item behind it. 1 = go back to the heading.
guide_block() {
	local n last asked='' commands=()
	block_end "$1"
	last=$REPLY
	if left_out "$1"; then
		[[ ! $REPLY ]] || put_left_out "$REPLY"
		REPLY=$((last + 1))
		return
	fi
	[[ " ${attrs[$1]} " != *' fails '* ]] || put "$odd⚠ on purpose:$plain"
	for ((n = $1; n <= last; n++)); do
		commands+=("${text[n]}")
		put_command "${text[n]}"
	done
	while :; do
		key "${dim}Enter run  e edit  s skip  ! shell  ? source  b back  q quit$plain"
		[[ ! $KEY ]] && break
		asked=1
		case $KEY in
		e) edit_commands ;;
		s) put "${dim}skipped$plain" && REPLY=$((last + 1)) && return ;;
		b) return 1 ;;
		*) common_key || : ;;
		esac
	done
	# Several: each above what it prints, and no longer all of them together.
	((last == $1)) || [[ $asked ]] || take_back
	for ((n = $1; n <= last; n++)); do
		((last == $1)) || put_command "${commands[n - $1]}"
		guide_command "$n" "${commands[n - $1]}"
	done
	REPLY=$((last + 1))
}

# Runs $2 as item $1, and says whether it went as the lesson has it.
guide_command() {
	local as_expected
	busy='command'
	run_command "$1" "$2"
	as_expected=$?
	busy=
	((${#shown[@]} == 0)) || printf '%s\n' "${shown[@]}"
	[[ $shown_status == 0 ]] || echo "${dim}exit status $shown_status$plain"
	if ((as_expected == 0)); then
		put "$good✔$plain"
		return
	fi
	echo "${odd}The lesson has something else here. That may be fine: machines differ, and so do commands.$plain"
	expected "$1"
	((want_status == 0)) || want+=("[$want_status]")
	((${#want[@]} == 0)) || printf "$dim    %s$plain\n" "${want[@]}"
}

# A shell until the check holds.
guide_exercise() {
	local hint=${attrs[$1]#*hint=}
	left_out "$1" && { put_left_out "$REPLY" && return; }
	while ! check "$1"; do
		key "${bold}Exercise$plain $dim Enter shell  h hint  S solution  s skip  ? source  b back  q quit$plain"
		case $KEY in
		'') open_shell ;;
		h) put "hint: ${hint%%$'\n'*}" ;;
		S) put_command "${text[$1 + 1]%$'\n'}" ;;
		s) run_hidden $(($1 + 1)) && put "${dim}skipped, and done for you: what follows may need it$plain" && return ;;
		b) return 1 ;;
		*) common_key ;;
		esac
		[[ $KEY ]] || check "$1" || put "${odd}not yet$plain"
	done
	put "$good✔ solved$plain"
}

# The heading above item $1.
heading_above() {
	local n=$(($1 - 1))
	while ((n > 0)) && [[ ${what[n]} != prose || ${text[n]} != '#'* ]]; do
		n=$((n - 1))
	done
	REPLY=$n
}

interrupted() {
	case $busy in
	command) kill -INT -- "-$shell_pid" ;;
	shell) ;;
	*) exit 0 ;;
	esac
}

# Items before $1 have been walked already: they are run again, silently.
guide_lesson() {
	local n=0 first=$1 ran=-1
	rows=0 height=24 width=80 columns=80 busy='' last_put=x
	read -r height width < <(stty size </dev/tty) || die "no terminal: try 'walk -t'"
	columns=$width
	((width < 96)) || width=96
	trap interrupted INT
	# The text that leads to where it goes on is shown again.
	while ((first > 0)) && [[ ${what[first - 1]} == prose ]]; do
		first=$((first - 1))
	done
	((first == 0)) || echo "${dim}what you have done of this lesson is done again …$plain"
	while ((n < ${#what[@]})); do
		here_now=$n
		((n < first)) || tell "at $n"
		case ${what[n]} in
		setup)
			((n <= ran)) || run_hidden "$n" || put "${odd}the setup of this lesson failed: ${got[*]-}$plain"
			;;
		command)
			if ((n < first)); then
				left_out "$n" || run_command "$n"
			else
				guide_block "$n" || heading_above "$n"
				n=$REPLY
				((n - 1 <= ran)) || ran=$((n - 1))
				continue
			fi
			;;
		check)
			if ((n < first)); then
				check "$n" || run_hidden $((n + 1))
			elif ! guide_exercise "$n"; then
				heading_above "$n"
				n=$REPLY
				continue
			fi
			;;
		prose)
			if ((n >= first)); then
				put_prose "$n"
				n=$REPLY
				continue
			fi
			;;
		esac
		((n <= ran)) || ran=$n
		n=$((n + 1))
	done
	tell 'done'
}
