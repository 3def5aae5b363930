#!/usr/bin/env bats
# bats file_tags=box
# What a box is made of: Docker's document and the image become box.json and an OCI bundle.
load helpers
load box_helpers

setup_file() {
	box_setup_file --cmd '["/bin/sh","-c","echo cmd"]' --env C=d --label l=image --workdir /tmp --volume /data
}
teardown_file() { tb_teardown_file; }
setup() { box_setup; }
teardown() { box_teardown; }

box() { jq -r "$2" "$TACKLEBOX_ROOT/names/$1/box.json"; }
bundle() { jq -c "$2" "$TACKLEBOX_ROOT/names/$1/config.json"; }

@test "options and Docker's document of the same meaning make the same box" {
	box-create --name aa -e X=1 -l k=v -u 1000 -h host -m 64m --cpus 0.5 --cap-add NET_ADMIN \
		-p 8080:80 --tmpfs /t:size=1m --ulimit nofile=10:20 --sysctl net.a=1 --stop-signal INT \
		--stop-timeout 3 --add-host h:1.2.3.4 --dns 9.9.9.9 --init --read-only --shm-size 1m \
		--entrypoint /bin/id -v /anon --security-opt no-new-privileges bb -u >/dev/null
	box-create --name bb2 --json - >/dev/null <<-'JSON'
		{"Image": "bb", "env": ["X=1"], "LABELS": {"k": "v"}, "User": "1000", "Hostname": "host",
		 "Cmd": "-u", "Entrypoint": ["/bin/id"], "Unknown": {"x": [1]}, "StopSignal": "INT",
		 "StopTimeout": 3, "Volumes": {"/anon": {}}, "ExposedPorts": {"80/tcp": {}}, "AttachStdout": true,
		 "AttachStderr": true, "hostConfig": {"Memory": 67108864, "NanoCpus": 5e8, "Binds": null,
		 "CapAdd": ["NET_ADMIN"], "PortBindings": {"80/tcp": [{"HostPort": "8080"}]},
		 "Tmpfs": {"/t": "size=1m"}, "Ulimits": [{"Name": "nofile", "Soft": 10, "Hard": 20}],
		 "Sysctls": {"net.a": "1"}, "ExtraHosts": ["h:1.2.3.4"], "Dns": ["9.9.9.9"], "Init": true,
		 "ReadonlyRootfs": true, "ShmSize": 1048576, "SecurityOpt": ["no-new-privileges"]}}
	JSON
	for name in aa bb2; do
		jq -S 'del(.Id, .Name, .Created, .Mounts[].Name, .Mounts[].Source)' \
			"$TACKLEBOX_ROOT/names/$name/box.json" >"$T/$name.json"
		jq -S . "$TACKLEBOX_ROOT/names/$name/config.json" |
			sed "s/$(jq -r .Id "$TACKLEBOX_ROOT/names/$name/box.json")/ID/g; s/[0-9a-f]\{64\}/HEX/g; s/tb-[0-9a-f]\{12\}/NS/" >"$T/$name.config"
	done
	diff "$T/aa.json" "$T/bb2.json"
	diff "$T/aa.config" "$T/bb2.config"
	assert_eq '["/bin/id","-u"]' "$(bundle aa .process.args)"
	# One who is in no passwd has group 0, and his own group is one of his groups.
	assert_eq '[1000,1000,[1000,29,10]]' "$(bundle aa '.process.user | [.uid, .gid, .additionalGids]')"
	box-create --name ab -u 4242 --network none bb >/dev/null
	assert_eq '[4242,0,[0]]' "$(bundle ab '.process.user | [.uid, .gid, .additionalGids]')"
	box-rm ab >/dev/null
	assert_eq '{"soft":10,"hard":20,"type":"RLIMIT_NOFILE"}' "$(bundle aa '.process.rlimits[0] | {soft, hard, type}')"
	assert_eq 'true' "$(bundle aa .process.noNewPrivileges)"
}

@test "the image speaks where nothing is said; command, entry point and variables as Docker merges them" {
	box-create --name aa bb >/dev/null
	assert_eq '["/bin/sh","-c","echo cmd"]' "$(bundle aa .process.args)"
	assert_eq '"/tmp"' "$(bundle aa .process.cwd)"
	assert_eq '{"l":"image"}' "$(box aa '.Config.Labels | tojson')"
	box-create --name bb --entrypoint /bin/echo -e A=x -e NEW -l l=own -w / bb >/dev/null
	assert_eq '["/bin/echo"]' "$(bundle bb .process.args)"
	assert_eq '["A=x","C=d"]' "$(box bb '.Config.Env | tojson')"
	assert_eq own "$(box bb .Config.Labels.l)"
	NEW=1 box-create --name cc -e NEW bb one 'two three' >/dev/null
	assert_eq '["one","two three"]' "$(bundle cc .process.args)"
	assert_eq '["NEW=1","A=b","C=d"]' "$(box cc '.Config.Env | tojson')"
	run -1 box-create --entrypoint '' --name dd bb
	box-create --json - <<<'{"Image":"bb","Entrypoint":[],"Cmd":null}' >/dev/null
	printf '# comment\nE=1\n\nF=2 3\n' >"$T/env"
	box-create --name ee --env-file "$T/env" bb >/dev/null
	assert_eq '["E=1","F=2 3","A=b","C=d"]' "$(box ee '.Config.Env | tojson')"
}

