#!/usr/bin/env bats
# Dockerfiles in, instructions out. That words expand and patterns match is tests/unit/dfile_*.c's
# matter.
load helpers

setup_file() { tb_setup_file; }
teardown_file() { tb_teardown_file; }
setup() { tb_setup; }
teardown() { tb_teardown; }

# tree TEXT WANT: what --ast makes of printf's TEXT.
tree() {
	printf "$1" >"$T/Dockerfile"
	assert_eq "$2" "$(dfile-parse --ast "$T/Dockerfile" 2>&1)" "$1"
}

# refuses TEXT GLOB [HINT]: one error with file and line.
refuses() {
	printf "$1" >"$T/Dockerfile"
	cd "$T" || return
	run dfile-parse Dockerfile
	assert_status 1
	assert_error dfile-parse "Dockerfile$2" ${3+"$3"}
}

# has TEXT FILTER: jq -e FILTER holds for the array of instructions.
has() {
	printf "$1" | dfile-parse --no-check | jq -s . >"$T/out.json"
	jq -e "$2" "$T/out.json" >/dev/null || fail "not so: $2"$'\n'"$(cat "$T/out.json")"
}

@test "each instruction has its form" {
	tree 'FROM a:1 AS b\n' '(from "a:1" "AS" "b")'
	tree 'from\ta\n' '(from "a")'
	tree 'RUN  a  "b"  c \n' '(run "a  \"b\"  c")'
	tree 'RUN ["a", "b c"]\n' '(run "a" "b c")'
	tree 'CMD\nENTRYPOINT []\n' $'(cmd)\n(entrypoint)'
	tree 'ENV A b  c\n' '(env "A" "b  c" "")'
	tree 'ENV A "b  c"\n' '(env "A" "\"b  c\"" "")'
	tree 'ENV A=b C="d e" F=g\\ h I= \n' '(env "A" "b" "=" "C" "\"d e\"" "=" "F" "g\\ h" "=" "I" "" "=")'
	tree "ENV A='b \"c\"' D='e\\\\'\n" "(env \"A\" \"'b \\\"c\\\"'\" \"=\" \"D\" \"'e\\\\'\" \"=\")"
	tree 'LABEL a.b/c="d=e"\n' '(label "a.b/c" "\"d=e\"" "=")'
	tree 'LABEL a b c\n' '(label "a" "b c" "")'
	tree 'ARG a b=c d="e f"\n' '(arg "a" "b=c" "d=\"e f\"")'
	tree 'MAINTAINER A B <a@b>\n' '(maintainer "A B <a@b>")'
	tree 'EXPOSE 80  443/tcp\t90-99\n' '(expose "80" "443/tcp" "90-99")'
	tree 'COPY a b /c\nADD a /b\n' $'(copy "a" "b" "/c")\n(add "a" "/b")'
	tree 'COPY ["a b", "/c d"]\n' '(copy "a b" "/c d")'
	tree 'VOLUME /a /b\nVOLUME ["/c d"]\n' $'(volume "/a" "/b")\n(volume "/c d")'
	tree 'USER a b\nWORKDIR /a b\nSTOPSIGNAL 9\n' $'(user "a b")\n(workdir "/a b")\n(stopsignal "9")'
	tree 'SHELL ["/bin/sh", "-c"]\n' '(shell "/bin/sh" "-c")'
	tree 'HEALTHCHECK NONE\nHEALTHCHECK  CMD  a  b\nHEALTHCHECK cmd ["a", "b"]\n' \
		$'(healthcheck "NONE")\n(healthcheck "CMD" "a  b")\n(healthcheck "cmd" "a" "b")'
	tree 'ONBUILD  RUN a\nONBUILD COPY ["a", "b"]\nOnBuild env a=b\n' \
		$'(onbuild (run "a"))\n(onbuild (copy "a" "b"))\n(onbuild (env "a" "b" "="))'
}

