# shellcheck shell=bash
# Layers and trees for the tests of ufs-apply and ufs-diff; `load lib/layers` after helpers.

# mktar <LINES: a tar from JSON lines, one an entry (mktar.py says how).
mktar() { python3 "$TB_TESTS/lib/mktar.py"; }

# dump DIR [-t]: all that a layer keeps of a tree, a line an entry.
dump() { python3 "$TB_TESTS/lib/tree.py" dump "$@"; }

# grow DIR SEED, grow_upper DIR SEED, change DIR SEED: random trees of everything there is.
grow() { mkdir -p "$1" && python3 "$TB_TESTS/lib/tree.py" grow "$@"; }
grow_upper() { mkdir -p "$1" && python3 "$TB_TESTS/lib/tree.py" grow-upper "$@"; }
change() { python3 "$TB_TESTS/lib/tree.py" change "$@"; }

# assert_same_tree A B [-t]
assert_same_tree() {
	diff <(dump "$1" "${@:3}") <(dump "$2" "${@:3}") || fail "$1 and $2 differ"
}

# assert_whiteout PATH…
assert_whiteout() {
	local path
	for path; do
		assert_eq "character special file 0,0" "$(stat -c '%F %t,%T' "$path")" "$path"
	done
}

# opaque PATH: whether overlay would see it as opaque.
opaque() {
	[[ $(getfattr -h --only-values -n trusted.overlay.opaque "$1" 2>/dev/null) == y ]] ||
		[[ $(getfattr -h --only-values -n user.overlay.opaque "$1" 2>/dev/null) == y ]]
}

# in_userns CMD…: as nobody who is root in a user namespace of one id.
in_userns() { as_nobody unshare -Ur --propagation unchanged "$@"; }