@test "what cannot be is refused in a sentence, and nothing is left" {
	local before
	before=$(find "$TACKLEBOX_ROOT/boxes" "$TACKLEBOX_ROOT/names" -mindepth 1 2>/dev/null | sort)
	refused() {
		local want=$1
		shift
		run -1 box-create "$@"
		[ "${#lines[@]}" -le 2 ] || fail "$output"
		assert_like "$output" "box-create: *$want*"
	}
	refused 'there is no image nothing' nothing
	refused 'Invalid container name (a)' --name a bb
	refused 'Invalid container name (a/b)' --name a/b bb
	refused 'invalid port specification: "abc"' -p abc bb
	refused "invalid volume specification: 'x:'" -v x: bb
	refused 'Duplicate mount point: /a' -v /tmp:/a -v /var:/a bb
	refused 'mount path must be absolute' -v /tmp:rel bb
	refused 'bind source path does not exist' --mount type=bind,source=/no/such,target=/x bb
	refused 'NAME=SOFT' --ulimit nofile bb
	refused 'invalid ulimit type: bogus' --ulimit bogus=1 bb
	refused 'invalid ulimit type: ' --ulimit =1 bb
	refused "invalid mount path: 'rel'" --tmpfs rel bb
	refused "invalid mount path: ''" --tmpfs '' bb
	refused 'Duplicate mount point: /a' -v /tmp:/a --tmpfs /a bb
	refused 'no log driver syslog' --log-driver syslog bb
	refused "unknown log opt 'max' for json-file log driver" --log-opt max=1 bb
	refused "max-size: invalid size: 'x'" --log-opt max-size=x bb
	refused "max-size: invalid size: '-1'" --log-opt max-size=-1 bb
	refused "max-size: invalid size: ''" --log-opt max-size= bb
	refused 'max-size must be a positive number' --log-opt max-size=0 bb
	refused "max-file: 'x' is no number" --log-opt max-size=1m --log-opt max-file=x bb
	refused 'max-file cannot be less than 1' --log-opt max-file=0 bb
	refused 'max-file cannot be less than 1' --log-opt max-file=-1 bb
	refused 'Invalid signal: NOPE' --stop-signal NOPE bb
	refused 'unable to find user nosuch' -u nosuch bb
	refused 'unable to find group nosuch' -u root:nosuch bb
	refused 'cannot be restarted' --rm --restart always bb
	refused "invalid --security-opt" --security-opt bogus bb
	refused 'error gathering device information' --device /no/such bb
	refused "the working directory 'rel' is invalid" -w rel bb
	refused 'bad format for add-host: "name"' --add-host name bb
	refused 'bad format for add-host: ":1.2.3.4"' --add-host :1.2.3.4 bb
	refused 'invalid IP address in add-host: "nonsense"' --add-host name:nonsense bb
	run -1 box-create --json - <<<'{"Image": "bb", "HostConfig": {"Memory": 67108864, "MemorySwap": -2}}'
	assert_like "$output" '*linux.resources.memory.swap is not a whole number*'
	run -1 box-create --json - <<<'{"Image": "bb", "HostConfig": {"Devices": [
		{"PathOnHost": "/dev/null", "PathInContainer": "null"}]}}'
	assert_like "$output" "box-create: invalid device path: 'null'*"
	run -1 box-create --json - <<<'{"Image": "bb", "HostConfig": {"Memory": "64m"}}'
	assert_like "$output" 'box-create: create: HostConfig.Memory is not a whole number*'
	run -1 box-create --json - <<<'{}'
	assert_like "$output" '*Config cannot be empty*'
	run -1 box-create --json - <<<'{"Image": 3'
	assert_eq "$before" "$(find "$TACKLEBOX_ROOT/boxes" "$TACKLEBOX_ROOT/names" -mindepth 1 2>/dev/null | sort)"
	assert_eq "" "$(ls "$TACKLEBOX_ROOT/boxes")"
}

@test "a limit of -1 is none: for us, and in the words of the specification" {
	local text='"soft":"18446744073709551615"'
	run box-run --network none --name aa -e "A=$text" --ulimit rttime=7:-1 bb \
		sh -c 'grep realtime.timeout /proc/self/limits; echo "$A"'
	assert_like "${lines[0]}" 'Max realtime timeout * 7 * unlimited *'
	assert_eq "$text" "${lines[1]}"
	wait_for sh -c '! grep -q "$TACKLEBOX_ROOT" /proc/mounts'
	box-update --memory 64m aa >/dev/null
	grep -qF '"type":"RLIMIT_RTTIME","soft":7,"hard":18446744073709551615' \
		"$TACKLEBOX_ROOT/boxes/$(box aa .Id)/config.json"
}

