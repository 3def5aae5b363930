# shellcheck shell=bash
# What -x tells is what happens: a tool runs under strace, and the system calls that change something
# are counted against those that its explanation names. None untold, and none told that was not made.
#
# told_same [-l KIND]… -- TOOL ARGS…
#
# Calls are compared by kind (mkdir, mkdirat: mkdir) and number; of some kinds one step may make many
# (an xattr more or less, a capability dropped), and of a tree removed nobody counts: for those, and
# for what -l names, there must be some where some were told, and none where none were.

TB_STRACE_CALLS='mkdir,mkdirat,rmdir,unlink,unlinkat,symlink,symlinkat,link,linkat,rename,renameat,'
TB_STRACE_CALLS+='renameat2,mknod,mknodat,setxattr,lsetxattr,fsetxattr,removexattr,lremovexattr,'
TB_STRACE_CALLS+='chmod,fchmod,fchmodat,chown,lchown,fchown,fchownat,mount,umount2,fsopen,fsconfig,'
TB_STRACE_CALLS+='fsmount,fspick,move_mount,open_tree,mount_setattr,pivot_root,chroot,chdir,fchdir,'
TB_STRACE_CALLS+='unshare,setns,clone,clone3,sethostname,setdomainname,setuid,setgid,setreuid,'
TB_STRACE_CALLS+='setregid,setresuid,setresgid,setgroups,capset,prctl,seccomp,setrlimit,prlimit64,'
TB_STRACE_CALLS+='write,pwrite64,openat,open,creat,truncate,ftruncate,flock,setsid,sendto,sendmsg'

# Kinds of which one told step may be many calls.
TB_LOOSE=' fsconfig chdir prctl setid capset netlink creat chown chmod setxattr '

told_same() {
	local loose=$TB_LOOSE trace=$T/told.trace said=$T/told.said status=0
	while [[ $1 == -l ]]; do
		loose+="$2 "
		shift 2
	done
	[[ $1 == -- ]] || fail "told_same -- TOOL ARGS" || return
	shift
	strace -f -y -qq -s 256 -o "$trace" -e "trace=$TB_STRACE_CALLS" -e signal=none \
		"$1" -x "${@:2}" </dev/null >"$T/told.out" 2>"$said" || status=$?
	((status == 0)) || fail "exit status $status: $*"$'\n'"$(<"$said")" || return
	calls_made "$trace" >"$T/told.made"
	calls_told "$said" >"$T/told.told"
	[[ -s $T/told.told ]] || fail "nothing told: $*" || return
	compare_calls "$loose" || fail "$* tells something else than it does"$'\n'"$(<"$said")"
}

