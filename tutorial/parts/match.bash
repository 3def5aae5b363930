# shellcheck shell=bash disable=SC2034,SC2154 # the parts of walk share their variables
# What a command is expected to print, and what it printed.


# REPLY becomes an extended regular expression that matches the text $1.
literal() {
	local c
	REPLY=${1//\\/\\\\}
	for c in . '[' '^' '$' '*' '+' '?' '(' ')' '{' '|'; do
		REPLY=${REPLY//"$c"/"\\$c"}
	done
}

declare -A kinds=(
	[..]='.*' [word]='[^ ]+' [hex]='[0-9a-f]{6,}' [num]='-?[0-9]+(\.[0-9]+)?'
	[size]='[0-9]+(\.[0-9]+)? ?([kKMGT]i?)?B?'
	[time]='([0-9][-0-9]*[-0-9T:.+Z ]*[0-9Z]|[0-9]+|[Aa]bout an?|Less than an?)( ?([mun]?s|m|h|d|seconds?|minutes?|hours?|days?|weeks?|months?|years?)( ago)?)?'
)
declare -A captured=() found=()
regex='' names=() groups=() bounds=()

# The expected line $1 becomes a regex; of its n-th placeholder, groups[n] is its group, names[n] what
# it captures, bounds[n] the range it has to lie in.
pattern() {
	local rest=$1 whole type group=1 parens
	names=() groups=() bounds=() regex=^
	[[ $rest != '\'@('$ '|'> '|'['|...|'`'|'\')* ]] || rest=${rest:1}
	while [[ $rest =~ \<((([A-Za-z_][A-Za-z0-9_]*)=)?(\.\.|num|hex|size|time|word|(-?[0-9.]*[0-9])\.\.(-?[0-9.]*[0-9]))|\$([A-Za-z_][A-Za-z0-9_]*))\> ]]; do
		whole=${BASH_REMATCH[0]} type=${BASH_REMATCH[4]}
		literal "${rest%%"$whole"*}"
		regex+=$REPLY rest=${rest#*"$whole"}
		if [[ ! $type ]]; then
			literal "${found[${BASH_REMATCH[7]}]-${captured[${BASH_REMATCH[7]}]-}}"
			regex+=$REPLY
			continue
		fi
		names+=("${BASH_REMATCH[3]}") groups+=("$group") bounds+=("${BASH_REMATCH[5]} ${BASH_REMATCH[6]}")
		[[ ! ${BASH_REMATCH[5]} ]] || type=num
		regex+="(${kinds[$type]})" parens=${kinds[$type]//[!(]/}
		group=$((group + 1 + ${#parens}))
	done
	literal "$rest"
	regex+=$REPLY\$
}

# REPLY becomes the decimal number $1 in millionths.
millionths() {
	local whole=${1#-} part=''
	[[ $whole != *.* ]] || part=${whole#*.} whole=${whole%%.*}
	part=${part}000000
	REPLY=$((10#${whole:-0} * 1000000 + 10#${part:0:6}))
	[[ $1 != -* ]] || REPLY=-$REPLY
}

# Whether the line $2 is what $1 expects; found[] gets what it captures.
line_matches() {
	local n low high value match
	pattern "$1"
	[[ $2 =~ $regex ]] || return
	match=("${BASH_REMATCH[@]}")
	for n in "${!groups[@]}"; do
		value=${match[groups[n]]}
		read -r low high <<<"${bounds[n]}"
		if [[ $low ]]; then
			millionths "$low" && low=$REPLY
			millionths "$high" && high=$REPLY
			millionths "$value"
			((low <= REPLY && REPLY <= high)) || return
		fi
		[[ ! ${names[n]} ]] || found[${names[n]}]=$value
	done
}

# Whether got[] is what want[] expects: a line "..." stands for any number of lines.
output_matches() {
	local i=0 j=0 star=-1 mark=0
	found=()
	while ((j < ${#got[@]})); do
		if ((i < ${#want[@]})) && [[ ${want[i]} == ... ]]; then
			star=$i mark=$j i=$((i + 1))
		elif ((i < ${#want[@]})) && line_matches "${want[i]}" "${got[j]}"; then
			i=$((i + 1)) j=$((j + 1))
		elif ((star >= 0)); then
			i=$((star + 1)) mark=$((mark + 1)) j=$mark
		else
			return 1
		fi
	done
	while ((i < ${#want[@]})) && [[ ${want[i]} == ... ]]; do
		i=$((i + 1))
	done
	((i == ${#want[@]}))
}

# For -u: got[] as expected lines in fresh[], with the lines of want[] that still match in their place.
accept_output() {
	local i=0 k line pending=() dots
	fresh=()
	for line in "${got[@]}"; do
		dots=
		for ((k = i; k < ${#want[@]}; k++)); do
			[[ ${want[k]} != ... ]] || dots=1
			[[ ${want[k]} == ... ]] || ! line_matches "${want[k]}" "$line" || break
		done
		if ((k == ${#want[@]})); then
			[[ $line != @('$ '|'> '|'['|...|'`'|'\')* ]] || line="\\$line"
			pending+=("$line")
			continue
		fi
		[[ ! $dots ]] || pending=(...)
		fresh+=("${pending[@]}" "${want[k]}")
		pending=() i=$((k + 1))
	done
	for ((k = i; k < ${#want[@]}; k++)); do
		[[ ${want[k]} != ... ]] || pending=(...)
	done
	fresh+=("${pending[@]}")
}
