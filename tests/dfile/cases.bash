# shellcheck shell=bash
# Builds as data: each file NAME.case is a Dockerfile, its context, and what the image must hold.
#
#   # what it is about
#   --- context       a script of sh -e that makes the context, run in its empty directory
#   --- Dockerfile    taken as it is
#   --- options       words for dfile-build, behind --network none
#   --- want          what must be so, a line each:
#         file MODE UID:GID PATH = TEXT      content, as printf takes it
#         dir MODE UID:GID PATH
#         link PATH -> TARGET
#         absent PATH
#         config JQ                          holds for the config object of the image
#         history JQ                         holds for the array of what this build added
#         layers N                           that this build added
#   --- fails         globs instead of `want`: the build fails, and says each of them
#
# The image `base` is a root of busybox; see make_root.

# case_section FILE NAME: the lines of a section.
case_section() {
	awk -v name="--- $2" '/^--- / { on = $0 == name; next } on' "$1"
}

# case_want ROOT CONFIG LINE: whether that line holds.
case_want() {
	local root=$1 config=$2 kind mode owner path rest
	read -r kind rest <<<"$3"
	case $kind in
	file | dir)
		read -r mode owner path rest <<<"$rest"
		[[ $kind == dir && -d $root$path || -f $root$path && ! -L $root$path ]] || fail "$path is no $kind" || return
		assert_eq "$mode $owner" "$(stat -c '%a %u:%g' "$root$path")" "$path" || return
		[[ $kind == dir ]] && return
		# shellcheck disable=SC2059 # the case writes \n for a new line
		cmp <(printf "${rest#= }") "$root$path" || fail "$path holds: $(head -c 300 "$root$path")"
		;;
	link) assert_eq "${rest#* -> }" "$(readlink "$root${rest%% -> *}")" "$rest" ;;
	absent) [[ ! -e $root$rest && ! -L $root$rest ]] || fail "$rest is there" ;;
	config) jq -e "(.config // {}) | ($rest)" "$config" >/dev/null || fail "not so: config $rest: $(jq -c .config "$config")" ;;
	history) jq -e "(.history[1:]) | ($rest)" "$config" >/dev/null || fail "not so: history $rest: $(jq -c .history "$config")" ;;
	layers) assert_eq "$rest" "$(($(jq '.rootfs.diff_ids | length' "$config") - 1))" "layers" ;;
	*) fail "no such check: $3" ;;
	esac
}

# case_build FILE DIR: the context and the build; output in DIR/out. Its status.
case_build() {
	local options
	mkdir -p "$2/context"
	(cd "$2/context" && case_section "$1" context | sh -e) || fail "the context of $1 cannot be made" || return
	case_section "$1" Dockerfile >"$2/context/Dockerfile"
	read -ra options < <(case_section "$1" options)
	(cd "$2" && dfile-build --network none "${options[@]}" -t case context) >"$2/out" 2>&1
}

# case_fails FILE DIR: the build must fail and say what is wanted.
case_fails() {
	local line
	! case_build "$1" "$2" || fail "it does not fail" || return
	while IFS= read -r line; do
		assert_like "$(<"$2/out")" "*$line*" || return
	done < <(case_section "$1" fails)
}

# case_holds FILE: one case; what is wrong is printed.
case_holds() {
	local dir line
	dir=$(mktemp -d "$T/case.XXXXXX") && mkdir "$dir/root" || return
	if [[ $(case_section "$1" fails) ]]; then
		case_fails "$1" "$dir"
		return
	fi
	case_build "$1" "$dir" || { tail -20 "$dir/out"; return 1; }
	img-config case >"$dir/config" || return
	img-layers case | ufs-mount --ro "$dir/root" >/dev/null || return
	while IFS= read -r line; do
		case_want "$dir/root" "$dir/config" "$line" || { umount "$dir/root"; return 1; }
	done < <(case_section "$1" want)
	umount "$dir/root" && rm -rf "$dir"
}

# cases_hold PATTERN: all cases of that name; says how many there were.
cases_hold() {
	local file bad=0 n=0
	for file in "$TB_TESTS"/dfile/$1.case; do
		n=$((n + 1))
		if ! case_holds "$file"; then
			echo "^ in ${file##*/}"
			bad=1
		fi
	done
	echo "$n cases"
	((n > 0 && bad == 0))
}
