#!/bin/bash
# box.sh: a small Docker, made of the tools of levels 1 and 2. Lesson 16 reads it line by line.
#   box.sh pull IMAGE    box.sh ps [-a]    box.sh exec NAME COMMAND...    box.sh rm [-f] NAME...
#   box.sh run [-d] [--rm] [--name NAME] [-m SIZE] [-e A=B] [--network none|bridge] IMAGE [COMMAND...]
#   box.sh build -t TAG DIR    its Dockerfile has FROM RUN COPY ENV CMD; RUN has no network
set -euo pipefail && shopt -s extglob nullglob
boxes=${TACKLEBOX_ROOT:-/var/lib/tacklebox}/box.sh groups=1 nets=/run/netns
# Root of a user namespace only, as an ordinary user is, has no control groups, and his networks elsewhere.
[[ $(</proc/self/uid_map) == *\ 4294967295 ]] || groups='' nets=${TACKLEBOX_RUN:-/run/tacklebox}/netns
die() { echo "box.sh: $1" >&2 && exit "${2-1}"; }
have() { img-config "$1" >/dev/null 2>&1 || img-pull -q "$1" >/dev/null; }
there() { [[ ${1-} && $1 != */* && -e $boxes/$1/lock ]] || die "no such box: ${1-}" "${2-1}"; }
alive() { ! flock -n "$boxes/$1/lock" true; } # who runs a box holds its lock
remove() { rm -rf --one-file-system "${boxes:?}/$1"; }
floor() { mkdir "$2/root" && img-layers "$1" | ufs-mount -u "$2/upper" -w "$2/work" "$2/root" >/dev/null; }
fence() { if [[ $groups ]]; then cg-create "${@:2}" "boxsh-$1" >/dev/null
	else (($# < 2)) || echo "box.sh: -m is not kept" >&2; fi; }
plug() { { ip link show boxsh0 || br-setup boxsh0; } >/dev/null 2>&1 && br-attach boxsh0 "$1" >/dev/null; }
# What an image says of its programs becomes opts=(options of ns-exec), entry=(...) and cmd=(...).
settings() { # IMAGE HOSTNAME
	said=$(img-config "$1" | jq -r --arg host "$2" 'def text($none): if (. // "") == "" then $none else . end | @sh;
		.config // {} | (["HOSTNAME=\($host)"] + (.Env // []) | map("--env", .) | @sh) as $env |
		"opts=(--clear-env \($env) --as \(.User | text("0")) --cwd \(.WorkingDir | text("/")))",
		"entry=(\(.Entrypoint // [] | @sh)) cmd=(\(.Cmd // [] | @sh))"') && eval "$said"
}
run() {
	local detach='' rm='' name=box$$ network=bridge limits=() env=() opts cmd entry
	while [[ ${1-} == -* ]]; do
		case $1 in
		-d) detach=1 ;; --rm) rm=1 ;; -m) limits+=(-m "${2-}") ;; -e) env+=(--env "${2-}") ;;
		--name) name=${2-} ;; --network) network=${2-} ;; *) die "unknown option: $1" 125 ;;
		esac
		[[ $1 == @(-d|--rm) ]] || shift; shift || die "no value given" 125
	done
	[[ ${1-} && $name =~ ^[a-zA-Z0-9][a-zA-Z0-9_.-]+$ && $network =~ ^(none|bridge)$ ]] || die "image, name, network?" 125
	have "$1" && settings "$1" "$name" || exit 125
	mkdir -p "$boxes" && mkdir "$boxes/$name" 2>/dev/null || die "the name $name is in use" 125
	cd "$boxes/$name" && exec 9>lock && flock 9 && echo "$1" >image && shift
	opts+=("${env[@]}") && declare -p opts >opts; (($# == 0)) || cmd=("$@")
	floor "$(<image)" . && fence "$name" "${limits[@]}" &&
		{ [[ $network == none ]] || plug "boxsh-$name"; } || { clear_away "$name" && remove "$name" && exit 125; }
	[[ $detach ]] || become "$name" "$rm" </dev/null # which does not come back
	(become "$name" "$rm" >log 2>&1 </dev/null) &
	until [[ -s pid && $(readlink "/proc/$(<pid)/exe") != */ns-exec ]] || ! kill -0 $! 2>&-; do sleep 0.02; done; echo "$name"
}
become() { # NAME RM: the chain, and what is to do when it has ended
	local status=0 net=$nets/boxsh-$1 && [[ -e $net ]] || net=''
	${groups:+cg-exec boxsh-$1 --} ns-exec --all "--net${net:+=$net}" --root root --hostname "$1" --pidfile pid "${opts[@]}" -- \
		"${entry[@]}" "${cmd[@]}" 9>&- || status=$?
	echo $status >status && clear_away "$1"
	{ [[ ! $2 ]] || remove "$1"; } && exit $status
}
# A box that has ended keeps what it wrote, and no more.
clear_away() { { ufs-mount --umount "$boxes/$1/root"; cg-rm --kill "boxsh-$1"; br-detach "boxsh-$1"; } >/dev/null 2>&1 || :; }
ps() {
	printf '%-16s %-24s %s\n' NAME IMAGE STATUS
	for name in "$boxes"/*; do
		name=${name##*/} status=Up; alive "$name" || status="Exited ($(<"$boxes/$name/status"))"
		[[ $status != Up && ${1-} != -a ]] || printf '%-16s %-24s %s\n' "$name" "$(<"$boxes/$name/image")" "$status"
	done
}
enter() { # NAME COMMAND...: in the box, with its settings
	there "${1-}" 125 && alive "$1" && eval "$(<"$boxes/$1/opts")" || die "$1 does not run" 125
	exec ns-enter "$(<"$boxes/$1/pid")" --all --root --confine ${groups:+--join-cgroup boxsh-$1} "${opts[@]}" -- "${@:2}"
}
take() { # FORCE NAME...
	for name in "${@:2}"; do
		there "$name"
		! alive "$name" || { [[ $1 ]] && kill -KILL "$(<"$boxes/$name/pid")"; } || die "$name runs: use -f"
		flock "$boxes/$name/lock" true && remove "$name"
	done
}
layer() { # LINE [OPTION...] -- COMMAND...: run in a box of the image $id; what it changes goes on top
	rm -rf "${work:?}"/*; floor "$id" "$work"; settings "$id" build
	ns-exec --all --root "$work/root" "${opts[@]}" "${@:2}" >&2 </dev/null || die "'$1' failed ($?)"
	ufs-mount --umount "$work/root" >/dev/null
	id=$(ufs-diff --except /.context "$work/upper" | img-commit -p "$id" --created-by "$1")
}
copy='case $2 in */) mkdir -p "$2" ;; *) mkdir -p "$(dirname "$2")" ;; esac; cd /.context
	if [ -d "$1" ]; then mkdir -p "$2" && cp -R "$1/." "$2"; else cp "$1" "$2"; fi'
