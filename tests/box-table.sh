#!/bin/bash
# box-table.sh TABLE TOOL: runs the rows of tests/TABLE (or of a file elsewhere) with TOOL, which is box.sh or box (the tools
# box-* and dfile-build), in the lab that we are in. One line for each row that does not hold; the last
# line counts.
set -u
here=$(cd "$(dirname "$0")" && pwd)
export PATH=$here/../tutorial:$here/../tutorial/props:$PATH
tool=$2
table=$1
[[ $table == /* ]] || table=$here/$table

it() {
	case $tool:$1 in
	box.sh:*) box.sh "$@" ;;
	box:build) shift && dfile-build "$@" ;;
	box:*) "box-$1" "${@:2}" ;;
	esac
}

run() {
	box.sh run --rm --network none "$@"
}

dockerfile() {
	cat >context/Dockerfile
}

make-root root
tar -C root -c . | img-import --env A=b --cmd '["echo", "default"]' bb >/dev/null
tar -C root -c . | img-import --user 7:8 --workdir /tmp user >/dev/null
tar -C root -c . | img-import --entrypoint '["echo", "entry"]' --cmd '["default"]' entry >/dev/null
mkdir root/data && ln -s / root/out && ln -s /data root/etc/alias
tar -C root -c . | img-import links >/dev/null
mkdir -p context/dir
echo data >context/file
echo inner >context/dir/inner
chmod 755 context/dir/inner
ln -s /etc/hostname context/dir/link
echo secret >secret

passed=0 failed=0
while IFS='|' read -r -u 3 status output command; do
	[[ $status == [0-9]* ]] || continue
	printf -v output '%b' "$output"
	got=$(eval "$command" 2>error)
	got_status=$?
	if [[ $got_status == "$status" && $got == "$output" ]]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		printf '%s: %s\n   status %s, expected %s; output:\n%s\n' "$tool" "$command" "$got_status" "$status" "$got"
		sed 's/^/   /' error
	fi
done 3<"$table"
echo "$passed passed, $failed failed"
# Of the machine, which we see a copy of, none is ours.
[[ $failed == 0 && $passed -gt 0 ]] && [[ ! $(findmnt -rn -t overlay -o TARGET | grep "^${TACKLEBOX_ROOT:?}/") ]]
