#!/usr/bin/env bats
# dfile-build: each instruction and its corners, with the files, modes, owners, settings and history
# that come of it.

load helpers
load dfile_build_helpers

setup_file() { build_setup_file; }
teardown_file() { tb_teardown_file; }
setup() { build_setup; }
teardown() { build_teardown; }

@test "the Dockerfile of the talk, word for word" {
	cat >Dockerfile <<-'EOF'
		FROM bb
		MAINTAINER Dan Klopp
		RUN touch $HOME/shell_run_variant
		RUN ["/bin/sh", "-c", "touch $HOME/exec_run_variant"]
		RUN ["/bin/mkdir", "$HOME"]
		RUN ["/bin/touch", "$HOME/exec_run_variant_mkdir"]
	EOF
	dfile-build --network none --no-cache -t it . 2>"$T/said" >"$T/id"
	assert_eq "drwxr-xr-x 0:0 \$HOME
-rw-r--r-- 0:0 \$HOME/exec_run_variant_mkdir
-rw-r--r-- 0:0 root/exec_run_variant
-rw-r--r-- 0:0 root/shell_run_variant" "$(tree)"
	assert_eq "1 5" "$(layers bb) $(layers)"
	assert_eq '["Dan Klopp",6,1]' "$(img-config it | jq -c '[.author, (.history | length), ([.history[] | select(.empty_layer)] | length)]')"
	grep -qx "Step 1/6 : FROM bb" "$T/said"
	grep -qx 'Step 6/6 : RUN \["/bin/touch", "$HOME/exec_run_variant_mkdir"\]' "$T/said"
	assert_eq 4 "$(grep -c '^ ---> Running in ' "$T/said")"
	assert_eq 4 "$(grep -c '^Removing intermediate container ' "$T/said")"
	grep -qx "Successfully built $(cut -c8-19 "$T/id")" "$T/said"
	grep -qx "Successfully tagged it:latest" "$T/said"
	# Without the third RUN the fourth has no directory to write to.
	sed -i /mkdir/d Dockerfile
	printf 'RUN ["/bin/touch", "$HOME/exec_run_variant_mkdir"]\n' >>Dockerfile
	run dfile-build --network none .
	assert_eq 1 "$status"
	assert_like "$output" "*Dockerfile:5: The command '/bin/touch \$HOME/exec_run_variant_mkdir' returned a non-zero code: 1*"
}

@test "two RUNs keep what the second one removes, one RUN does not" {
	build -t two <<-'EOF'
		FROM bb
		RUN dd if=/dev/zero of=/big bs=65536 count=128 2>/dev/null
		RUN rm /big
	EOF
	build -t one <<-'EOF'
		FROM bb
		RUN dd if=/dev/zero of=/big bs=65536 count=128 2>/dev/null && rm /big
	EOF
	local base big=8388608
	base=$(img-ls --json bb | jq .size)
	[ "$base" -gt 0 ]
	# To the byte, as programs see it and as people do: what was removed is still there.
	assert_eq "$((base + big)) $base" "$(img-ls --json two | jq .size) $(img-ls --json one | jq .size)"
	assert_eq "$(human $((base + big))) $(human "$base")" "$(img-ls two | awk 'END { print $NF }') $(img-ls one | awk 'END { print $NF }')"
	assert_eq "$base $big 0" "$(img-tree --json two | jq .size | xargs)"
	assert_eq "$base 0" "$(img-tree --json one | jq .size | xargs)"
	img-tree bb two one >"$T/tree"
	assert_eq "$(human "$base") 8.389MB 0B" "$(img-tree two | awk '{ for (i = 1; i <= NF; i++) if ($i ~ /^[0-9.]+[kMG]?B$/) print $i }' | xargs)"
	assert_eq "bb:latest one:latest two:latest" "$(grep -oE '(bb|one|two):latest' "$T/tree" | sort | xargs)"
	# And squashed it is gone.
	img-save two | squash -q --from "$(img-config two | jq -r '.rootfs.diff_ids[0]')" -t flat | img-load >/dev/null
	assert_eq "$base" "$(img-ls --json flat | jq .size)"
}
# human BYTES: as Docker writes a size, in powers of 1000 with four digits.
human() { awk -v n="$1" 'BEGIN { split("B kB MB GB", u, " "); for (i = 1; n >= 1000; i++) n /= 1000; printf "%.4g%s", n, u[i] }'; }

