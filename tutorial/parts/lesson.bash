# shellcheck shell=bash disable=SC2034,SC2154 # the parts of walk share their variables
# Item n is what[n]: prose, command, check, setup, solution, cleanup, source. Text, attributes and the
# line where it begins; for a command, the lines of its outcome are from[n] to till[n] - 1, and block[n]
# is the line where its block begins.
what=() text=() attrs=() line=() from=() till=() block=() problems=()
item() {
	what+=("$1") text+=("$2") attrs+=("$3") line+=("$4") from+=("${5-0}") till+=("${6-0}") block+=("${7-0}")
}

# The block that begins now takes the place of the last one where that one's needs are not met: what
# those were is in REPLY, and is marked in that block.
instead_of_last() {
	local n=$((${#what[@]} - 1)) last
	REPLY=
	while ((n >= 0)) && [[ ${what[n]} != command ]]; do
		n=$((n - 1))
	done
	((n >= 0)) && attr "$n" needs || return
	for ((last = block[n]; n >= 0; n--)); do
		[[ ${what[n]} != command || ${block[n]} != "$last" ]] || attrs[n]+=' or-else'
	done
}

problem() {
	problems+=("line $1: $2")
}

read_lesson() {
	local n raw word mode='' body='' attr='' start=0 opened=0 claims='' origin='' known='@(needs=*|else|fails|time=+([0-9])|c=*)'
	what=() text=() attrs=() line=() from=() till=() block=() problems=()
	mapfile -t lines <"$1"
	for ((n = 0; n < ${#lines[@]}; n++)); do
		raw=${lines[n]}
		case $mode:$raw in
		':```console'*)
			mode=console attr=${raw#'```console'} start=$n opened=$((n + 1))
			for word in $attr; do
				# shellcheck disable=SC2053 # a pattern
				[[ $word == $known ]] || problem $((n + 1)) "unknown word '$word' after console"
				[[ $word != else ]] || instead_of_last || problem $((n + 1)) "else, and nothing before it needs anything"
				[[ $word != else ]] || attr+=" unless=$REPLY"
			done
			attr+=${claims:+ claims=$claims} claims=
			;;
		':```sh exercise'*)
			mode=check attr="${raw#'```sh exercise'}" body='' start=$n
			[[ $attr == *hint=?* ]] || problem $((n + 1)) "an exercise without hint="
			attr+=${claims:+$'\n'claims=$claims} claims=
			;;
		':```'*) mode=other body=$raw$'\n' start=$n ;;
		':<!-- claim '*' -->') raw=${raw#'<!-- claim '} raw=${raw%' -->'} claims+=${claims:+,}${raw// /,} ;;
		':<!-- source '*' -->') origin=${raw#'<!-- source '} origin=${origin%' -->'} ;;
		':<!-- '@(setup|solution|cleanup)) mode=${raw#'<!-- '} body='' start=$n ;;
		':<!--'*'-->') ;;
		':<!--'*) mode=comment ;;
		':(Picture: '*) ;;
		':    $ '*) problem $((n + 1)) "a command in a block that is not run" ;;
		:*) item prose "$raw" '' $((n + 1)) ;;
		@(console|check|other)':```')
			[[ $mode != check ]] || item check "$body" "$attr" $((start + 1))
			[[ $mode != other || ! $origin ]] || item source "${body#*$'\n'}" "$origin" $((start + 1))
			[[ $mode != other ]] || item prose "$body\`\`\`" '' $((start + 1))
			[[ $mode != other ]] || origin=
			mode=
			;;
		console:'$ '*)
			body=${raw:2} start=$n
			while [[ ${lines[n + 1]-} == '> '* ]]; do
				n=$((n + 1)) body+=$'\n'${lines[n]:2}
			done
			item command "$body" "$attr" $((start + 1)) $((n + 1)) $((n + 1)) $opened
			;;
		console:*)
			if [[ ${what[-1]-} == command ]] && ((till[-1] == n)); then
				till[-1]=$((n + 1))
			else
				problem $((n + 1)) "an outcome without a command"
			fi
			;;
		@(setup|solution|cleanup):'-->')
			[[ $mode != solution || ${what[-1]-} == @(check|solution) ]] || problem $((n + 1)) "a solution without an exercise"
			item "$mode" "$body" '' $((start + 1))
			mode=
			;;
		comment:*'-->') mode= ;;
		other:'$ '*) problem $((n + 1)) "a command in a block that is not run" ;&
		*) body+=$raw$'\n' ;;
		esac
	done
	[[ ! $mode ]] || problem $((start + 1)) "what begins here does not end"
	[[ ! $claims ]] || problem ${#lines[@]} "a claim that nothing shows"
	[[ ! $origin ]] || problem ${#lines[@]} "a source without its block"
	for n in "${!what[@]}"; do
		[[ ${what[n]} != check || ${what[n + 1]-} == solution ]] || problem "${line[n]}" "an exercise without solution"
	done
}

title() {
	sed -n 's/^# //p;T;q' "$1"
}

# The function NAME of FILE#NAME, or what stands there between /* [NAME */ and /* NAME] */; of FILE#N-M,
# those lines.
source_text() {
	local file=$top/${1%%#*} name=${1##*#}
	[[ -f $file ]] || return
	[[ $name != +([0-9])-+([0-9]) ]] || { sed -n "${name/-/,}p" "$file" && return; }
	awk -v name="$name" '
		index($0, "/* [" name " */") { marked = 1; next }
		index($0, "/* " name "] */") { exit }
		marked { print; next }
		index($0, name "(") == 1 && /[^;]$/ { print last; inside = 1 }
		inside { print }
		inside && /^}/ { exit }
		{ last = $0 }' "$file"
}