@test "what looks like JSON and is none is text; JSON of other things is an error" {
	tree "CMD ['a']\n" "(cmd \"['a']\")"
	tree 'CMD ["a"\n' '(cmd "[\"a\"")'
	tree 'CMD ["a",]\n' '(cmd "[\"a\",]")'
	tree 'CMD ["a"] b\n' '(cmd "[\"a\"] b")'
	tree 'CMD ["a\n' '(cmd "[\"a")'
	tree 'CMD "["a"]"\n' '(cmd "\"[\"a\"]\"")'
	tree 'RUN [ -e /a ] && b\n' '(run "[ -e /a ] && b")'
	tree 'COPY [ab] /c\n' '(copy "[ab]" "/c")'
	tree 'CMD [ "\\u2603\\n\\t\\"\\/" ]\n' '(cmd "☃\n\t\"/")'
	tree 'CMD ["a\\u0000b\\u001f", "\x7f"]\n' '(cmd "a\x00b\x1f" "\x7f")'
	tree 'CMD ["\\u00a0\\u00e9\\u200b\\ud83d\\ude00"]\n' '(cmd "\u00a0é\u200b😀")'
	local text
	for text in '[1]' '["a", 2]' '[null]' '[["a"]]' '[{"a": "b"}]' '["a", true]' "$(printf '[%.0s' {1..9000})"; do
		printf 'FROM a\nCMD %s\n' "$text" >"$T/f"
		[[ $text != '[[[['* ]] || printf 'FROM a\nCMD %s%s\n' "$text" "$(printf ']%.0s' {1..9000})" >"$T/f"
		run dfile-parse --ast "$T/f"
		assert_status 1
		assert_error dfile-parse "*/f:2: CMD: the JSON array holds something that is no string"
	done
	refuses 'FROM a\nCMD ["a\\u0000b"]\n' ':2: an argument of CMD holds a NUL character'
}

@test "lines go on, with comments and blank lines between" {
	tree 'RUN a\\\n b \\\nc\\ \t\n d\n' '(run "a b c d")'
	tree 'RUN a \\\n# no \\\n\n  # nor this\n  b\n' '(run "a   b")'
	tree 'RUN a \\\n \\\n\\\n b\n' '(run "a   b")'
	tree 'RUN a \\' '(run "a")'
	tree 'RUN a \\\n\n\n' '(run "a")'
	tree 'R\\\nUN a\n' '(run "a")'
	tree '# a \\\nRUN b\n' '(run "b")'
	tree '  # a\n \t RUN b # c\n' '(run "b # c")'
	tree 'ENV A b\\\\\nENV C d\n' $'(env "A" "b\\\\\\\\" "")\n(env "C" "d" "")'
	tree 'ENV A=b \\\n  C="d \\\ne"\n' '(env "A" "b" "=" "C" "\"d e\"" "=")'
	tree 'FROM a\r\nRUN b \\\r\n  c\r\n' $'(from "a")\n(run "b   c")'
	tree '\xef\xbb\xbfFROM a\n' '(from "a")'
	tree '\nFROM\va\n\f\n' '(from "a")'
	tree 'ENV A=b\xc2\xa0C=d\n' '(env "A" "b" "=" "C" "d" "=")'
}

