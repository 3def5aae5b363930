#!/bin/bash
# completion.bash PROGRAM...: prints the bash completion of these programs, from what each says of
# itself with --list-options ("-m<TAB>--memory<TAB>SIZE<TAB>help", a line an option).
set -eu

echo '# bash completion of tacklebox; generated, see tools/completion.bash'
echo 'declare -A _tacklebox_words _tacklebox_values _tacklebox_chain'
for program; do
	name=${program##*/}
	words='' values=' '
	while IFS=$'\x1f' read -r letter long value _; do
		words+=" $long"
		# Values of these kinds are files; for the others there is nothing to offer.
		case $value in
		'') continue ;;
		*FILE* | *DIR* | *PATH* | UPPER | WORK | ROOT | LOWER) kind="file" ;;
		*) kind="text" ;;
		esac
		values+="$long=$kind ${letter:+$letter=$kind }"
	done < <("$program" --list-options | tr '\t' '\037')
	printf "_tacklebox_words[%s]='%s'\n" "$name" "${words# }"
	printf "_tacklebox_values[%s]='%s'\n" "$name" "$values"
	# Usage lines of chain-loaders hold the command to run behind "--".
	! "$program" --help | sed -n '1,/^[^Uu ]/p' | grep -q -- ' -- ' ||
		echo "_tacklebox_chain[$name]=1"
done
cat <<'BODY'
_tacklebox()
{
	local tool=${1##*/} cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} i
	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		[ "${COMP_WORDS[i]}" = -- ] || continue
		# Behind -- stands the command, with a completion of its own.
		[ -n "${_tacklebox_chain[$tool]-}" ] || return 0
		if declare -F _command_offset >/dev/null; then
			_command_offset $((i + 1))
		elif ((i + 1 == COMP_CWORD)); then
			mapfile -t COMPREPLY < <(compgen -c -- "$cur")
		fi
		return 0
	done
	# "--name=val" comes as three words: = is a word break.
	if [ "$cur" = = ]; then
		cur=
	elif [ "$prev" = = ]; then
		prev=${COMP_WORDS[COMP_CWORD-2]}
	fi
	case ${_tacklebox_values[$tool]} in
	*" $prev=file "*) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
	*" $prev=text "*) ;;
	*)
		if [[ $cur == -* ]]; then
			mapfile -t COMPREPLY < <(compgen -W "${_tacklebox_words[$tool]}" -- "$cur")
		else
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		fi
		;;
	esac
}
BODY
echo "complete -o filenames -F _tacklebox ${*##*/}"
