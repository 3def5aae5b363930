#!/usr/bin/env bats
# bats file_tags=box
# Boxes that mean harm while others start, enter or look: the races of the hardening list, through
# box-start, box-run and box-exec, against a canary. (ns-exec and ns-enter alone: confine.bats.)
load helpers
load box_helpers

setup_file() {
	box_setup_file
	SWAP=$(tb_program swap)
	export SWAP
}
teardown_file() { tb_teardown_file; }
setup() {
	box_setup
	canary=$T/canary
	mkdir "$canary"
	echo untouched >"$canary/file"
	canary_before=$(canary_state)
}
teardown() {
	[[ ! ${swapper:-} ]] || { kill "$swapper" && wait "$swapper"; } 2>/dev/null || :
	box_teardown
}

canary_state() {
	find "$canary" -printf '%p %y %#m %U:%G %n %s %T@ %l\n' | sort
	cat "$canary/file"
}
canary_lives() { assert_eq "$canary_before" "$(canary_state)" "the canary"; }

# A box that looks at every process that comes into it: what it has open, where it stands, whether it can
# be traced or its program be written. What it finds goes to /seen; /looked says that it looks.
watcher() {
	local name=$1
	shift
	box-run -d --name "$name" --network none "$@" bb sh -c '
		exec 2>/dev/null
		while :; do
			for p in /proc/[0-9]*; do
				[ $p != /proc/1 ] && [ $p != /proc/$$ ] || continue
				grep -q "^PPid:.0$" $p/status || continue
				echo $p >>/looked
				for f in $p/fd/*; do
					case ${f##*/} in 0 | 1 | 2 | \* | 255) continue ;; esac
					l=$(readlink $f) || continue
					# The box'"'"'s own root is no secret; one that is gone meanwhile cannot be told.
					[ "$l" = / ] && { [ $f -ef / ] || [ ! -e $f ]; } && continue
					echo "descriptor $f: $l" >>/seen
				done
				w=$(readlink $p/cwd) || continue
				[ "$w" = / ] && { [ $p/cwd -ef / ] || [ ! -e $p/cwd ]; } || echo "directory $w" >>/seen
				e=$(readlink $p/exe)
				case $e in "" | /bin/*) ;; *)
					# What we are run from has no name that leads to it, and takes no byte.
					[ "$e" = / ] || echo "program $e" >>/seen
					(exec 3>>$p/exe && echo spoilt >&3 && echo "wrote $p/exe" >>/seen) ;;
				esac
			done
		done' >/dev/null
	wait_for box-exec "$name" true
}

# seen NAME: nothing was, though it looked.
seen() {
	local dir=$TACKLEBOX_ROOT/names/$1/root
	[[ -s $dir/looked ]] || fail "$1 never saw anybody come in"
	[[ ! -s $dir/seen ]] || fail "$1 saw: $(sort "$dir/seen" | uniq -c)"
}

# runc 2016-9962, 2019-5736, 2024-21626.
@test "who enters a hostile box shows it nothing: no descriptor, directory or program of the host" {
	local i sum
	sum=$(sha256sum "$BIN"/{ns-exec,ns-enter,box-exec,box-mon})
	watcher one
	watcher two --cap-add SYS_PTRACE --security-opt seccomp=unconfined
	for ((i = 0; i < $(rounds) / 2; i++)); do
		for name in one two; do
			box-exec "$name" true 5<"$canary" 7</
			box-exec --privileged "$name" true 5<"$canary"
		done
	done
	box-exec two sleep 0.3 5<"$canary"
	box-exec one sleep 0.3 5<"$canary"
	seen one
	seen two
	assert_eq "$sum" "$(sha256sum "$BIN"/{ns-exec,ns-enter,box-exec,box-mon})" "our programs"
	canary_lives
}

# runc 2021-30465, 2023-28642, 2024-45310: a volume of two boxes, in which one bends the place where the
# other's is to be mounted.
@test "boxes start while the place of their mounts is swapped with a symlink all the while" {
	local i good=0 out
	vol-create shared >/dev/null
	mkdir -p "$TACKLEBOX_ROOT/volumes/shared/_data/d" "$T/mine"
	touch "$T/mine/mark"
	ln -s ../../../../../../../../../../../../../../.."$canary" "$TACKLEBOX_ROOT/volumes/shared/_data/trap"
	# The swapper stops by itself after a minute: with many rounds it begins again.
	(while :; do "$SWAP" "$TACKLEBOX_ROOT/volumes/shared/_data/d" "$TACKLEBOX_ROOT/volumes/shared/_data/trap" || :; done) 3>&- 2>/dev/null &
	swapper=$!
	for ((i = 0; i < $(rounds) * 5 / 2; i++)); do
		out=$(timeout 20 box-run --rm --network none -v shared:/s -v "$T/mine:/s/d/a/b" --tmpfs /s/d/t bb \
			sh -c 'test -e /s/d/a/b/mark && echo there' 2>/dev/null) || :
		[[ $out != there ]] || good=$((good + 1))
	done
	pkill -P "$swapper" || :
	kill "$swapper"
	wait "$swapper" 2>/dev/null || :
	pkill -f "^$SWAP $TACKLEBOX_ROOT/" || :
	swapper=
	((good > 0)) || fail "not one of $i starts came through"
	assert_eq "mark" "$(ls "$T/mine")"
	canary_lives
}

# runc 2019-16884, 2025-31133, 2025-52565: an image that has other things where /proc, /dev and what is masked
# should be.
@test "an image whose /proc, /dev or their parts are symlinks reaches nothing of the host" {
	local dir place
	for place in proc dev sys dev/null dev/console dev/pts etc/hosts etc/resolv.conf proc/sys; do
		dir=$T/image
		rm -rf "$dir" && make_root "$dir"
		rm -rf "${dir:?}/$place" && mkdir -p "$(dirname "$dir/$place")"
		ln -s ../../../../../../../../../../.."$canary" "$dir/$place"
		tar -C "$dir" -c . | img-import bent >/dev/null
		box-run --rm --network none bent sh -c 'echo spoilt >/dev/null; echo spoilt >>/etc/hosts; head -c 1 /proc/kcore
			echo ran' >"$T/out" 2>&1 || :
		# Refused, or run with the kernel's own in its place.
		[[ $(<"$T/out") == *ran* || $(<"$T/out") == *box-* || $(<"$T/out") == *ns-exec* ]] || fail "$place: $(<"$T/out")"
		canary_lives
		img-rm bent >/dev/null
	done
}

# containerd 2022-31030 and kin.
# moby, oci/defaults.go; moby 2018-10892, CVE-2020-8694 (PLATYPUS). (ns-exec: confine.bats.)
@test "what tells of the whole machine reads as empty in a box, what changes it cannot be written" {
	local path
	steady one
	run -0 jq -r '.linux.maskedPaths | sort[]' "$TACKLEBOX_ROOT/names/one/config.json"
	assert_eq "/proc/acpi /proc/asound /proc/interrupts /proc/kcore /proc/keys /proc/latency_stats /proc/sched_debug /proc/scsi /proc/timer_list /proc/timer_stats /sys/devices/virtual/powercap /sys/firmware" \
		"$(xargs <<<"$output")"
	for path in $output; do
		run -0 box-exec one sh -c "[ ! -e $path ] || { [ -d $path ] && ls -A $path || cat $path; }"
		assert_eq "" "$output" "$path"
	done
	run -0 jq -r '.linux.readonlyPaths | sort[]' "$TACKLEBOX_ROOT/names/one/config.json"
	assert_eq "/proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger" "$(xargs <<<"$output")"
	for path in $output; do
		box-exec one sh -c "[ ! -e $path ] || grep -q ' $path [a-z]* ro,' /proc/mounts" || fail "$path can be written"
	done
}

@test "many failing, and many endless, programs in a box: nobody of ours grows or stays" {
	local i n mon before
	box-run -d --name one --network none bb sleep 1000 >/dev/null
	mon=$(pgrep -f "^[^ ]*box-mon .*$TACKLEBOX_ROOT/boxes/$(box-inspect one | jq -r .Id)")
	before=$(ls "/proc/$mon/fd" | wc -l)
	for ((n = 0; n < $(rounds) * 5 / 2; n++)); do
		run -127 box-exec one nosuchprogram
	done
	for i in 1 2 3; do
		box-exec one sh -c 'yes | head -c 4000000' | head -c 100 >/dev/null
	done
	assert_eq "$before" "$(ls "/proc/$mon/fd" | wc -l)" "descriptors of box-mon"
	(($(awk '/^VmRSS:/ { print $2 }' "/proc/$mon/status") < 4096))
	wait_for sh -c "[ \$(box-top one | wc -l) = 2 ]"
	assert_eq "" "$(ps -o stat= --ppid "$mon" | grep Z || :)"
}
