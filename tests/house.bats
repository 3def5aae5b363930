#!/usr/bin/env bats
# The house: what make does besides compiling, and what holds for every tool alike.
load helpers

setup_file() { tb_setup_file; }
teardown_file() { tb_teardown_file; }
setup() { tb_setup; }
teardown() { tb_teardown; }

# The programs that the Makefile builds.
all_tools() {
	local source
	for source in "$TB_TOP"/tools/*.c "$TB_TOP"/tools/*/main.c; do
		[ -e "$source" ] || continue
		source=${source%/main.c}
		source=${source##*/}
		echo "${source%.c}"
	done
}

page_of() {
	local page=$TB_TOP/tools/$1.1
	[ -e "$page" ] || page=$TB_TOP/tools/$1/$1.1
	[ -e "$page" ] || fail "$1 has no man page" || return
	echo "$page"
}

# A small tree to build in: the frame, the template, and no tool yet.
small_tree() {
	mkdir -p "$1/lib" "$1/tests"
	cp -r "$TB_TOP"/{Makefile,README.md,tools} "$1"
	rm -rf "$1"/tools/*/ "$1"/tools/*.[c1]
	cp -r "$TB_TOP"/lib/{base,door} "$1/lib"
	cp -r "$TB_TOP"/tests/{helpers.bash,skips.txt,probe.c,lib} "$1/tests"
	cp "$TB_TOP"/.clang-* "$1"
	# Its own make, whatever runs us.
	unset O MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES
}

quick_make() {
	make --no-print-directory -j2 CFLAGS=-O0 "$@"
}

# man_options FILE: the long options that a page describes, each at the head of a paragraph.
man_options() {
	mandoc -T ascii "$1" | col -bx | grep -E '^ {5}-' | grep -oE '(^| )--[a-z0-9-]+' | tr -d ' ' | sort -u
}

@test "every tool has a man page that describes every option, and no other" {
	local tool page
	for tool in $(all_tools); do
		page=$(page_of "$tool")
		diff <("$tool" --list-options | cut -f2 | sort) <(man_options "$page") ||
			fail "$tool: options of the program (<) and of its man page (>) differ"
	done
}

@test "every tool's man page has the exit statuses and an example" {
	local tool text
	for tool in $(all_tools); do
		text=$(<"$(page_of "$tool")")
		grep -q 'EXIT STATUS' <<<"$text" || fail "$tool(1): no exit status"
		grep -q 'EXAMPLES' <<<"$text" || fail "$tool(1): no example"
	done
}

# The rows of the table, cells divided by "|", without blanks around them.
table() {
	sed -nE '/^\| tool \|/d; /^\| [a-z]+(-[a-z]+)* \|/ { s/^\| //; s/ \|$//; s/ \| /|/g; p }' "$TB_TOP/README.md"
}

@test "the table of the README has one row for every tool, and no other" {
	diff <(all_tools | sort) <(table | cut -d'|' -f1 | sort)
}

@test "what the table of the README says is so" {
	local tool kind json file said
	while IFS='|' read -r tool _ kind _ _ _ json _ file; do
		said=-
		! "$tool" --list-options | cut -f2 | grep -qx -- --json || said=yes
		assert_eq "$said" "$json" "$tool: --json"
		grep -q -- "\b$tool\b" "$TB_TOP/tests/$file.bats" ||
			fail "$tool is not tested in tests/$file.bats"
		kind=${kind/#chain/chain-loads}
		grep -q "It is a tool that $kind" "$(page_of "$tool")" ||
			fail "$tool(1) does not say that it is a tool that $kind"
	done < <(table)
}

complete_line() {
	bash -c '
		[ ! -e /usr/share/bash-completion/bash_completion ] || . /usr/share/bash-completion/bash_completion
		. "$1"
		shift
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE}
		_tacklebox "$1"
		printf "%s\n" "${COMPREPLY[@]}"
	' - "$TB_OUT/completions/tacklebox.bash" "$@"
}

@test "completion offers the options of every tool" {
	local tool
	for tool in $(all_tools); do
		diff <("$tool" --list-options | cut -f2 | sort) <(complete_line "$tool" -- | sort) ||
			fail "$tool: its options (<) and what is offered (>) differ"
	done
	run -0 complete_line tb-ledger --cl
	[ "$output" = --clean ]
}

@test "completion offers files to file options, and commands behind --" {
	touch "$T/tarball"
	run -0 complete_line ufs-mount -u "$T/tar"
	[ "$output" = "$T/tarball" ]
	run -0 complete_line cg-exec web -- setpr
	[[ $output == *setpriv* ]]
	run -0 complete_line cg-create --memory ''
	[ -z "$output" ]
}

@test "make install puts programs, pages and completion below DESTDIR; uninstall takes all away" {
	cd "$TB_TOP"
	make -s install O="$TB_OUT" DESTDIR="$T/d" PREFIX=/usr
	local tool
	for tool in $(all_tools); do
		[ -x "$T/d/usr/bin/$tool" ]
		[ -e "$T/d/usr/share/man/man1/$tool.1" ]
		[ -e "$T/d/usr/share/bash-completion/completions/$tool" ]
	done
	run -0 "$T/d/usr/bin/$tool" --version
	! readelf -S "$T/d/usr/bin/$tool" | grep -q '\.symtab' || fail "not stripped"
	make -s uninstall O="$TB_OUT" DESTDIR="$T/d" PREFIX=/usr
	run find "$T/d" ! -type d
	[ -z "$output" ]
}

@test "make dist packs what git holds" {
	cd "$TB_TOP"
	git rev-parse HEAD >/dev/null 2>&1 || skip "not a git tree"
	make -s dist O="$T"
	diff <(git ls-tree -r --name-only HEAD | sort) \
		<(tar tzf "$T"/tacklebox-*.tar.gz | grep -v '/$' | cut -d/ -f2- | sort)
}

@test "make new: a tool that builds, lints and passes its tests at once" {
	requires clang-tidy clang-format mandoc
	small_tree "$T/tree"
	cd "$T/tree"
	make -s new TOOL=zz-example
	quick_make -s all
	clang-format --dry-run -Werror tools/zz-example.c
	mandoc -T lint -W warning tools/zz-example.1
	quick_make -s build/tools/zz-example.tidy
	grep -q '^| zz-example |' README.md
	env -u BATS_RUN_TMPDIR -u TB_OUT O=build TB_BIN= bats tests/zz-example.bats
	run make -s new TOOL=zz-example
	[ "$status" -ne 0 ]
	run make -s new TOOL=Nonsense_
	[ "$status" -ne 0 ]
}

@test "what root built, the owner of the tree builds on" {
	requires root
	small_tree "$T/tree"
	make -s -C "$T/tree" new TOOL=zz-example
	chown -R nobody: "$T/tree"
	cd "$T/tree"
	quick_make -s all
	[ -z "$(find build -user root)" ]
	as_nobody touch lib/base/buf.c
	as_nobody make -s CFLAGS=-O0 all
	[ build/libtackle.a -nt lib/base/buf.c ]
}

@test "where build/ is not ours to write, make builds elsewhere and says so" {
	requires root
	small_tree "$T/tree"
	mkdir "$T/tree/build"
	cd "$T/tree"
	run -0 as_nobody make -j2 CFLAGS=-O0 all
	[[ ${lines[0]} == "building in $T/nobody/.cache/tacklebox/build, "* ]]
	[ -e "$T/nobody/.cache/tacklebox/build/libtackle.a" ]
	[ -z "$(ls build)" ]
}

@test "make without the libraries says which, and what to type" {
	small_tree "$T/tree"
	cd "$T/tree"
	export PKG_CONFIG_LIBDIR=$T
	run make all
	[ "$status" -ne 0 ]
	[[ $output == *jansson* ]]
	[[ $output == *"make deps"* ]]
}

@test "an ordinary user is told the missing packages and the line that installs them" {
	requires dpkg-query
	run as_nobody "$TB_TOP/.ci/deps" dpkg no-such-package-zz
	[ "$status" -eq 1 ]
	[ "${lines[0]}" = "missing packages: no-such-package-zz" ]
	[[ ${lines[1]} == "to install them: sudo apt-get install "*" no-such-package-zz" ]]
}