build() { # -t TAG DIR
	local id='' line word rest opts cmd entry
	work=$(mktemp -d) && trap 'ufs-mount --umount "$work/root" >/dev/null 2>&1 || :; rm -rf "$work"' EXIT
	[[ ${1-} == -t && -f ${3-}/Dockerfile && ! -e $3/.dockerignore ]] || die "-t TAG, a Dockerfile, no .dockerignore" 2
	while read -r line; do
		read -r word rest <<<"$line" && case ${word^^}:$rest in
		:* | '#'!(*[eE][sS][cC][aA][pP][eE]=*)) ;;
		FROM:+([!\ ])) [[ ! $id ]] && have "$rest" && id=$rest || die "cannot begin with '$line'" ;;
		RUN:[!-]*) cmd=$(jq -er 'arrays | @sh' <<<"$rest" 2>&-) && eval "cmd=($cmd)" || cmd=(/bin/sh -c "$rest")
			layer "$line" -- "${cmd[@]}" ;;
		COPY:+([!\ \"\$\[-])\ +([!\ ])) layer "$line" --bind "$3:/.context:ro" --umask 0 -- sh -c "$copy" - $rest ;;
		ENV:* | CMD:*) id=$(img-commit --no-layer -p "$id" --created-by "$line" -c "$line") ;;
		*) die "$word: not in this form, or none of FROM RUN COPY ENV CMD: $line" ;;
		esac
	done < <(sed -e ':a' -e '/\\$/{N;s/\\\n//;ba' -e '}' "$3/Dockerfile")
	img-tag "$id" "$2"
}
case ${1-} in run | ps | build) "$@" ;; pull) img-pull "${@:2}" ;; exec) enter "${@:2}" ;;
rm) [[ ${2-} == -f ]] && take "${@:2}" || take '' "${@:2}" ;; *) die "one of pull run ps exec rm build" 2 ;;
esac
