# shellcheck shell=bash
# Golden transcripts: tests/golden/TOOL.exp holds command lines and all that they print.
#
#   # a comment
#   ? root cg-pids                what the lines below need, up to the next "?" (as in requires)
#   % mkdir here                  run before: must succeed, prints nothing that is looked at
#   $ cg-create -m              run by sh in an empty directory, standard input closed
#   cg-create: option -m needs a value (SIZE)
#   Try 'cg-create --help'.
#   [2]                           the exit status, where it is not 0
#
# Standard output and error come together. In what is expected, <..> stands for any text in a line,
# a line <...> for any lines, and $T, $BIN and $TB_NAME for their values.

# golden FILE.exp: every command of the file; says all differences, not only the first.
golden() {
	local line command='' wanted='' needs='' bad=0
	[[ -r $1 ]] || fail "no transcript $1" || return
	mkdir -p "$T/golden"
	cd "$T/golden" || return
	while IFS= read -r line || [[ $line ]]; do
		case $line in
		'#'*) ;;
		'? '* | '%'* | '$ '*)
			golden_check "$command" "$wanted" || bad=1
			command='' wanted=''
			case $line in
			'? '*) needs=$(golden_needs "${line#? }") || bad=1 ;;
			'% '*) [[ $needs ]] || golden_prepare "${line#% }" || bad=1 ;;
			'$ '*) [[ $needs ]] || command=${line#$ } ;;
			esac
			;;
		*) wanted+=$line$'\n' ;;
		esac
	done <"$1"
	golden_check "$command" "$wanted" || bad=1
	return $bad
}

# golden_needs WORDS: prints what is missing; in strict mode that is a failure unless listed.
golden_needs() {
	local word
	for word in $1; do
		tb_has "$word" && continue
		echo "$word"
		echo "# passed over, for it needs $word: the lines after ? $1" >&3
		[[ ${TEST_STRICT:-} != 1 ]] || skip_is_listed golden.bats "needs $word"
		return
	done
}

golden_prepare() {
	local out
	out=$(sh -ec "$1" 2>&1 </dev/null) || fail "% $1"$'\n'"$out"
}

# golden_check COMMAND WANTED
golden_check() {
	local got pattern
	[[ $1 ]] || return 0
	got=$(sh -c "$1" 2>&1 </dev/null && echo "[0]" || echo "[$?]")
	# The status stands in a line of its own, whatever was printed before it.
	[[ $got != *[!$'\n']'['+([0-9])']' ]] || got=${got%'['*}$'\n['${got##*'['}
	got=${got%$'\n[0]'}
	[[ $got != '[0]' ]] || got=
	got=${got//"$T"/'$T'} got=${got//"$BIN"/'$BIN'} got=${got//"$TB_NAME"/'$TB_NAME'}
	pattern=$(golden_pattern "${2%$'\n'}")
	[[ $got =~ ^$pattern$ ]] && return
	echo "\$ $1"
	diff -u --label wanted --label got <(echo "${2%$'\n'}") <(echo "$got") | sed 1,2d
	return 1
}

# golden_pattern TEXT: as a regular expression, everything in it literal but the two wildcards.
golden_pattern() {
	sed -E 's/[][\\.*^$+?(){}|]/\\&/g; s/<\\\.\\\.>/[^\n]*/g; s/^<\\\.\\\.\\\.>$/.*/' <<<"$1" |
		sed "s/\[^\\\\n\]/[^"$'\\\n'"]/g"
}