@test "the bundle runs by crun and by runc as it does by box-start" {
	requires crun runc
	local runtime id
	box-create --name aa --network none --cap-drop NET_RAW -h hname bb /probe >/dev/null
	id=$(box aa .Id)
	box-start -a aa >"$T/own"
	mkdir -p "$T/root"
	img-layers bb | ufs-mount -u "$T/up" -w "$T/wk" "$TACKLEBOX_ROOT/boxes/$id/root" >/dev/null
	for runtime in crun runc; do
		jq '.linux.cgroupsPath = "/tbtest-'$$'-'$runtime'" | del(.linux.resources)
			| .mounts |= map(select(.type != "cgroup"))' \
			"$TACKLEBOX_ROOT/boxes/$id/config.json" >"$T/config.json"
		cp "$TACKLEBOX_ROOT/boxes/$id/config.json" "$T/kept"
		cp "$T/config.json" "$TACKLEBOX_ROOT/boxes/$id/config.json"
		# crun refuses hosts with both versions of cgroups: one is taken away, in a mount namespace.
		timeout 30 unshare --mount sh -c '
			! mountpoint -q /sys/fs/cgroup/unified || umount /sys/fs/cgroup/unified
			exec "$@"' - $runtime --root "$T/$runtime" run -b "$TACKLEBOX_ROOT/boxes/$id" \
			"tbtest-$$-$runtime" >"$T/$runtime.out" || fail "$runtime: $(<"$T/$runtime.out")"
		cp "$T/kept" "$TACKLEBOX_ROOT/boxes/$id/config.json"
		# What the process is: the same, whoever made it.
		for what in .uid .gid .cwd .hostname .caps .no_new_privs .seccomp; do
			assert_eq "$(jq -cS "$what" "$T/own")" "$(jq -cS "$what" "$T/$runtime.out")" "$runtime $what"
		done
	done
	ufs-mount --umount "$TACKLEBOX_ROOT/boxes/$id/root"
}

@test "the chain that box-start -x prints is what runs" {
	box-create --name aa --network none -h hname bb /probe >/dev/null
	box-start -x -a aa >"$T/own" 2>"$T/script"
	grep -q '^box-mon .* -- ns-exec --join-cgroup tacklebox/' "$T/script"
	grep -E '^(ufs-mount|cg-create|box-mon) ' "$T/script" |
		sed -E 's/--(lock-fd|client) [0-9]+ //g; s/ --then box-end/ /' >"$T/chain"
	assert_eq 3 "$(wc -l <"$T/chain")"
	mkdir -p "$TACKLEBOX_RUN/$(box aa .Id | cut -c1-12)"
	sh -e "$T/chain" >/dev/null
	jq -rj .log "$TACKLEBOX_ROOT/names/aa/log" | tail -n "$(wc -l <"$T/own")" >"$T/chained"
	box-end aa
	for what in .uid .gid .cwd .hostname .caps .no_new_privs .seccomp; do
		assert_eq "$(jq -cS "$what" "$T/own")" "$(jq -cS "$what" "$T/chained")" "$what"
	done
}

@test "files below /etc, and names" {
	box-create --name aa -h web --add-host x:1.2.3.4 --dns 9.9.9.9 --dns-search d.example --dns-option ndots:0 --network none bb \
		sh -c 'cat /etc/hosts /etc/hostname /etc/resolv.conf; hostname' >/dev/null
	box-start -a aa >"$T/out"
	grep -qP '^1\.2\.3\.4\tx$' "$T/out"
	assert_eq 2 "$(grep -cx web "$T/out")"
	grep -qx 'nameserver 9.9.9.9' "$T/out"
	grep -qx 'search d.example' "$T/out"
	grep -qx 'options ndots:0' "$T/out"
	# One is made up where none is given, and the id's first digits are the host's name.
	box-create --network none bb hostname >"$T/id"
	assert_eq "$(cut -c1-12 "$T/id")" "$(box-start -a "$(<"$T/id")")"
	[[ $(box-inspect "$(<"$T/id")" | jq -r .Name) =~ ^/[a-z]+_[a-z]+$ ]]
}

@test "an ordinary directory of the state is closed to others" {
	box-create --name aa bb >/dev/null
	assert_eq 700 "$(stat -c %a "$TACKLEBOX_ROOT/boxes")"
	run as_nobody ls "$TACKLEBOX_ROOT/boxes"
	[ "$status" -ne 0 ]
	[ -e "$T/cid" ] || box-create --cidfile "$T/cid" bb >"$T/id"
	assert_eq "$(<"$T/id")" "$(<"$T/cid")"
}
