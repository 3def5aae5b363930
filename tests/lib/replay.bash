# shellcheck shell=bash
# Replay: the script that a tool prints with -n is true. `tool …` in fresh namespaces and
# `tool -n … | sh` in other fresh ones leave the same state, and -x changes nothing but stderr.
#
# replay_same [-u UNSHARE-OPTIONS] [-p PREPARE] [-c CLEAN] [-f FILTER] [-w BEFORE] STATE -- TOOL ARGS…
#
#   STATE    prints the state to compare: state_none, state_mounts, "state_tree DIR…",
#            "state_cgroup NAME…", state_net, or a function of the test file
#   -u       more namespaces than the mount namespace: -u '--net --uts'
#   -p       run before the tool, in its namespaces: makes layers, bridges …
#   -c       run after the state was taken: removes what no namespace contains, such as cgroups
#   -f       filter for stdout: probe_norm makes the probe's output comparable
#   -w       what stands before the tool, and before the sh of its script: -w as_nobody
#
# Each is a command with arguments in one string; functions and variables of the test are there.
# Each run stands in an empty tmpfs of its own at $T/here, with TACKLEBOX_RUN in it, so that
# relative names do for everything. With --net, /run is empty too.

replay_same() {
	local unshare='' prepare=: clean=: filter=cat before='' state dir=$T/replay run
	while [[ $1 == -* && $1 != -- ]]; do
		case $1 in
		-u) unshare=$2 ;;
		-p) prepare=$2 ;;
		-c) clean=$2 ;;
		-f) filter=$2 ;;
		-w) before=$2 ;;
		*) fail "replay_same: what is $1?" || return ;;
		esac
		shift 2
	done
	state=$1
	[[ $2 == -- ]] || fail "replay_same STATE -- TOOL ARGS" || return
	shift 2
	rm -rf "$dir"
	mkdir -p "$dir" "$T/here"
	for run in plain script explained; do
		in_fresh "$unshare" replay_run "$run" "$dir/$run" "$prepare" "$clean" "$filter" \
			"$before" "$state" "$@" || fail "replay: the $run run of $*" || return
	done
	replay_compare "$dir" script "$*" && replay_compare "$dir" explained "$*" &&
		explained_well "$dir/explained.err"
}

# replay_compare DIR RUN WHAT: with the plain run.
replay_compare() {
	local part name
	for part in status out state; do
		diff -u --label plain --label "$2" "$1/plain.$part" "$1/$2.$part" && continue
		name="$part of the $2 run differs: $3"
		fail "$name"$'\n'"$(cat "$1/$2.err" "$1/script.sh" 2>/dev/null)" || return
	done
}

# replay_run RUN OUT PREPARE CLEAN FILTER BEFORE STATE TOOL ARGS…: inside the fresh namespaces. The
# functions of the test see its variables: they are not those of a test.
replay_run() {
	local tb_run=$1 tb_out=$2 tb_prepare=$3 tb_clean=$4 tb_filter=$5 tb_state=$7 tb_status=0
	local tb_untouched tb_before=()
	read -ra tb_before <<<"$6"
	shift 7
	$tb_prepare || fail "cannot prepare: $tb_prepare" || return
	case $tb_run in
	plain) "${tb_before[@]}" "$@" </dev/null >"$tb_out.raw" 2>"$tb_out.err" || tb_status=$? ;;
	explained)
		"${tb_before[@]}" "$1" -x "${@:2}" </dev/null >"$tb_out.raw" 2>"$tb_out.err" || tb_status=$?
		;;
	script)
		tb_untouched=$($tb_state)
		"${tb_before[@]}" "$1" -n "${@:2}" </dev/null >"${tb_out%/*}/script.sh" ||
			fail "-n fails" || return
		[[ $tb_untouched == "$($tb_state)" ]] || fail "a dry run changed something" || return
		"${tb_before[@]}" sh <"${tb_out%/*}/script.sh" >"$tb_out.raw" 2>"$tb_out.err" || tb_status=$?
		;;
	esac
	echo $tb_status >"$tb_out.status"
	$tb_filter <"$tb_out.raw" >"$tb_out.out"
	$tb_state >"$tb_out.state"
	$tb_clean || fail "cannot clean up: $tb_clean"
}

