#!/bin/bash
# house.sh: the rules of this repository that no ready-made linter knows. Run by `make lint`, which
# has built everything into $O: what a file calls is read from its object, so that no comment or
# name in a struct is mistaken for a call. Prints each breach; status 1 if there is one.
set -euo pipefail
cd "$(dirname "$0")/../.."
O=${O:-build}
here=tests/lint
bad=0

breach() {
	printf 'house: %s\n' "$*" >&2
	bad=1
}

# Dependencies point down: a file includes only from its own layer and those before it in this list.
layers=(base door mech image box dfile tools)

rank() {
	local i
	for i in "${!layers[@]}"; do
		[ "${layers[i]}" != "$1" ] || echo "$i"
	done
}

check_includes() {
	local file header layer from to
	while IFS=: read -r file header; do
		layer=${file#lib/}
		layer=${layer%%/*}
		from=$(rank "$layer")
		to=$(rank "${header%%/*}")
		if [ -z "$from" ] || [ -z "$to" ]; then
			breach "$file includes \"$header\": not a path from lib/"
		elif [ "$to" -gt "$from" ]; then
			breach "$file includes \"$header\": dependencies point down"
		fi
	done < <(grep -HoE '^#include "[^"]+\.h"' "${sources[@]}" | sed -E 's/#include "([^"]*)"/\1/' |
		grep -vE '^tools/[^/:]+/[^:]*:[^/]+$')
}

# Each foreign library is seen by one file.
check_libraries() {
	local library seen
	for library in archive netlink nftables curl jansson seccomp microhttpd gnutls openssl wslay; do
		seen=$(grep -lE "^#include <$library([./_])" "${sources[@]}" || true)
		[ "$(wc -w <<<"$seen")" -le 1 ] || breach "$library is seen by more than one file: ${seen//$'\n'/ }"
	done
}

# Calls that change the system are made by lib/door. calls.txt lists them; exceptions.txt lists the
# files that may make some of them all the same, each with its reason.
check_calls() {
	local object source name
	while read -r object; do
		source=${object#"$O/"}
		source=${source%.o}.c
		case $source in lib/door/*) continue ;; esac
		for name in $(nm -u "$object" | awk '{ sub(/64$/, "", $2); print $2 }' |
			grep -xFf <(grep -v '^#' $here/calls.txt | tr ' ' '\n' | grep .) | sort -u); do
			grep -qE "^$source( [a-z0-9_]+)* $name( |:)" $here/exceptions.txt ||
				breach "$source calls $name(): that is lib/door's to do"
		done
	done < <(for source in "${sources[@]}"; do
		case $source in *.c) echo "$O/${source%.c}.o" ;; esac
	done)
}

# Opening a file to write is a change too, and the object does not tell it from reading.
check_opens() {
	local line file
	while IFS= read -r line; do
		# A mention within a text opens nothing.
		grep -qE 'O_(CREAT|TRUNC|TMPFILE)|fopen' <<<"$(sed -E 's/"[^"]*O_[^"]*"//g' <<<"$line")" || continue
		file=${line%%:*}
		grep -qE "^$file( [a-z0-9_]+)* O_CREAT( |:)" $here/exceptions.txt ||
			breach "$line: opens to write"
	done < <(printf '%s\n' "${sources[@]}" | grep -v '^lib/door/' |
		xargs grep -nE '\bO_(CREAT|TRUNC|TMPFILE)\b|\bfopen(at)?\([^"]*"[wa]' || true)
}

# An exception that nothing needs any more goes.
check_exceptions() {
	local file rest name
	while read -r file rest; do
		for name in ${rest%%:*}; do
			if [ ! -e "$file" ]; then
				breach "exceptions.txt: there is no $file"
			elif [ "$name" = O_CREAT ]; then
				grep -qE 'O_(CREAT|TRUNC|TMPFILE)|fopen' "$file" ||
					breach "exceptions.txt: $file does not open to write"
			elif ! nm -u "$O/${file%.c}.o" | grep -qE " $name(64)?\$"; then
				breach "exceptions.txt: $file does not call $name()"
			fi
		done
	done < <(grep -vE '^(#|$)' $here/exceptions.txt)
}

# Short enough to be read at one sitting (functions: clang-tidy counts them).
check_sizes() {
	local lines file
	while read -r lines file; do
		[ "$file" = total ] || [ "$lines" -le 450 ] || breach "$file has $lines lines: split it by concern"
	done < <(wc -l "${sources[@]}")
	! grep -nE '\b(TODO|FIXME|XXX)\b' "${sources[@]}" || breach "an open end, see above"
	while read -r file; do
		breach "$file names no licence"
	done < <(grep -L 'SPDX-License-Identifier: MIT' "${sources[@]}")
}

mapfile -t sources < <(printf '%s\n' lib/*/*.[ch] tools/*.[ch] tools/*/*.[ch] | grep -v '\*')
check_includes
check_libraries
check_calls
check_opens
check_exceptions
check_sizes
exit $bad
