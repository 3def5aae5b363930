#!/usr/bin/env bats
# The same Dockerfiles built by dfile-build and by `buildah bud`: files with their modes, owners and
# content, and settings, are equal. What differs, and why:
#
#   etc/hosts, etc/resolv.conf   buildah leaves its mount points in the layer, as empty files
#   set-user-ID bits             buildah's COPY loses them, docker's does not: no file here has one
#   PATH                         where an image has none, docker and dfile-build set it
#   io.buildah.version           a label that only buildah sets

load helpers
load dfile_build_helpers

setup_file() {
	build_setup_file
	requires root buildah runc || return 0
	img-save bb >"$TB_DIR/bb.tar"
	peer pull -q "docker-archive:$TB_DIR/bb.tar" >"$TB_DIR/id" 2>/dev/null
	peer tag "$(tail -1 "$TB_DIR/id")" localhost/bb
	img-tag bb localhost/bb
}
teardown_file() {
	[ ! -d "$TB_DIR/peer" ] || peer rmi -a -f >/dev/null 2>&1 || :
	umount "$TB_DIR/peer/overlay" 2>/dev/null || :
	tb_teardown_file
}
setup() { build_setup && requires buildah runc; }
teardown() { build_teardown; }

peer() { buildah --root "$TB_DIR/peer" --runroot "$TB_DIR/peer-run" --storage-driver overlay "$@"; }

# files DIR: what lies there, but what mount points left behind.
files() {
	(cd "$1" && find . -mindepth 1 -not -path './proc*' -not -path './sys*' -not -path './dev*' -not -path './run*' -not -path ./etc/hosts -not -path ./etc/resolv.conf \
		-printf '%M %U:%G %P %l ' \( -type f -exec sha256sum {} \; -o -printf '\n' \) | sed 's/ \.\/.*//' | sort -k3)
}

# Settings that are the same in another form: an absent list and an empty one, ports and labels that
# only buildah adds, PATH that only dfile-build (as docker) adds.
settings() {
	jq -Sc 'del(.Labels["io.buildah.version"]) | with_entries(select(.value != null and .value != {} and .value != [] and .value != "" and .value != false))
		| .Env = ((.Env // []) | map(select(startswith("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin") | not)))'
}

compare() {
	local name=$1 container
	peer bud -q --isolation oci --runtime runc --network host --ulimit nofile=1024:1024 --build-arg ARG1=given -t "peer-$name" -f "$T/c/$name" "$T/c" >/dev/null || return
	dfile-build -q --network none --build-arg ARG1=given -t it -f "$T/c/$name" "$T/c" >/dev/null || return
	container=$(peer from "localhost/peer-$name")
	files "$(peer mount "$container")" >"$T/theirs"
	mkdir "$T/t"
	# shellcheck disable=SC2046
	ufs-mount --ro "$T/t" $(img-layers it) >/dev/null
	files "$T/t" >"$T/ours"
	ufs-mount --umount "$T/t" && rmdir "$T/t"
	peer rm "$container" >/dev/null
	diff "$T/theirs" "$T/ours" || { echo "$name: files differ"; return 1; }
	peer inspect --type image "localhost/peer-$name" | jq '.OCIv1.config' | settings >"$T/theirs"
	img-config it | jq .config | settings >"$T/ours"
	diff "$T/theirs" "$T/ours" || { echo "$name: settings differ"; return 1; }
}

@test "twenty Dockerfiles" {
	mkdir -p d/e && echo a >a && echo b >b.txt && echo f >d/e/f && ln -s e/f d/l && chmod 750 b.txt && chmod 700 d/e && tar -czf t.tgz -C d e
	local n=0 body bad=
	while IFS= read -r body; do
		n=$((n + 1))
		printf 'FROM localhost/bb\n%b\n' "$body" >"d$n"
		compare "d$n" || bad+=" $n"
	done <<-'EOF'
		RUN echo x >/x && chmod 600 /x && mkdir -p /a/b && chown 3:4 /a/b
		RUN rm -r /old/dir && ln -s /x /y
		RUN ["/bin/sh", "-c", "echo $0 >/exec"]
		ENV A=1 B="two words" C=$BASE\nRUN echo "$A $B $C" >/env
		COPY a /x\nCOPY b.txt /dir/
		COPY d /d
		COPY d /old/dir
		COPY a b.txt /two/
		COPY *.txt /g/
		COPY --chown=1000:7 a /owned
		COPY --chown=dan a /owned2
		ADD t.tgz /un
		WORKDIR /w\nWORKDIR x\nRUN pwd >here
		USER dan\nRUN id -un >/tmp/me || id -u >/old/me
		LABEL a=b "c d"='e f'
		EXPOSE 80 53/udp\nVOLUME /data\nSTOPSIGNAL SIGUSR1
		ENTRYPOINT ["/e", "x"]\nCMD ["y"]
		ENTRYPOINT /bin/echo hi
		ARG ARG1=default\nARG ARG2=two\nRUN echo "$ARG1 $ARG2" >/args
		ENV X=1\nENV X=2 Y=${X}z Z=${none:-d}\nRUN echo $X$Y$Z >/xyz
		FROM localhost/bb AS s\nRUN echo s >/s\nFROM localhost/bb\nCOPY --from=s /s /s
	EOF
	assert_eq "21" "$n$bad"
}