# explained_well FILE: steps numbered from 1 without a gap (nested ones behind their point), each
# with its call; what is not a comment is shell that sh can read.
explained_well() {
	awk '
		/^# [0-9.]+\. / {
			n = split(substr($2, 1, length($2) - 1), part, ".")
			key = ""
			for (i = 1; i < n; i++) key = key part[i] "."
			if (part[n] != seen[key] + 1) { print "step " $2 " comes after " key seen[key]; bad = 1 }
			seen[key] = part[n]
		}
		END { exit bad }
	' "$1" || fail "the steps are not numbered in a row:"$'\n'"$(<"$1")" || return
	sh -n "$1" || fail "what -x tells is not a script:"$'\n'"$(<"$1")"
}

# in_fresh UNSHARE-OPTIONS CMD…: runs a command or function of the test in new namespaces (always a
# mount namespace), at $T/here, an empty tmpfs.
in_fresh() {
	local options=() user=()
	read -ra options <<<"$1"
	shift
	((EUID == 0)) || user=(--user --map-root-user)
	# A file, and not -c: bats' run puts back the flags of its shell, and of that one it cannot.
	{
		# Variables of the test, in scope here, as far as tests name theirs: in small letters; and ours.
		declare -p | grep -E '^declare -[-aAilx]+ ([a-z]|TB_)[A-Za-z0-9_]*=' || :
		declare -f
		echo 'set -eE; trap "echo \"failed: \$BASH_COMMAND\" >&2" ERR; in_fresh_go "$@"'
	} >"$T/body"
	mkdir -p "$T/here"
	unshare --mount "${user[@]}" "${options[@]}" -- bash "$T/body" "${options[*]}" "$@" </dev/null 3>&-
}

in_fresh_go() {
	local fd
	# Whatever the caller of the tests has open is not for the tools to see.
	for fd in /proc/self/fd/*; do
		((${fd##*/} < 3)) || eval "exec ${fd##*/}>&-"
	done
	mounts_with_ids >"$T/mounts"
	mount -t tmpfs -o mode=755 tbtest "$T/here" || return
	if [[ $1 == *--net* ]]; then
		ip link set lo up
		[[ $T == /run/* ]] || mount -t tmpfs -o mode=755 tbtest /run || return
	fi
	[[ $1 == *--user* || $EUID == 0 ]] || return
	shift
	cd "$T/here" || return
	export TACKLEBOX_RUN=$T/here/run
	"$@"
}

# ---- states ----

state_none() { :; }

# What has become of the mounts since in_fresh: new ones in the order of their mounting, and those of
# before that are gone or changed. The others are the host's, where tests beside this one mount boxes;
# when they remove the directory of one, the kernel takes the mount away here, too (rmdir(2)).
state_mounts() {
	mounts_with_ids | awk '
		{ id = $1; sub(/^[0-9]+ /, "") }
		FILENAME != "-" { before[id] = $0; next }
		!(id in before) { print }
		id in before && before[id] != $0 { print "changed: " before[id] " to: " $0 }
		{ delete before[id] }
		END {
			for (id in before)
				if (split(before[id], f, " ") && system("[ -e \"" f[2] "\" ]") == 0)
					print "gone: " before[id]
		}' "$T/mounts" -
}

# Without what the kernel numbers anew each time. One lowerdir+ a layer (the new mount API) is the same
# as a list with colons.
mounts_with_ids() {
	awk '{
		for (i = 7; $i != "-"; i++) sub(/:[0-9]+$/, "", $i)
		$2 = $3 = ""
		print
	}' /proc/self/mountinfo | sed ':a; s/\(lowerdir+\{0,1\}=[^ ]*\),lowerdir+=/\1:/; ta; s/lowerdir+=/lowerdir=/'
}

# state_tree DIR…: names, kinds, modes, owners, sizes, times, attributes and content.
state_tree() {
	local dir
	for dir in "$@"; do
		[[ -d $dir ]] || { echo "no $dir"; continue; }
		(
			cd "$dir" || exit
			find . -printf '%p %y %#m %U:%G %n %l\n' | LC_ALL=C sort
			find . -type f -exec sha256sum {} + | LC_ALL=C sort -k2
			# Overlay marks what it mounts with random and handle numbers of its own.
			find . -exec getfattr -h -d -m - {} + 2>/dev/null | { grep -vE '\.overlay\.(uuid|origin)=' || :; }
		)
	done
}

# state_cgroup NAME…: the files of a group in every hierarchy, those that count excepted, and its mark.
state_cgroup() {
	local name root dir file
	for name in "$@"; do
		awk '/ - cgroup2? /{ print $5 }' /proc/self/mountinfo | sort | while read -r root; do
			[[ -d $root/$name ]] || continue
			find "$root/$name" -type d | sort | while read -r dir; do
				echo "== $dir"
				getfattr -d -m user. --absolute-names "$dir" 2>/dev/null
				for file in "$dir"/*; do
					case ${file##*/} in
					*stat | *usage* | *peak | *pressure | *events | *current | *failcnt) ;;
					*recursive | *io_service* | *time* | *.sectors | *slabinfo | *_control) ;;
					*) [[ ! -f $file ]] || sed "s|^|${file##*/}: |" "$file" 2>/dev/null || : ;;
					esac
				done
			done
		done
	done
}