@test "FROM: ARG before it, scratch, stages by name and number, a digest of an unknown image" {
	echo x >x
	build --build-arg WHAT=bb <<-'EOF'
		ARG WHAT=none
		ARG MORE=$WHAT
		FROM scratch AS first
		COPY x /one
		FROM ${MORE} AS Second
		COPY --from=first /one /two
		FROM second
		COPY --from=0 /one /three
	EOF
	assert_eq "-rw-r--r-- 0:0 three
-rw-r--r-- 0:0 two" "$(tree)"
	try <<<'FROM $NOTHING'
	assert_eq 1 "$status"
	assert_like "$output" "*standard input:1: base name (\$NOTHING) should not be blank*"
}

@test "FROM scratch: an image needs no file, and no step" {
	build <<<'FROM scratch'
	assert_eq "0 0" "$(layers) $(img-config it | jq '.history | length')"
	[[ $(img-config it | jq -r .created) == 20*Z ]]
	build <<<$'FROM scratch\nCMD ["/x"]\nLABEL a=b\nWORKDIR /'
	assert_eq '0 ["/x"] {"a":"b"}' "$(layers) $(setting Cmd) $(setting Labels)"
	assert_eq "it 0" "$(img-ls --json it | jq -r '"\(.repository) \(.size)"')"
	img-tag it nothing
	# It can be built on, and goes through an archive and back.
	img-save nothing | TACKLEBOX_ROOT=$T/other img-load >/dev/null
	assert_eq "$(img-config nothing)" "$(TACKLEBOX_ROOT=$T/other img-config nothing)"
	echo x >x
	build <<<$'FROM nothing\nCOPY x /'
	assert_eq '1 x ["/x"]' "$(layers) $(in_image x) $(setting Cmd)"
	run box-run --rm --network none nothing
	assert_eq 125 "$status"
	assert_like "$output" "*has no layers*"
}

@test "RUN: shell form, exec form, SHELL, here-documents, variables are the shell's" {
	build <<-'EOF'
		FROM bb
		ENV V=env
		ARG A=arg
		RUN echo "$V $A $HOME $PATH" >/shell
		RUN ["/bin/sh", "-c", "echo $V >/exec"]
		RUN <<EOF2
		echo one >/doc
		echo "$V" >>/doc
		EOF2
		RUN cat <<A >/two && cat <<B >>/two
		from a
		A
		from b
		B
		RUN <<SCRIPT
		#!/bin/cat
		itself
		SCRIPT
		SHELL ["/bin/sh", "-ec"]
		RUN false || true; echo "$0" >/sh
	EOF
	assert_eq "env arg /root /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" "$(in_image shell)"
	assert_eq "env" "$(in_image exec)"
	assert_eq $'one\nenv' "$(in_image doc)"
	assert_eq $'from a\nfrom b' "$(in_image two)"
	assert_eq '["/bin/sh","-ec"]' "$(setting Shell)"
	assert_eq "RUN |1 A=arg /bin/sh -c echo \"\$V \$A \$HOME \$PATH\" >/shell" "$(img-config it | jq -r '.history[3].created_by')"
}

@test "a layer holds what the program changed, and no mount point" {
	build <<-'EOF'
		FROM bb
		RUN rm -r /old/dir && mkdir /old/dir && echo x >/old/dir/x
		RUN chmod 700 /etc
		RUN true
	EOF
	assert_eq "drwx------ 0:0 etc
drwxr-xr-x 0:0 old/dir
-rw-r--r-- 0:0 old/dir/x" "$(tree)"
	local blob
	for blob in $(img-config it | jq -r '.rootfs.diff_ids[1:][]'); do
		tar -tf "$TACKLEBOX_ROOT/images/blobs/sha256/${blob#sha256:}"
	done >"$T/names"
	assert_eq "./
old/
old/dir/
old/dir/.wh..wh..opq
old/dir/x
./
etc/
./" "$(cat "$T/names")"
	# A layer is what its tar says: unpacked again it is the same.
	img-save it >"$T/it.tar"
	tree >"$T/one"
	TACKLEBOX_ROOT=$T/other img-load <"$T/it.tar" >/dev/null
	TACKLEBOX_ROOT=$T/other tree >"$T/two"
	diff "$T/one" "$T/two"
}

