#!/usr/bin/env bats
# bats file_tags=box
# What outlives boxes, what happens to them, what they take on the disk.
load helpers
load box_helpers

setup_file() { box_setup_file; }
teardown_file() { tb_teardown_file; }
setup() { box_setup; }
teardown() { box_teardown; }

run_in() { box-run --rm --network none "$@"; }

@test "volumes: named, anonymous, filled from the image with owner and mode, kept and removed" {
	run_in -v data:/data bb sh -c 'cat /data/sub/file; stat -c %u:%g:%a /data; echo mine >/data/new' >"$T/out"
	assert_eq $'image\n7:8:1750' "$(<"$T/out")"
	# Only when it is empty; what is in it stays.
	assert_eq $'mine\nimage' "$(run_in -v data:/data bb cat /data/new /data/sub/file)"
	assert_eq $'new\nsub' "$(run_in -v data:/elsewhere bb ls /elsewhere)"
	run_in -v data:/data:nocopy,ro bb sh -c '! touch /data/x' 2>/dev/null
	# One without a name goes with its box when that is --rm, or by rm -v.
	box-run --name one --network none -v /anon bb true
	assert_eq 2 "$(vol-ls -q | wc -l)"
	box-rm -v one >/dev/null
	run_in -v /anon bb true
	assert_eq data "$(vol-ls -q)"
	# A box that does not run keeps it too.
	box-create --name two --network none -v data:/data bb >/dev/null
	run -1 vol-rm data
	assert_like "$output" "*remove data: volume is in use - \[$(box-inspect two | jq -r .Id)\]"
	box-rm two >/dev/null
	vol-rm data
	[ ! -e "$TACKLEBOX_ROOT/volumes/data" ]
}

@test "a box that cannot be made leaves no volume without a name; one with a name stays" {
	local since
	tar -C "$TB_DIR/rootfs" -c . | img-import --cmd '["/bin/sh"]' --volume /data own >/dev/null
	since=$(date +%s.%N)
	run -1 box-create -v /anon -v kept:/kept -u nosuch own
	assert_like "$output" "*unable to find user nosuch*"
	assert_eq kept "$(vol-ls -q)"
	assert_eq kept "$(find "$TACKLEBOX_ROOT/volumes" -mindepth 1 -maxdepth 1 ! -name .lock -printf '%f\n')"
	box-events --since "$since" --until 0s --filter type=volume --json |
		jq -r '[.Action, .Actor.ID] | @tsv' >"$T/events"
	assert_eq $'create 3\ndestroy 2' "$(cut -f 1 "$T/events" | sort | uniq -c | awk '{ print $2, $1 }')"
	vol-rm kept >/dev/null
	no_volume() {
		assert_eq "" "$(find "$TACKLEBOX_ROOT/volumes" -mindepth 1 -maxdepth 1 ! -name .lock)"
	}
	faults_walk -c no_volume -- box-create --name one --network none -v /anon own true
	box-rm -v one >/dev/null
	img-rm own >/dev/null
	no_volume
}

@test "binds, tmpfs, --mount, --volumes-from, read-only" {
	mkdir "$T/dir"
	echo host >"$T/dir/f"
	assert_eq host "$(run_in -v "$T/dir:/m" bb cat /m/f)"
	assert_eq host "$(run_in -v "$T/dir/f:/etc/f" bb cat /etc/f)"
	run_in -v "$T/dir:/m:ro" bb sh -c '! echo x 2>/dev/null >/m/f'
	run_in --mount "type=bind,source=$T/dir,target=/m,readonly" bb sh -c 'cat /m/f; ! touch /m/g' >/dev/null 2>&1
	run_in -v "$T/made:/m" bb touch /m/x
	[ -e "$T/made/x" ]
	run -125 run_in --mount "type=bind,source=$T/no,target=/m" bb true
	assert_like "$(run_in --tmpfs /t:size=64k bb sh -c 'grep " /t " /proc/mounts; head -c 100k /dev/zero 2>/dev/null >/t/x; wc -c </t/x')" \
		'tmpfs /t *size=64k*65536'
	box-create --name src --network none -v vol:/vol -v "$T/dir:/m:ro" bb >/dev/null
	assert_eq host "$(run_in --volumes-from src bb sh -c 'touch /vol/x; cat /m/f')"
	[ -e "$TACKLEBOX_ROOT/volumes/vol/_data/x" ]
	run_in --volumes-from src:ro bb sh -c '! touch /vol/y' 2>/dev/null
}