@test "parser directives stand at the top" {
	tree '# escape=`\nRUN a\\b `\n  c\n' '(run "a\\b   c")'
	tree '#ESCAPE = `  \nENV A=b` c D=e`` \n' '(env "A" "b` c" "=" "D" "e``" "=")'
	tree '# a comment\n# escape=`\nRUN a \\\n b\n' '(run "a  b")'
	tree '\n# escape=`\nRUN a \\\n b\n' '(run "a  b")'
	tree '# other=x\n# escape=`\nRUN a \\\n b\n' '(run "a  b")'
	tree '# syntax=x y\n# check=skip=all;error=true\n# escape=`\nRUN a`\nb\n' '(run "ab")'
	refuses '# escape=x\n' ':1: the escape character is \\ or `, not '"'x'"
	refuses '# escape=`\n# escape=`\n' ':2: the parser directive escape stands here a second time'
	refuses '# syntax=a\n# Syntax=b\n' ':2: the parser directive Syntax stands here a second time'
	printf '# syntax=docker/dockerfile:1 x\n#check=skip=A\n#escape=`\nFROM a\n' >"$T/f"
	assert_eq '{"escape":"`","syntax":"docker/dockerfile:1 x","check":"skip=A"}' "$(dfile-parse --directives "$T/f")"
	assert_eq '{"escape":"\\","syntax":null,"check":null}' "$(echo FROM a | dfile-parse -d)"
}

@test "flags stand before the arguments" {
	tree 'COPY --from=a --link b /c\n' '(copy ["--from=a" "--link"] "b" "/c")'
	tree 'COPY --chown="a b":c  --x=\\ y d /e\n' '(copy ["--chown=a b:c" "--x= y"] "d" "/e")'
	tree 'COPY --a -- --b /c\nCOPY -- a b\n' $'(copy ["--a"] "--b" "/c")\n(copy "a" "b")'
	tree 'COPY a --from=b /c\n' '(copy "a" "--from=b" "/c")'
	tree 'RUN -x --mount=a\n' '(run "-x --mount=a")'
	tree 'RUN --mount=type=cache,target=/c \\\n  --network=none  a --b\n' '(run ["--mount=type=cache,target=/c" "--network=none"] "a --b")'
	tree 'ONBUILD COPY --from=a b /c\n' '(onbuild (copy ["--from=a"] "b" "/c"))'
	tree 'CMD --x ["a"]\nCMD --x\n' $'(cmd ["--x"] "a")\n(cmd ["--x"])'
	has 'RUN --mount=a --mount=b=c --x= --network d\n' '.[0].flags == [{name: "mount", value: "a"},
		{name: "mount", value: "b=c"}, {name: "x", value: ""}, {name: "network", value: null}]'
}

@test "here-documents: content, names, chomp, several, with their lines" {
	has 'RUN <<EOF\na\n\\\n# b\nEOF\nRUN c\n' '.[0].args == ["<<EOF"] and .[0].first == 1 and .[0].last == 5 and
		.[0].heredocs == [{name: "EOF", content: "a\n\\\n# b\n", expand: true, chomp: false, fd: 0}] and
		.[1].first == 6 and .[0].original == "RUN <<EOF"'
	has 'COPY <<-"E F" <<'"'X'"' 3<<Y /d\n\ta\n\tE F\nX\nb\nY\n' '[.[0].heredocs[] | [.name, .content, .expand, .chomp, .fd]] ==
		[["E F", "\ta\n", false, true, 0], ["X", "", false, false, 0], ["Y", "b\n", true, false, 3]] and
		.[0].args == ["<<-\"E", "F\"", "<<'"'X'"'", "3<<Y", "/d"]'
	has 'RUN <<E\\OF cat >a && cat <<B\r\nx\r\nEOF\r\ny\nB' '[.[0].heredocs[] | [.name, .content, .expand]] ==
		[["EOF", "x\r\n", false], ["B", "y\n", true]]'
	has 'RUN a \\\n  <<EOF\nb\nEOF\n' '.[0].last == 4 and .[0].heredocs[0].content == "b\n"'
	has 'ONBUILD COPY <<A /b\nc\nA\n' '.[0].last == 3 and .[0].trigger.heredocs[0].content == "c\n" and .[0].heredocs == []'
	has 'RUN a <<<b && c $((1<<2)) "<<D" e<<F\n' '.[0].heredocs == []'
	has "RUN it's <<A\nRUN b\n" '.[0].heredocs == [] and length == 2'
	has 'RUN ["a", "<<B"]\nENV A=<<B\nCMD <<B\nLABEL a <<B\n' 'length == 4 and ([.[].heredocs[]] == [])'
	refuses 'FROM a\nRUN b <<EOF\nc\n' ":2: the here-document has no end: a line 'EOF' is missing"
	refuses 'FROM a\nRUN <<A <<B\nB\nA\n' ":2: the here-document has no end: a line 'B' is missing"
	refuses 'FROM a\nRUN <<A\n A\n\tA\n' ":2: the here-document has no end: a line 'A' is missing"
	refuses 'FROM a\nCOPY a <<A\nb\nA\n' ':2: COPY: a here-document is no destination (<<A)'
}