@test "ENV LABEL EXPOSE VOLUME USER WORKDIR STOPSIGNAL CMD ENTRYPOINT HEALTHCHECK ONBUILD" {
	build --label more=1 <<-'EOF'
		FROM bb
		ENV myName="Dan Klopp" myDistro=Ubuntu
		ENV old form of it
		ENV PATH=/x:$PATH both=${myName}-${none:-else}
		LABEL a=b "c d"='e f' v=$myDistro
		EXPOSE 80 53/udp 7000-7001
		VOLUME ["/data", "/a b"]
		VOLUME /v1 /v2
		STOPSIGNAL SIGUSR1
		HEALTHCHECK --interval=5s --timeout=1m --retries=3 CMD test -e /x
		ONBUILD RUN echo $triggered
		ENTRYPOINT ["/bin/echo", "x"]
		CMD echo y
		USER dan
		WORKDIR /w
		WORKDIR x/../y
	EOF
	assert_eq '["BASE=base","PATH=/x:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","myName=Dan Klopp","myDistro=Ubuntu","old=form of it","both=Dan Klopp-else"]' "$(setting Env)"
	assert_eq '{"a":"b","c d":"e f","v":"Ubuntu","more":"1"}' "$(setting Labels)"
	assert_eq '["53/udp","7000/tcp","7001/tcp","80/tcp"]' "$(setting 'ExposedPorts | keys')"
	assert_eq '["/a b","/data","/v1","/v2"]' "$(setting 'Volumes | keys')"
	assert_eq '{"Test":["CMD-SHELL","test -e /x"],"Interval":5000000000,"Timeout":60000000000,"Retries":3}' "$(setting Healthcheck)"
	assert_eq '["SIGUSR1","dan","/w/y",["/bin/echo","x"],["/bin/sh","-c","echo y"],["RUN echo $triggered"]]' \
		"$(img-config it | jq -c '.config | [.StopSignal, .User, .WorkingDir, .Entrypoint, .Cmd, .OnBuild]')"
	# Two directories were made, by a user; all else made no layer.
	assert_eq 3 "$(layers)"
	assert_eq "drwxr-xr-x 1000:1000 w
drwxr-xr-x 1000:1000 w/y" "$(tree)"
}

@test "ENTRYPOINT forgets the command of the image below, unless CMD was said before it" {
	build <<<$'FROM bb\nENTRYPOINT ["/e"]'
	assert_eq '[["/e"],null]' "$(img-config it | jq -c '.config | [.Entrypoint, .Cmd]')"
	build <<<$'FROM bb\nCMD ["c"]\nENTRYPOINT ["/e"]'
	assert_eq '[["/e"],["c"]]' "$(img-config it | jq -c '.config | [.Entrypoint, .Cmd]')"
	build <<<$'FROM bb\nENTRYPOINT ["/e"]\nFROM bb\nHEALTHCHECK NONE'
	assert_eq '[["NONE"],null,["/bin/sh"]]' "$(img-config it | jq -c '.config | [.Healthcheck.Test, .Entrypoint, .Cmd]')"
}

@test "USER, HOME and groups are those of the image's files" {
	build <<-'EOF'
		FROM bb
		RUN mkdir -m 777 /out
		USER dan
		RUN id >/out/dan; echo $HOME >>/out/dan
		USER 1000:extra
		RUN id -u >/out/both; id -g >>/out/both
		USER 4711
		RUN id -u >/out/none; id -g >>/out/none; echo $HOME >>/out/none
	EOF
	assert_eq $'uid=1000(dan) gid=1000(dan) groups=7(extra)\n/home/dan' "$(in_image out/dan)"
	assert_eq $'1000\n7' "$(in_image out/both)"
	assert_eq $'4711\n0\n/' "$(in_image out/none)"
	try <<<$'FROM bb\nUSER nobodyhere\nRUN true'
	assert_eq 1 "$status"
	assert_like "$output" "*cannot find user nobodyhere*"
}

