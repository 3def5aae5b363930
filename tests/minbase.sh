#!/bin/bash
# minbase.sh OUT.tar: a minimal Debian of the host's release, from the host's own package sources.
set -euo pipefail

out=$1
# shellcheck source=/dev/null
. /etc/os-release

sources=()
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
	[ ! -s "$file" ] || sources+=("$file")
done
# How the host's apt fetches (a proxy, patience) holds for the new root too.
options=()
for file in /etc/apt/apt.conf /etc/apt/apt.conf.d/*; do
	! grep -qs '^ *Acquire::' "$file" || options+=("--aptopt=$file")
done

mmdebstrap --quiet --variant=minbase "${options[@]}" "$VERSION_CODENAME" "$out.tmp.tar" "${sources[@]}"
mv "$out.tmp.tar" "$out"
