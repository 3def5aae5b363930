# shellcheck shell=bash disable=SC2034,SC2154 # the parts of walk share their variables
# walk -t and walk -u, in the lab.


# passed N WHAT...: said once, not again for each further solution.
passed() {
	((alternative > 1)) || result pass "$@"
}

skipped() {
	((alternative > 1)) || result skip "$@"
}

failed() {
	bad=1
	result fail "$@"
}

# Does the exercises with their solution number $1: for the second one everything before is run again,
# in another lab.
test_lesson() {
	local n needs bad='' alternative=$1
	for n in "${!what[@]}"; do
		here_now=$n
		if [[ $bad ]]; then
			[[ ${what[n]} != @(command|check|source) ]] || skipped "$n" "after a failure"
			continue
		fi
		needs=
		if left_out "$n"; then
			needs=$REPLY
			[[ $needs ]] || continue
		fi
		case ${what[n]} in
		setup) run_hidden "$n" || { failed "$n" "setup ($status)" && printf '    %s\n' ${got[@]+"${got[@]}"}; } ;;
		source) ((alternative > 1)) || test_source "$n" ;;
		command)
			if [[ $needs ]]; then
				skipped "$n" "needs $needs"
			elif run_command "$n"; then
				passed "$n" "${text[n]%%$'\n'*}"
			elif [[ $mode == update ]]; then
				update_command "$n"
			else
				failed "$n" "${text[n]%%$'\n'*}"
				show_difference
			fi
			;;
		check) [[ $needs ]] && skipped "$n" "needs $needs" || test_exercise "$n" ;;
		esac
	done
}

test_source() {
	mapfile -t want <<<"${text[$1]%$'\n'}"
	mapfile -t got < <(source_text "${attrs[$1]}")
	status=0 want_status=0
	if ((${#got[@]})) && output_matches; then
		passed "$1" "source ${attrs[$1]}"
	else
		result fail "$1" "source ${attrs[$1]}"
		show_difference
	fi
}

# It must be open before its solution and done after it.
test_exercise() {
	local with=$(($1 + alternative))
	[[ ${what[with]-} == solution ]] || with=$(($1 + 1))
	if check "$1"; then
		failed "$1" "the exercise is done before it is begun"
	elif ! run_hidden "$with"; then
		failed "$1" "the solution in line ${line[with]} fails ($status)"
		printf '    %s\n' ${got[@]+"${got[@]}"}
	elif ! check "$1"; then
		failed "$1" "the solution in line ${line[with]} does not do it"
		printf '    %s\n' ${got[@]+"${got[@]}"}
	elif ((alternative == 1)); then
		passed "$1" exercise
	elif ((with == $1 + alternative)); then
		result pass "$1" "exercise, solution $alternative"
	fi
}

# The outcome of item $1 in the file becomes what came.
update_command() {
	accept_output
	[[ $status == 0 ]] || fresh+=("[$status]")
	replaced[$1]=$(printf '%s\n' ${fresh[@]+"${fresh[@]}"})
	result pass "$1"
	echo "$name:${line[$1]} ${text[$1]%%$'\n'*}"
}

update_lesson() {
	local n item next=0
	replaced=()
	test_lesson 1
	for item in "${!replaced[@]}"; do
		for ((n = next; n < from[item]; n++)); do
			printf '%s\n' "${lines[n]}"
		done
		[[ ! ${replaced[item]} ]] || printf '%s\n' "${replaced[item]}"
		next=${till[item]}
	done >&8
	printf '%s\n' "${lines[@]:next}" >&8
}