# runc 2019-19921 and its kin: the image says where a symlink leads, and the mount follows it, inside.
@test "a volume on /etc hides none of the box's own files there" {
	assert_eq "$(printf 'name\nimage')" "$(run_in -h name -v conf:/etc -v data:/data bb cat /etc/hostname /data/sub/file)"
	run_in -v conf:/etc -v "$T:/etc/hosts.d" bb grep -q localhost /etc/hosts
}

@test "a destination that is a symlink of the image leads nowhere but into its own root" {
	mkdir -p "$T/canary" "$T/bad/etc" "$T/vol"
	cp -a "$TB_DIR/rootfs/." "$T/bad/"
	ln -s "$T/canary" "$T/bad/mnt"
	ln -s ../../../../../../../../../..$T/canary "$T/bad/up"
	tar -C "$T/bad" -c . | img-import bad >/dev/null
	echo marker >"$T/vol/marker"
	local i
	for i in /mnt /up /mnt/deeper; do
		run_in -v "$T/vol:$i" bad sh -c "cat $i/marker >/dev/null" || [ $? -ne 0 ]
	done
	assert_eq "" "$(ls "$T/canary")"
	img-rm bad >/dev/null
}

# bad OPTION…: the image bad, made so.
bad() {
	img-rm bad >/dev/null 2>&1 || :
	tar -C "$TB_DIR/rootfs" -c . | img-import --cmd '["/bin/sh"]' "$@" bad >/dev/null
}

# The place of a volume is cleaned as a path is, before anything looks for it: no word of an image or of a
# request climbs out of a layer, and the host is not what a volume is filled from.
@test "a destination with .. stays in the box, and a volume is filled with nothing of the host" {
	local up=/../../../../../../../../../../../..$T/canary change long
	long=$(printf 'x%.0s' {1..300})
	mkdir "$T/canary"
	echo secret >"$T/canary/secret"
	for change in "VOLUME $up" "VOLUME /data/sub/../../$up" "VOLUME /nix/../$up/." "VOLUME /etc/link/$up"; do
		bad --change "$change"
		run_in bad ls -a "$T/canary" >"$T/out"
		assert_eq $'.\n..' "$(<"$T/out")" "$change"
		box-create --name bad --network none bad >/dev/null
		assert_eq "$T/canary" "$(box-inspect bad | jq -r '.Mounts[].Destination')"
		assert_eq "" "$(find "$TACKLEBOX_ROOT/volumes" -name secret)" "$change"
		box-rm -v bad >/dev/null
		run_in -v "mine:/data/..$up" --mount "type=volume,dst=/x/..$up/../other" bad ls "$T/canary" "$T/other" >"$T/out"
		assert_eq "" "$(grep secret "$T/out" || :)" "$change"
		vol-rm mine >/dev/null
	done
	# A part that no file system has a name for.
	bad --change "VOLUME /$long"
	run -125 run_in bad true
	assert_like "$output" '*File name too long*'
	for change in 'VOLUME /' 'VOLUME /data/..' 'VOLUME /..' 'VOLUME //./'; do
		bad --change "$change"
		run -125 run_in bad true
		assert_like "$output" "*destination can't be '/'*" "$change"
	done
	img-rm bad >/dev/null
}

@test "destinations are cleaned as paths are: shown so, filled so, one for each place, and never /" {
	local words
	for words in '-v name:/a/../../x' '--mount src=name,dst=//x/.' '-v /y/../x' '--tmpfs /../x' '--mount type=tmpfs,dst=/a/../x/'; do
		# shellcheck disable=SC2086
		run -0 run_in $words bb cut -d' ' -f2 /proc/mounts
		assert_line /x
	done
	assert_eq image "$(run_in -v fill:/etc/../data/. bb cat /data/sub/file)"
	box-create --name shown --network none -v fill:/etc/.././data/ bb >/dev/null
	assert_eq /data "$(box-inspect shown | jq -r '.Mounts[].Destination')"
	for words in '-v name:/a/..' '-v /..' '--mount dst=/a/..' '--mount type=bind,src=/tmp,dst=/.' '--tmpfs /../' '--tmpfs //'; do
		# shellcheck disable=SC2086
		run -125 run_in $words bb true
		assert_like "$output" "*destination can't be '/'*" "$words"
	done
	for words in '-v a:/x -v b:/y/../x' '--tmpfs /x --mount dst=/x/' '--tmpfs /x --tmpfs /y/../x'; do
		# shellcheck disable=SC2086
		run -125 run_in $words bb true
		assert_like "$output" '*Duplicate mount point: /x*' "$words"
	done
	# A bind is the one to count where the image has a volume.
	bad --change 'VOLUME /data/sub/' --change 'VOLUME /data/sub' --volume /t/./u
	box-create --name both --network none -v "$T:/data/./sub" --tmpfs /t/u bad >/dev/null
	assert_eq "bind /data/sub" "$(box-inspect both | jq -r '.Mounts[] | "\(.Type) \(.Destination)"')"
	box-rm both >/dev/null
	img-rm bad >/dev/null
}