@test "ARG: values given, defaults, platform, ENV before it, unused ones are named" {
	run -0 dfile-build -q --network none --build-arg A=1 --build-arg B=2 --build-arg ZZ=3 --build-arg http_proxy=p -t it -f - . <<-'EOF'
		ARG G=global
		FROM bb
		ARG A=default
		ARG B
		ARG C=c$A
		ARG D
		ARG G
		ARG TARGETARCH
		ENV B=env
		RUN echo "$A $B $C ${D-unset} $G $http_proxy" >/out
		RUN [ -n "$TARGETARCH" ]
	EOF
	assert_like "$output" "*one or more build-args \[ZZ\] were not consumed*"
	assert_eq "1 env c1 unset global p" "$(in_image out)"
	# The proxy is not in the image.
	[[ $(img-config it) != *"=p "* ]]
}

@test "COPY: where things go" {
	mkdir -p d/e && echo a >a && echo b >b && echo f >d/e/f && ln -s a l && ln -s e/f d/l && chmod 751 d && chmod 4755 b
	build <<-'EOF'
		FROM bb
		COPY a /new
		COPY a /dir/
		COPY a b /two/
		COPY a /old/dir
		COPY d /d
		COPY d /old/dir
		COPY l /l
		COPY a /link/followed
		WORKDIR /work
		COPY a .
		COPY b rel/x
	EOF
	assert_eq "drwxr-x--x 0:0 d
drwxr-xr-x 0:0 d/e
-rw-r--r-- 0:0 d/e/f
lrwxrwxrwx 0:0 d/le/f
drwxr-xr-x 0:0 dir
-rw-r--r-- 0:0 dir/a
-rw-r--r-- 0:0 l
-rw-r--r-- 0:0 new
-rw-r--r-- 0:0 old/dir/a
drwxr-xr-x 0:0 old/dir/e
-rw-r--r-- 0:0 old/dir/e/f
lrwxrwxrwx 0:0 old/dir/le/f
-rw-r--r-- 0:0 old/followed
drwxr-xr-x 0:0 two
-rw-r--r-- 0:0 two/a
-rwsr-xr-x 0:0 two/b
drwxr-xr-x 0:0 work
-rw-r--r-- 0:0 work/a
drwxr-xr-x 0:0 work/rel
-rwsr-xr-x 0:0 work/rel/x" "$(tree)"
}