@test "one line of JSON has all of an instruction" {
	printf '# c\nFROM a AS b\n\nRUN x \\\n  y\nonbuild copy --link ["a", "b"]\nENV A=b "c d"=e\n' >"$T/f"
	dfile-parse --no-check "$T/f" >"$T/out"
	diff - "$T/out" <<-'WANT'
		{"name":"FROM","flags":[],"args":["a","AS","b"],"json":false,"heredocs":[],"first":2,"last":2,"original":"FROM a AS b"}
		{"name":"RUN","flags":[],"args":["x   y"],"json":false,"heredocs":[],"first":4,"last":5,"original":"RUN x   y"}
		{"name":"ONBUILD","flags":[],"args":[],"json":false,"heredocs":[],"first":6,"last":6,"original":"onbuild copy --link [\"a\", \"b\"]","trigger":{"name":"COPY","flags":[{"name":"link","value":null}],"args":["a","b"],"json":true,"heredocs":[],"first":6,"last":6,"original":"copy --link [\"a\", \"b\"]"}}
		{"name":"ENV","flags":[],"args":["A","b","\"c d\"","e"],"json":false,"heredocs":[],"first":7,"last":7,"original":"ENV A=b \"c d\"=e"}
	WANT
}

@test "errors name the file, the line, and what was meant" {
	refuses '' ': no instructions in it'
	refuses '# a\n\n' ': no instructions in it'
	refuses 'ARG a\n' ': there is no FROM in it'
	refuses 'FROM a\n\nRUM b\n' ":3: unknown instruction 'RUM'" 'did you mean RUN?'
	refuses 'FORM a\n' ":1: unknown instruction 'FORM'" 'did you mean FROM?'
	refuses 'FROM a\nRUN b \\\nCMD c\nentrypint d\n' ":4: unknown instruction 'entrypint'" 'did you mean ENTRYPOINT?'
	refuses 'FROM a\nONBUILD RAN b\n' ":2: unknown instruction 'RAN'" 'did you mean RUN?'
	printf 'FROM a\n&& b\n' >"$T/f"
	run dfile-parse "$T/f"
	assert_eq "dfile-parse: $T/f:2: unknown instruction '&&'" "$output"
	refuses 'FROM a\nCOPY --form=a b /c\n' ':2: COPY has no flag --form' 'did you mean --from?'
	refuses 'FROM a\nENV --a b=c\n' ':2: ENV has no flag --a'
	refuses 'FROM a\nRUN --mout=type=tmpfs b\n' ':2: RUN has no flag --mout' 'did you mean --mount?'
	refuses 'FROM a\nCOPY --from b /c\n' ':2: COPY --from needs a value (--from=…)'
	refuses 'FROM a\nCOPY --link=1 b /c\n' ":2: COPY --link is true or false, not '1'"
	refuses 'FROM a\nCOPY --chown=1 --chown=2 b /c\n' ':2: COPY --chown stands here twice'
	refuses 'RUN a\nFROM b\n' ':1: RUN stands before the first FROM: only ARG may'
	refuses 'FROM\n' ':1: FROM needs an argument'
	refuses 'FROM a b\n' ':1: FROM is followed by IMAGE or by IMAGE AS NAME'
	refuses 'FROM a IS b\n' ':1: FROM is followed by IMAGE or by IMAGE AS NAME'
	refuses 'FROM a AS 1b\n' ":1: '1b' is no name of a stage: *"
	refuses 'FROM a AS b$\n' ":1: 'b$' is no name of a stage: *"
	refuses 'FROM a AS b c\n' ':1: FROM takes at most 3 arguments, not 4'
	refuses 'FROM a\nENV B\n' ':2: ENV B: a value is missing (ENV B=VALUE)'
	refuses 'FROM a\nENV\n' ':2: ENV needs an argument'
	refuses 'FROM a\nENV A=b c\n' ":2: ENV: 'c' is not NAME=VALUE*"
	refuses 'FROM a\nLABEL =b\n' ':2: LABEL: a name is empty'
	refuses 'FROM a\nARG =b\n' ':2: ARG: a name is empty'
	refuses 'FROM a\nCOPY b\n' ':2: COPY needs a source and a destination'
	refuses 'FROM a\nADD\n' ':2: ADD needs a source and a destination'
	refuses 'FROM a\nRUN\n' ':2: RUN needs a command'
	refuses 'FROM a\nRUN []\n' ':2: RUN needs a command'
	refuses 'FROM a\nSHELL a b\n' ':2: SHELL is a JSON array: *'
	refuses 'FROM a\nSHELL []\n' ':2: SHELL needs an argument'
	refuses 'FROM a\nVOLUME ["/a", " "]\n' ':2: VOLUME: a path is empty'
	refuses 'FROM a\nHEALTHCHECK\n' ':2: HEALTHCHECK needs an argument'
	refuses 'FROM a\nHEALTHCHECK CMD\n' ':2: HEALTHCHECK CMD needs a command'
	refuses 'FROM a\nHEALTHCHECK NONE x\n' ':2: HEALTHCHECK NONE takes no arguments'
	refuses 'FROM a\nHEALTHCHECK curl x\n' ":2: HEALTHCHECK is followed by CMD or NONE, not by 'curl'"
	refuses 'FROM a\nHEALTHCHECK --interval=5 CMD x\n' ":2: HEALTHCHECK --interval is a time *, not '5'"
	refuses 'FROM a\nHEALTHCHECK --timeout=1us CMD x\n' ":2: HEALTHCHECK --timeout is a time *, not '1us'"
	refuses 'FROM a\nHEALTHCHECK --retries=-1 CMD x\n' ":2: HEALTHCHECK --retries is a number, not '-1'"
	refuses 'FROM a\nONBUILD\n' ':2: ONBUILD needs an instruction'
	refuses 'FROM a\nONBUILD FROM b\n' ':2: FROM cannot stand within ONBUILD'
	refuses 'FROM a\nONBUILD ONBUILD RUN b\n' ':2: ONBUILD cannot stand within ONBUILD'
	refuses 'FROM a\nONBUILD COPY b\n' ':2: COPY needs a source and a destination'
	printf 'FROM a\nHEALTHCHECK --interval=1m30s --timeout=0 --retries=0 --start-period=1.5s CMD x\n' | dfile-parse >/dev/null
	run dfile-parse "$T/absent"
	assert_status 1
	assert_error dfile-parse "cannot open $T/absent: No such file or directory (ENOENT)"
	# Nothing is printed of a Dockerfile that is wrong further down.
	run --separate-stderr dfile-parse - < <(printf 'FROM a\nRUN b\nRUM c\n')
	assert_status 1
	assert_eq '' "$output"
	assert_eq "dfile-parse: standard input:3: unknown instruction 'RUM'" "${stderr_lines[0]}"
}