# calls_made TRACE: "KIND line" for each call that changes something.
calls_made() {
	sed -E 's/^[0-9]+ +//' "$1" | awk '
		# A call that another process interrupted is shown in two parts: the first names it.
		/^<\.\.\. / { next }
		!match($0, /^[a-z0-9_]+\(/) { next }
		{ call = substr($0, 1, RLENGTH - 1); kind = call }
		call ~ /^mkdir/ { kind = "mkdir" }
		call ~ /^mknod/ { kind = "mknod" }
		call ~ /^symlink/ { kind = "symlink" }
		call ~ /^link/ { kind = "link" }
		call ~ /^rename/ { kind = "rename" }
		call ~ /^unlink/ { kind = /AT_REMOVEDIR/ ? "rmdir" : "unlink" }
		call ~ /xattr$/ { kind = "setxattr" }
		call ~ /chmod/ { kind = "chmod" }
		call ~ /chown/ { kind = "chown" }
		call ~ /^f?chdir$/ { kind = "chdir" }
		call ~ /^set(re|res)?[ug]id$|^setgroups$/ { kind = "setid" }
		call ~ /^clone/ && !/CLONE_NEW|CLONE_INTO/ { next }
		call ~ /^clone/ { kind = "clone" }
		call == "umount2" { kind = "umount" }
		# Names, death signals and questions change nothing that others see.
		call == "prctl" && /PR_GET|PR_SET_NAME|PR_SET_PDEATHSIG|PR_CAPBSET_READ|IS_SET|PR_SET_DUMPABLE|PR_SET_VMA/ { next }
		call == "prctl" && /SECCOMP/ { kind = "seccomp" }
		call == "prlimit64" && /, NULL, / { next }
		call == "prlimit64" { kind = "setrlimit" }
		call == "seccomp" && /SECCOMP_GET/ { next }
		call == "open_tree" && !/OPEN_TREE_CLONE/ { next }
		call == "sendto" || call == "sendmsg" {
			if (!/RTM_(NEW|DEL|SET)|NFNL|NFT_MSG_(NEW|DEL)/) next
			kind = "netlink"
		}
		call ~ /write/ {
			if (!match($0, /<[^>]*>/)) next
			file = substr($0, RSTART + 1, RLENGTH - 2)
			if (file !~ /^\/(proc|sys)\//) next
			kind = "write"
		}
		call ~ /^open/ && !/^open_tree/ { if (!/O_CREAT/) next; kind = "creat" }
		call ~ /truncate/ { kind = "creat" }
		# What the kernel refused did not happen.
		!/ = -1 E/ { print kind }
	'
}

# calls_told EXPLANATION: the same of the comments that name the calls.
calls_told() {
	awk '
		/^# [0-9.]+\. / { step = 1; next }
		!step || !/^#    / { next }
		{
			step = 0
			line = $0
			gsub(/\\./, "", line)
			gsub(/"[^"]*"/, "", line)
			# The call that joins layers one by one fails at its end, on a kernel without it.
			if (line ~ / = -1 E/ && line ~ /fsopen/) { print "fsopen"; print "fsconfig" }
			if (line ~ / = -1 E/) next
			many = line ~ /all below|nftw/ ? " many" : ""
			news = line ~ /CLONE_NEW|CLONE_INTO/
			flags = line
			gsub(/[^A-Za-z0-9_]+/, " ", line)
			n = split(line, word, " ")
			for (i = 1; i <= n; i++) {
				w = word[i]; kind = ""
				if (w ~ /^(mkdir|rmdir|mknod|symlink|link|rename|unlink)(at2?)?$/) { kind = w; sub(/at2?$/, "", kind) }
				else if (w ~ /^[lf]?(set|remove)xattr$/) kind = "setxattr"
				else if (w ~ /^f?chmod(at)?$/) kind = "chmod"
				else if (w ~ /^[lf]?chown(at)?$/) kind = "chown"
				else if (w ~ /^f?chdir$/) kind = "chdir"
				else if (w ~ /^set(re|res)?[ug]id$|^setgroups$/) kind = "setid"
				else if (w ~ /^clone3?$/) kind = news ? "clone" : ""
				else if (w ~ /^umount2?$/) kind = "umount"
				else if (w ~ /^(mount|fsopen|fsconfig|fsmount|fspick|open_tree|move_mount|mount_setattr|pivot_root|chroot|unshare|setns|sethostname|setdomainname|capset|seccomp|prctl|write|flock|setsid)$/) kind = w
				else if (w ~ /^(setrlimit|prlimit)(64)?$/) kind = "setrlimit"
				else if (w ~ /^RTM_(NEW|DEL|SET)|^nft_run|^rtnetlink$/) kind = "netlink"
				else if (w == "O_CREAT") kind = "creat"
				else if (w == "nftw") { print "unlink many"; print "rmdir many" }
				if (kind == "prctl" && flags ~ /SECCOMP/) kind = "seccomp"
				if (kind == "prctl" && flags ~ /PDEATHSIG|DUMPABLE/) kind = ""
				if (kind == "write" && flags ~ /fsync/) kind = "creat"
				if (kind != "") print kind many
			}
		}
	' "$1"
}

# compare_calls LOOSE-KINDS: of $T/told.made and $T/told.told.
compare_calls() {
	awk -v loose="$1" '
		NR == FNR { made[$0]++; all[$0] = 1; next }
		/ many$/ { sub(/ many$/, ""); loose = loose $0 " " }
		{ told[$0]++; all[$0] = 1 }
		END {
			for (k in all) {
				if (index(loose, " " k " ")) {
					# A lock or a new file belongs to steps of other names.
					if (k == "creat") continue
					# The removal of a tree tells directories by what unlink says.
					if (k == "unlink refused") continue
					if (!made[k] == !told[k]) continue
				} else if (made[k] + 0 == told[k] + 0) continue
				printf "%s: made %d, told %d\n", k, made[k], told[k]
				bad = 1
			}
			exit bad
		}
	' "$T/told.made" "$T/told.told" || {
		echo "calls that change something:"
		sort "$T/told.made" | uniq -c
		return 1
	}
}
