#!/usr/bin/env bats
# What we build of twenty Dockerfiles is what buildah builds of them: files, modes, owners, links and
# config. The Dockerfiles are cases of tests/dfile that buildah 1.28 knows the instructions of (it has
# no here-documents, --exclude, --parents, --link).
load helpers
load dfile/cases

setup_file() { tb_setup_file; }
teardown_file() { tb_teardown_file; }
setup() {
	tb_setup
	requires root overlay dfile-build buildah
	make_root "$T/base"
	tar -C "$T/base" --numeric-owner -c . | img-import --env A=base --cmd '["/bin/sh"]' localhost/base:latest >/dev/null
	img-tag localhost/base:latest base >/dev/null
	img-save localhost/base:latest >"$T/base.tar"
	theirs pull -q "docker-archive:$T/base.tar" >/dev/null
}
teardown() { tb_teardown; }

# theirs ARG…: buildah with a store of the test's own.
theirs() { buildah --root "$T/buildah" --runroot "$T/buildah.run" --storage-driver vfs "$@"; }

# files_of NAME: every file of an image with what must be equal. Times are left out: each RUN has its
# own. So are /dev, /proc, /sys and /run and the files of /etc that a run mounts over: buildah leaves
# empty ones where it mounted, we leave none.
files_of() {
	mkdir -p "$T/root"
	img-layers "$1" | ufs-mount --ro "$T/root" >/dev/null || return
	(cd "$T/root" && find . \( -path ./dev -o -path ./proc -o -path ./sys -o -path ./run \) -prune -o \
		\( -path ./etc/hosts -o -path ./etc/resolv.conf \) -prune -o -printf '%P %y %m %U:%G %l\n' -type f -exec sha256sum {} \;) |
		sort
	umount "$T/root"
}

# config_of NAME: the config, in one form where Docker, OCI and buildah write different ones for the
# same: buildah's own label, "/" for no working directory, null for an empty list, the shell of
# CMD-SHELL, the order of the environment and a PATH that buildah adds.
config_of() {
	img-config "$1" | jq -S '.config | del(.Image, .Hostname, .Domainname, .AttachStdin, .AttachStdout, .AttachStderr,
			.Tty, .OpenStdin, .StdinOnce, .ArgsEscaped)
		| .Labels = ((.Labels // {}) | del(.["io.buildah.version"]))
		| .WorkingDir = (if (.WorkingDir // "") == "/" then "" else (.WorkingDir // "") end)
		| .Env = ([(.Env // [])[] | select(startswith("PATH=") | not)] | sort)
		| with_entries(select(.value != null and .value != [] and .value != {} and .value != ""))'
}

# known CASE: takes a difference with a reason out of buildah's files.
known() {
	case $1 in
	config-volume) grep -vE '^(a|b|c d) d 755 0:0 $' ;;
	*) cat ;;
	esac
}

# both_build CASE: by both, from one context; what differs is printed.
both_build() {
	local file=$TB_TESTS/dfile/$1.case dir=$T/$1 options
	mkdir "$dir"
	case_build "$file" "$dir" || { tail "$dir/out"; return 1; }
	img-tag case ours >/dev/null || return
	read -ra options < <(case_section "$file" options)
	# Of a directory that is copied a second time buildah's layers would be ours: it builds in one.
	(cd "$dir" && theirs bud -q --isolation chroot --format docker --pull-never "${options[@]}" -t theirs context) \
		>"$dir/theirs" 2>&1 || { tail "$dir/theirs"; return 1; }
	theirs push -q theirs "docker-archive:$dir/theirs.tar:theirs:latest" >/dev/null || return
	img-load <"$dir/theirs.tar" >/dev/null || return
	# buildah makes the directories of VOLUME in the image; Docker and we make them when a box is made.
	files_of ours >"$dir/ours.files" && files_of theirs | known "$1" >"$dir/theirs.files" || return
	[[ $(wc -l <"$dir/ours.files") -gt 200 ]] || fail "few files: $(wc -l <"$dir/ours.files")" || return
	diff "$dir/ours.files" "$dir/theirs.files" || fail "files differ" || return
	diff <(config_of ours) <(config_of theirs) || fail "configs differ"
}

@test "twenty Dockerfiles become what buildah makes of them" {
	local name bad=0 n=0
	for name in copy-file copy-rename copy-dir copy-wildcard copy-json copy-workdir copy-chown copy-symlink copy-over \
		copy-add-tar run-shell run-exec run-user run-remove run-modes var-arg var-env-forms config-cmd \
		config-label config-expose config-volume config-stopsignal stage-number stage-from; do
		n=$((n + 1))
		both_build "$name" || { echo "^ in $name"; bad=1; }
	done
	((n >= 20 && bad == 0))
}