@test "--no-check takes a part of a Dockerfile" {
	assert_eq '(run "a")' "$(echo RUN a | dfile-parse --no-check --ast)"
	has 'COPY --x a\n' '.[0].args == ["a"]'
}

@test "words are expanded, one a line" {
	printf '%s\n' 'a$B' "'\$B'\"\$B\"" '${C:-d e}' '${B##*x}' '${B//x/☃}' '' |
		dfile-parse --expand -e B=1x2 >"$T/out"
	printf '%s\n' '"a1x2"' '"$B1x2"' '"d e"' '"2"' '"1☃2"' '""' | diff - "$T/out"
	printf '%s\n' 'a $B "$B"' '' "c' 'd" | dfile-parse --split --env B='1  2' --env B='x y' >"$T/out"
	printf '%s\n' '["a","x","y","x y"]' '[]' '["c d"]' | diff - "$T/out"
	assert_eq '"C:\\x$B"' "$(echo 'C:\x`$B' | dfile-parse -w --escape '`' -e B=1)"
	printf 'a\n${B?is needed}\n' >"$T/f"
	run dfile-parse --expand "$T/f"
	assert_status 1
	assert_line "dfile-parse: $T/f:2: B: is needed"
	run dfile-parse -w -e =x
	assert_status 2
	run dfile-parse -e A=b
	assert_status 2
	run dfile-parse -w --ast
	assert_status 2
}