@test "vol-create, -ls, -inspect, -rm, -prune" {
	assert_eq data "$(vol-create -l use=web data)"
	assert_eq data "$(vol-create data)"
	assert_eq web "$(vol-inspect data | jq -r .Labels.use)"
	[ -d "$(vol-inspect --json data | jq -r .Mountpoint)" ]
	local anon
	anon=$(vol-create)
	[ "${#anon}" -eq 64 ]
	assert_eq data "$(vol-ls -q -f label=use=web)"
	assert_eq data "$(vol-ls -q -f name=dat)"
	assert_eq 2 "$(vol-ls --json -f dangling=true | jq -r .Name | wc -l)"
	run -1 vol-ls -f nothing=1
	run -1 vol-create 'a/b'
	assert_like "$output" '*"a/b" includes invalid characters for a local volume name*'
	run -1 vol-create -d nfs x
	run -1 vol-inspect nix
	assert_like "$output" '*get nix: no such volume'
	run -1 vol-rm nix
	assert_eq nix "$(vol-rm -f nix)"
	head -c 5000 /dev/zero >"$(vol-inspect "$anon" | jq -r .Mountpoint)/f"
	assert_eq "5000 $anon" "$(vol-prune --json | jq -r '"\(.SpaceReclaimed) \(.VolumesDeleted[])"')"
	assert_eq data "$(vol-ls -q)"
	assert_like "$(vol-prune -a)" $'data\nTotal reclaimed space: 0B'
	none() { [ -z "$(vol-ls -q)" ] && [ -z "$(find "$TACKLEBOX_ROOT/volumes" -mindepth 1 ! -name .lock)" ]; }
	faults_walk -c none -- vol-create faulty
}

@test "a volume wanted by ten at once is made once; one that goes meanwhile is made again" {
	local i
	for i in $(seq 10); do run_in -v shared:/data bb cat /data/sub/file >>"$T/out" & done
	wait
	assert_eq 10 "$(grep -cx image "$T/out")"
	for i in $(seq 10); do
		run_in -v shared:/data bb test -e /data/sub/file &
		vol-rm shared >/dev/null 2>&1 || :
		wait $!
	done
}

@test "box-events: in Docker's words, filtered, from then to now, and as they come" {
	local start id
	start=$(date +%s.%N)
	box-events --json -f type=container -f event=start -f event=die >"$T/live" 3>&- & local follower=$!
	wait_for sh -c "grep -q inotify /proc/$follower/fdinfo/*"
	run_in -l k=v --name one bb sh -c 'exit 3' || :
	wait_for sh -c "[ \$(wc -l <'$T/live') -eq 2 ]"
	kill "$follower"
	wait "$follower" || :
	assert_eq $'start\ndie' "$(jq -r .Action "$T/live")"
	assert_eq 3 "$(jq -r 'select(.Action == "die").Actor.Attributes.exitCode' "$T/live")"
	run -0 box-events --since "$start" --until 0s
	id=$(jq -r .id "$T/live" | head -n 1)
	assert_like "${lines[0]}" "*Z container create $id (*image=bb*)"
	assert_eq "create start die destroy" "$(box-events --since "$start" --until 0s --json -f "container=${id:0:12}" | jq -r .Action | grep -v attach | xargs)"
	assert_eq 0 "$(box-events --since "$start" --until 0s -f label=k=other | wc -l)"
	[ "$(box-events --since "$start" --until 0s -f label=k=v -f event=die | wc -l)" -eq 1 ]
	vol-create data >/dev/null
	vol-rm data >/dev/null
	assert_eq $'create\ndestroy' "$(box-events --since "$start" --until 0s --json -f volume=data | jq -r .Action)"
	run -2 box-events -f nothing=1
	run -2 box-events --since yesterday
}