# Links, addresses, routes and rules of this network namespace and of those named in it. Hardware
# addresses (and the link-local ones made of them) are random, indices run on, and whether a link has
# its carrier already is a matter of time: all of these go.
state_net() {
	local file
	state_net_here
	for file in /run/netns/* "$TACKLEBOX_RUN"/netns/*; do
		[[ -f $file ]] || continue
		echo "== $file"
		nsenter --net="$file" bash -c "$(declare -f state_net_here); state_net_here"
	done
}

state_net_here() {
	local what norm
	norm='map(walk(if type == "object" then
		del(.ifindex, .link_index, .link_netnsid, .address, .permaddr, .stats, .stats64,
			.hello_timer, .tcn_timer, .topology_change_timer, .gc_timer, .bridge_id,
			.root_id, .designated_root, .designated_bridge, .hold_timer, .message_age_timer,
			.forward_delay_timer, .preferred_life_time, .valid_life_time, .altnames,
			.operstate, .state, .tentative, .linkmode, .config_pending, .tso_max_size,
			.tso_max_segs, .gso_max_size, .gso_max_segs, .gro_max_size, .promiscuity,
			.allmulti, .topology_change, .topology_change_detected, .root_port)
		| if .flags then .flags |= map(select(IN("UP", "onlink"))) else . end
		| if .addr_info then .addr_info |= map(select(.scope != "link")) else . end
		else . end)) | map(select((.dst // "") | test("^(fe80|ff00|multicast)") | not))
		| sort_by(tostring) | .[]'
	for what in link addr route rule; do
		ip -d -j $what show | jq -cS "$norm"
	done
	ip -d -j -6 route show | jq -cS "$norm"
	if command -v nft >/dev/null; then
		nft -j list ruleset | jq -cS '.nftables[] | select(.metainfo | not) | walk(
			if type == "object" then del(.handle) else . end)'
	fi
	grep -s . /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/conf/*/{route_localnet,rp_filter} || :
}

# probe_norm: the probe's JSON without what no two runs share. Namespaces become "same" (as this
# shell's) or "new"; a terminal or pipe on 0..2 is the harness's.
probe_norm() {
	local ns name
	ns=$(for name in cgroup ipc mnt net pid time user uts; do
		printf '"%s":%s,' "$name" "$(stat -L -c %i "/proc/self/ns/$name")"
	done)
	probe_own_mounts | jq -S --argjson here "{${ns%,}}" '
		.ns |= with_entries(.value = if .value == $here[.key] then "same" else "new" end)
		| del(.ppid, .sid, .pgid, .environ, .env._, .env.SHLVL, .env.PWD, .env.OLDPWD)
		# A chain-loader drops these, its script has none to drop; bash functions sh does not know.
		| .env |= with_entries(select(.key | test("^(TACKLEBOX|BASH_FUNC)_") | not))
		| del(.fds["0"], .fds["1"], .fds["2"])
		| if .pid > 2 then .pid = "some" else . end
		| .mounts |= map(del(.dev) | .propagation |= map(sub(":.*"; "")))'
}

# probe_own_mounts: the probe's JSON without what tests beside this one have mounted, below directories
# like ours: that comes and goes.
probe_own_mounts() {
	jq --arg ours "$TB_DIR/" \
		'.mounts |= map(select(.point | startswith($ours) or (test("/tb[.][0-9]+/") | not)))'
}