@test "large, hostile and broken Dockerfiles" {
	# Ten megabytes, within 64 MB of memory; 1,000 stages.
	awk 'BEGIN { print "FROM a"; for (i = 0; i < 150000; i++) printf "RUN apt-get install -y %060d \\\n  # c\n", i; print "" }' >"$T/f"
	(($(stat -c %s "$T/f") > 10000000))
	# One instruction, then many.
	(ulimit -v 150000 && dfile-parse "$T/f" >"$T/out")
	assert_eq 2 "$(wc -l <"$T/out")"
	sed -i 's/ \\$//' "$T/f"
	(ulimit -v 65536 && dfile-parse "$T/f" >"$T/out")
	assert_eq 150001 "$(wc -l <"$T/out")"
	for i in {1..1000}; do printf 'FROM a AS s%d\nRUN b\n' "$i"; done | dfile-parse >"$T/out"
	assert_eq 2000 "$(wc -l <"$T/out")"

	printf 'FROM a\nRUN b\0c\n' >"$T/f"
	run dfile-parse "$T/f"
	assert_eq "dfile-parse: $T/f:2: the line holds a NUL byte: this is no text" "$output"
	{ echo FROM a && head -c 1100000 /dev/zero | tr '\0' x; } >"$T/f"
	run dfile-parse "$T/f"
	assert_eq "dfile-parse: $T/f:2: the line is longer than 1048576 bytes" "$output"
	{ echo FROM a && printf 'RUN' && printf ' <<A%d' {1..300}; } >"$T/f"
	run dfile-parse "$T/f"
	assert_eq "dfile-parse: $T/f:2: more than 256 here-documents" "$output"
	{ echo FROM a && printf 'ONBUILD %.0s' {1..50000} && echo RUN a; } >"$T/f"
	run dfile-parse "$T/f"
	assert_eq "dfile-parse: $T/f:2: ONBUILD cannot stand within ONBUILD" "$output"
	head -c 100000 /dev/urandom >"$T/f"
	run dfile-parse "$T/f"
	assert_status 1
	# Names from outside reach no terminal raw.
	printf '\33[31mX a\n' >"$T/f"
	run dfile-parse "$T/f"
	assert_eq "dfile-parse: $T/f:1: unknown instruction '\\x1b[31mX'" "$output"
	head -c $((65 << 20)) /dev/zero >"$T/f"
	run dfile-parse "$T/f"
	assert_status 1
	assert_error dfile-parse "cannot read $T/f: more than 67108864 bytes: File too large (EFBIG)"
	run dfile-parse --expand < <(printf '$%.0s{a:-' {1..5000})
	assert_error dfile-parse 'standard input:1: ${…} within ${…} too deep'
}
