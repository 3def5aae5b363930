#!/bin/bash
# SPDX-License-Identifier: MIT
# The example of one tool, run by an ordinary user in an empty directory with a state of its own.
# rootless-example.sh TOOL yes|inside|given DIRECTORY TOP: `inside`, among the networks of his boxes
set -u
subject=$1 how=$2 dir=$3 TB_TESTS=$4/tests
export TB_DIR=$dir TB_TESTS TB_NAME=${TB_NAME:-tbtest-$$}
for part in asserts env root; do
	# shellcheck source=/dev/null
	. "$TB_TESTS/lib/$part.bash"
done
# shellcheck source=/dev/null
. "$TB_TESTS/examples.bash"
mkdir -p "$dir/here" && cd "$dir/here" || exit
export TACKLEBOX_ROOT=$dir/state TACKLEBOX_RUN=$dir/run
name=${subject//-/_} status=0
words=$("$subject" --help | sed -n '/^Example:/,/^$/s/^  //p' | example_names "$subject")
[[ $words ]] || { echo "no example"; exit 1; }
if [[ $how == inside && ! ${TACKLEBOX_ROOTLESS:-} ]]; then
	exec rootless-exec --net -- bash "$0" "$@"
fi
if declare -F "before_$name" >/dev/null && ! "before_$name"; then
	echo "cannot prepare: before_$name"
	status=1
fi
((status)) || sh -ec "$words" </dev/null || status=$?
! declare -F "after_$name" >/dev/null || "after_$name" || status=1
exit $status