@test "COPY: wildcards, --chown, --chmod, --parents, --exclude, --link, here-documents" {
	mkdir -p s/t s/u && echo 1 >s/t/1.txt && echo 2 >s/t/2.md && echo 3 >s/u/3.txt && echo h >.hidden.txt && echo '*' >'a[b'
	build <<-'EOF'
		FROM bb
		COPY --chown=dan:extra --chmod=640 s/t /own/
		COPY --chown=12 s/t/1.txt /own12
		COPY *.txt /g/
		COPY s/*/?.txt /g2/
		COPY --parents s/./t/1.txt s/u /p/
		COPY --exclude=*/*.md s /x
		COPY --link s/t/1.txt /linked
		COPY a[[]b /lit/
		COPY <<A <<"B" /docs/
		home $BASE
		A
		raw $BASE
		B
	EOF
	assert_eq "drwxr-xr-x 0:0 docs
-rw-r--r-- 0:0 docs/A
-rw-r--r-- 0:0 docs/B
drwxr-xr-x 0:0 g
-rw-r--r-- 0:0 g/.hidden.txt
drwxr-xr-x 0:0 g2
-rw-r--r-- 0:0 g2/1.txt
-rw-r--r-- 0:0 g2/3.txt
-rw-r--r-- 0:0 linked
drwxr-xr-x 0:0 lit
-rw-r--r-- 0:0 lit/a[b
drw-r----- 1000:7 own
-rw-r----- 1000:7 own/1.txt
-rw-r----- 1000:7 own/2.md
-rw-r--r-- 12:12 own12
drwxr-xr-x 0:0 p
drwxr-xr-x 0:0 p/s
drwxr-xr-x 0:0 p/s/u
-rw-r--r-- 0:0 p/s/u/3.txt
drwxr-xr-x 0:0 p/t
-rw-r--r-- 0:0 p/t/1.txt
drwxr-xr-x 0:0 x
drwxr-xr-x 0:0 x/t
-rw-r--r-- 0:0 x/t/1.txt
drwxr-xr-x 0:0 x/u
-rw-r--r-- 0:0 x/u/3.txt" "$(tree)"
	assert_eq "home base" "$(in_image docs/A)"
	assert_eq 'raw $BASE' "$(in_image docs/B)"
}

@test "COPY --from a stage or an image keeps owners, and follows links inside of it only" {
	echo outside >"$T/outside"
	build <<-EOF
		FROM bb AS one
		RUN mkdir /o && echo x >/o/x && chown 3:4 /o/x && ln -s /o /abs && ln -s ../../../../../../../../..$T/outside /o/out && ln -s / /o/root
		FROM bb
		COPY --from=one /abs/ /here
		COPY --from=bb /old/dir /image
		COPY --from=one /o/root/o/x /x
	EOF
	assert_eq "drwxr-xr-x 0:0 here
lrwxrwxrwx 0:0 here/out../../../../../../../../..$T/outside
lrwxrwxrwx 0:0 here/root/
-rw-r--r-- 3:4 here/x
drwxr-xr-x 5:6 image
-rw-r--r-- 3:4 x" "$(tree)"
	try <<-EOF
		FROM bb AS one
		RUN ln -s $T/outside /out
		FROM bb
		COPY --from=one /out /
	EOF
	assert_eq 1 "$status"
	assert_like "$output" "*:4: \"/out\" is not in one*"
}

@test "ADD: archives are unpacked, what only looks like one is copied" {
	mkdir a && echo f >a/f && chown 9:9 a/f && tar -czf a.tgz -C a f && tar -cf a.tar -C a f && xz -c a.tar >a.txz
	echo plain | gzip >plain.gz
	build <<-'EOF'
		FROM bb
		ADD a.tgz /gz
		ADD a.txz /xz/
		ADD plain.gz /
		COPY a.tar /copied.tar
		ADD --unpack=false a.tar /plain.tar
	EOF
	assert_eq "-rw-r--r-- 0:0 copied.tar
drwxr-xr-x 0:0 gz
-rw-r--r-- 9:9 gz/f
-rw-r--r-- 0:0 plain.gz
-rw-r--r-- 0:0 plain.tar
drwxr-xr-x 0:0 xz
-rw-r--r-- 9:9 xz/f" "$(tree)"
}

@test "ADD: an archive that lies in what was named is copied" {
	mkdir -p a d/e && echo f >a/f && tar -cf d/a.tar -C a f && cp d/a.tar d/e/ && cp d/a.tar b.tar && cp d/a.tar c.tar
	build <<-'EOF'
		FROM bb
		ADD d /dir/
		ADD *.tar d/a.* /named/
	EOF
	assert_eq "dir dir/a.tar dir/e dir/e/a.tar named named/f" \
		"$(tree | awk '{ print $3 }' | xargs)"
}

@test "ONBUILD: steps of the image below come first, and once" {
	build <<<$'FROM bb\nONBUILD RUN echo $T >/trigger\nONBUILD ENV X=y'
	img-tag it parent
	build <<<$'FROM parent\nENV T=later'
	assert_eq '"y"' "$(img-config it | jq '.config | select(.OnBuild == null) | .Env[] | select(startswith("X=")) | ltrimstr("X=")')"
	assert_eq "-rw-r--r-- 0:0 trigger" "$(tree)"
	# A trigger may take files of a stage: that is built for it, and no other is.
	build <<<$'FROM bb\nONBUILD COPY --from=s /f /g\nONBUILD RUN --mount=from=t,target=/m cp /m/f /h'
	img-tag it parent
	build <<-'EOF'
		FROM bb AS s
		RUN echo s >/f
		FROM bb AS t
		RUN echo t >/f
		FROM bb AS not
		RUN exit 1
		FROM parent AS last
		RUN cat /g /h >/both
		ONBUILD COPY --from=s /f /again
		FROM last
	EOF
	assert_eq $'s\nt s' "$(in_image both) $(in_image again)"
	# One that there is not, and one that needs itself by way of it.
	try <<<$'FROM parent'
	assert_eq 1 "$status"
	assert_like "$output" "*cannot get image s*"
	try <<<$'FROM parent AS s\nFROM bb AS t\nFROM s'
	assert_like "$output" "*circular dependency*"
}

@test "contexts: a directory, a tar on standard input in any compression, only a Dockerfile, -f" {
	mkdir ctx && echo x >ctx/x && printf 'FROM bb\nCOPY x /\n' >ctx/Dockerfile && printf 'FROM bb\nCOPY x /y\n' >ctx/other
	local id
	id=$(dfile-build -q ctx)
	assert_eq "$id" "$(tar -C ctx -c . | dfile-build -q -)"
	assert_eq "$id" "$(tar -C ctx -cz . | dfile-build -q -)"
	assert_eq "$id" "$(tar -C ctx -c . | zstd -q | dfile-build -q -)"
	assert_eq "$id" "$(dfile-build -q -f ctx/Dockerfile ctx)"
	mv ctx/Dockerfile ctx/dockerfile
	printf 'dockerfile\n' >ctx/.dockerignore
	assert_eq "$id" "$(dfile-build -q ctx)"
	mv ctx/dockerfile ctx/Dockerfile
	rm ctx/.dockerignore
	tar -C ctx -c . | dfile-build -q -t it -f other - >/dev/null
	assert_eq "-rw-r--r-- 0:0 y" "$(tree)"
	printf 'FROM bb\nENV ALONE=1\n' | dfile-build -q -t it - >/dev/null
	assert_like "$(setting Env)" "*ALONE=1*"
	run dfile-build -q -f - - <<<"FROM bb"
	assert_eq 1 "$status"
}

@test "contexts: standard input that cannot be read is not an empty one" {
	run -1 dfile-build -q - </dev/null
	assert_like "$output" "*standard input is empty*"
	run -1 dfile-build -q - <.
	assert_like "$output" "*cannot read standard input: Is a directory*"
}

@test ".dockerignore, and that of one Dockerfile" {
	mkdir -p keep drop/deep && touch keep/a keep/b.log drop/c drop/deep/d e.log
	printf '*.log\n**/*.log\ndrop\n!drop/deep\n' >.dockerignore
	build <<<$'FROM bb\nCOPY . /c/'
	assert_eq "drwxr-xr-x 0:0 c
-rw-r--r-- 0:0 c/.dockerignore
drwxr-xr-x 0:0 c/drop
drwxr-xr-x 0:0 c/drop/deep
-rw-r--r-- 0:0 c/drop/deep/d
drwxr-xr-x 0:0 c/keep
-rw-r--r-- 0:0 c/keep/a" "$(tree)"
	try <<<$'FROM bb\nCOPY e.log /'
	assert_eq 1 "$status"
	assert_like "$output" "*\"/e.log\" is not in the context*hint: its .dockerignore*"
	printf 'FROM bb\nCOPY . /c/\n' >Own
	printf '*\n!e.log\n' >Own.dockerignore
	dfile-build -q -t it -f Own . >/dev/null
	assert_eq "drwxr-xr-x 0:0 c
-rw-r--r-- 0:0 c/e.log" "$(tree)"
}

@test "options: --target, --label, --iidfile, several -t, --squash, --progress json, -q" {
	echo x >x
	printf 'FROM bb AS a\nRUN echo a >/a\nFROM a AS b\nRUN exit 1\n' >Dockerfile
	dfile-build --network none --target a -t one -t two --label l=v --iidfile "$T/iid" --progress json . >"$T/json"
	assert_eq "$(img-inspect one | jq -r '.[0].Id // .Id')" "$(cat "$T/iid")"
	assert_eq "$(img-inspect one | jq -r '.[0].Id // .Id')" "$(img-inspect two | jq -r '.[0].Id // .Id')"
	assert_eq "$(cat "$T/iid")" "$(jq -r 'select(.aux) | .aux.ID' "$T/json")"
	assert_eq "Step 1/3 : FROM bb AS a" "$(head -1 "$T/json" | jq -r .stream)"
	run -1 dfile-build --network none --progress json . 2>/dev/null
	assert_like "$output" '*"errorDetail":{"code":1,"message":"Dockerfile:4: The command*'
	build --squash <<<$'FROM bb\nRUN echo 1 >/1\nCOPY x /2\nRUN rm /1'
	assert_eq 2 "$(layers)"
	assert_eq "-rw-r--r-- 0:0 2" "$(tree)"
}

@test "--squash takes no other image's name away, nor an image without one" {
	echo x >x
	local df=$'FROM bb\nRUN echo 1 >/1\nCOPY x /2\nRUN rm /1' app
	dfile-build -q --network none -t app -f - . <<<"$df" >/dev/null
	app=$(img-inspect app | jq -r '.[0].Id // .Id')
	build --squash <<<"$df"
	assert_eq "$app" "$(img-inspect app | jq -r '.[0].Id // .Id')"
	assert_eq "2 4" "$(layers) $(layers app)"
	img-tag app app2
	build --squash <<<"$df"
	assert_eq "4 4" "$(layers app) $(layers app2)"
	img-rm app app2 >/dev/null
	# One that was there without a name stays, and what was made for the sake of --squash does not.
	dfile-build -q --network none -f - . <<<"$df" >/dev/null
	build --squash <<<"$df"
	img-inspect "$app" >/dev/null
	img-rm "$app" >/dev/null
	build --squash <<<"$df"
	run ! img-inspect "$app"
	assert_eq 2 "$(layers)"
}

@test "HEALTHCHECK none, --chown without a value, /etc/resolv.conf that is a link to nowhere" {
	build <<<$'FROM bb\nHEALTHCHECK none'
	assert_eq '["NONE"]' "$(setting Healthcheck.Test)"
	build <<<$'FROM bb AS x\nRUN echo f >/f && chown 7:8 /f\nFROM bb\nCOPY --from=x --chown=$UNSET /f /g'
	assert_eq 7:8 "$(stat_in_image %u:%g g)"
	# The files of a whole system have it so; in a RUN it is a file, so it is copied.
	local to
	mkdir -p r/etc r/run && ln -s ./deep/er r/run/link
	for to in ../run/systemd/resolve/stub /run/systemd/resolve/stub ../run/link /etc/../../../nowhere; do
		ln -sf "$to" r/etc/resolv.conf
		build <<-'EOF'
			FROM bb
			COPY r /
			RUN cat /etc/resolv.conf >/seen && [ -s /seen ]
		EOF
		assert_eq "etc/resolv.conf run run/link seen" "$(tree | sed 's,->.*,,' | awk '{ print $3 }' | sed "s,$to\$,,; s,./deep/er\$,," | xargs)"
	done
	ln -sf resolv.conf r/etc/resolv.conf
	try <<<$'FROM bb\nCOPY r /\nRUN true'
	assert_eq 1 "$status"
	assert_like "$output" "*/etc/resolv.conf*ELOOP*"
}

@test "mistakes are told with file and line" {
	local line want
	while IFS='|' read -r line want; do
		printf 'FROM bb\n\n%b\n' "$line" >Dockerfile
		run dfile-build --network none .
		assert_eq 1 "$status" "$line"
		assert_like "$output" "*Dockerfile:3: *$want*"
	done <<-'EOF'
		RUNN x|unknown instruction
		COPY --chow=1 a b|--chow
		COPY none /|is not in the context
		COPY --from=nobody/none:1 /x /|cannot get image
		RUN --mount=type=what true|unsupported mount type
		RUN --mount=type=bind,target=/ true|invalid mount target
		RUN --network=else true|none or host
		COPY --chmod=u+y Dockerfile /|octal
		COPY --chown=nobodyhere Dockerfile /|unable to find user
		COPY Dockerfile /etc/passwd/x|cannot
		EXPOSE what|is not a port
		STOPSIGNAL SIGWHAT|SIGWHAT
		HEALTHCHECK --interval=x CMD y|
	EOF
}

@test "-n tells what would be run, and does nothing; -x tells what is run" {
	echo x >a
	printf 'FROM bb\nCOPY a /dry\nRUN echo dry >/run\nCMD ["x"]\nFROM scratch\nCOPY --from=0 /dry /\n' >Dockerfile
	local before
	before=$(find "$TACKLEBOX_ROOT" | sort)
	dfile-build -n --network none . >"$T/script"
	assert_eq "$before" "$(find "$TACKLEBOX_ROOT" | sort)"
	sh -n "$T/script"
	grep -q '^ufs-mount -u ' "$T/script"
	grep -q '^ns-exec --join-cgroup .* -- /bin/sh -c ' "$T/script"
	dfile-build -x --network none . 2>"$T/told" >/dev/null
	grep -q '^ns-exec --join-cgroup .* -- /bin/sh -c ' "$T/told"
	grep -q '^ufs-diff ' "$T/told"
}