@test "box-events: a file that has grown large is set aside, and nothing is lost to a follower" {
	local i file=$TACKLEBOX_ROOT/events.jsonl
	rm -f "$file"*
	vol-create first >/dev/null
	box-events --json --since 1h >"$T/live" 3>&- & local follower=$!
	# Almost full, by events of long ago.
	yes '{"Type":"volume","Action":"create","Actor":{"ID":"old","Attributes":{}},"timeNano":1}' | head -c 8388600 |
		sed '$d' >>"$file" || :
	for i in $(seq 20); do vol-create "data$i" >/dev/null; done
	wait_for sh -c "grep -q data20 '$T/live'"
	kill "$follower"
	wait "$follower" || :
	[ -e "$file.1" ]
	[ "$(stat -c %s "$file")" -lt 100000 ]
	assert_eq 21 "$(jq -r .Actor.ID "$T/live" | sort -u | wc -l)"
	assert_eq 21 "$(box-events --json --since 1h --until 0s | jq -r .Actor.ID | sort -u | wc -l)"
	rm -f "$file"*
}

@test "tb-df and tb-prune: what there is, and what nobody needs" {
	img-gc >/dev/null
	box-run --name old --network none bb sh -c 'head -c 100000 /dev/zero >/x'
	box-run -d --name new --network none -v vol:/data bb sleep 100 >/dev/null
	box-create --name rest --network none bb >/dev/null
	box-commit old >/dev/null
	run -0 tb-df
	assert_like "${lines[2]}" 'Containers * 3 * 1 * 100kB * 100kB (100%)'
	assert_like "${lines[3]}" 'Local Volumes * 1 * 1 *'
	assert_eq "2 3 100000" "$(tb-df --json | jq -r '"\(.Images | length) \(.Containers | length) \(.LayersSize - ([.Images[] | select(.RepoTags[0] == "bb:latest").Size][0]))"')"
	assert_like "$(tb-prune -n)" '*box-rm *img-gc*'
	assert_eq 3 "$(box-ps -aq | wc -l)"
	run -0 tb-prune --json --volumes
	assert_eq "2 true" "$(jq -r '"\(.ContainersDeleted | length) \(.SpaceReclaimed > 200000)"' <<<"$output")"
	assert_eq new "$(box-ps -a --json | jq -r '.Names[0][1:]')"
	# Filters: of all kinds those that have the label, or not; by time boxes and images only.
	box-create --name keep --label stage=prod --network none bb >/dev/null
	box-create --name drop --label stage=test --network none bb >/dev/null
	box-create --name bare --network none bb >/dev/null
	vol-create --label stage=test tested >/dev/null
	img-commit --no-layer -p bb -c 'LABEL stage=test' >/dev/null
	img-commit --no-layer -p bb -c 'LABEL stage=prod' >/dev/null
	run -0 tb-prune --json --filter until=1h
	assert_json '.ContainersDeleted == [] and .ImagesDeleted == []'
	run -1 tb-prune --volumes --filter until=1h
	assert_error tb-prune 'The "until" filter is not supported with "--volumes"'
	run -1 tb-prune --filter until=never
	run -1 tb-prune --filter color=red
	assert_error tb-prune "Invalid filter 'color'" 'the keys are: until label label!'
	run -0 tb-prune --json --filter label=stage=test
	assert_json '(.ContainersDeleted | length) == 1 and (.ImagesDeleted | length) == 1 and .NetworksDeleted == []'
	assert_eq "bare keep new" "$(box-ps -a --json | jq -r '.Names[0][1:]' | sort | xargs)"
	run -0 tb-prune --json --filter 'label!=stage' --filter until=0s
	assert_json '(.ContainersDeleted | length) == 1 and .ImagesDeleted == []'
	assert_eq "keep new" "$(box-ps -a --json | jq -r '.Names[0][1:]' | sort | xargs)"
	assert_eq 1 "$(img-ls -q --filter dangling=true | wc -l)"
	box-rm keep >/dev/null
	# Images with a name go too when no box has them.
	img-tag bb spare
	run -0 tb-prune --all
	assert_eq "bb:latest spare:latest" "$(img-ls --json | jq -r '"\(.repository):\(.tag)"' | sort | xargs)"
	img-rm spare >/dev/null
}
