#!/usr/bin/env bats
# bats file_tags=apid
# apid of an ordinary user, without an option, and the real docker CLI at his own socket.
load helpers
load box_helpers
load apid_helpers

setup_file() {
	tb_setup_file
	((EUID == 0)) || return 0
	make_root "$TB_DIR/rootfs"
	tar -C "$TB_DIR/rootfs" -c . >"$TB_DIR/rootfs.tar"
	boxer_setup
	as_boxer img-import --cmd '["/bin/sh"]' bb <"$TB_DIR/rootfs.tar" >/dev/null
}
teardown_file() {
	boxer_teardown
	[[ ! -d $TB_DIR/home ]] || chown -R root: "$TB_DIR/home"
	tb_teardown_file
}
setup() {
	tb_setup
	needs_client
	requires root userns overlay-user pasta newuidmap curl
}
teardown() {
	if ((EUID == 0)) && [[ -e $TB_DIR/boxer/pid ]]; then
		[[ ! -e $TB_DIR/home/apid.pid ]] || kill "$(<"$TB_DIR/home/apid.pid")" 2>/dev/null || :
		rm -rf "$TB_DIR/home/run/tacklebox/exec" # what became of execs is kept for some minutes
		as_boxer bash -c 'box-ps -aq | xargs -r box-rm -fv; vol-prune --all; net-prune' >/dev/null 2>&1
		wait_for boxer_is_gone || boxer_is_gone
	fi
	tb_teardown
}

# his COMMAND…: docker, as he types it.
his() { as_boxer env DOCKER_BUILDKIT=0 HOME="$TB_DIR/home" DOCKER_CONFIG="$TB_DIR/home/docker" "$CLIENT" -H "unix://$TB_DIR/home/run/tacklebox/apid.sock" "$@"; }

uses_it() {
	CLIENT=$1
	assert_eq tacklebox "$(his version -f '{{.Server.Platform.Name}}')"
	assert_eq hello "$(his run --rm --network none bb echo hello)"
	his run -d --name web -p 127.0.0.1:8080:80 bb sh -c 'echo page >/tmp/w; echo begun; exec httpd -f -p 80 -h /tmp'
	wait_for as_boxer curl -fsS --max-time 2 http://127.0.0.1:8080/w
	assert_eq page "$(as_boxer curl -fsS --max-time 10 http://127.0.0.1:8080/w)"
	assert_like "$(his ps --format '{{.Names}} {{.Ports}}')" 'web *127.0.0.1:8080->80/tcp*'
	assert_eq begun "$(his logs web)"
	assert_eq "0 /tmp" "$(his exec -w /tmp web sh -c 'echo $(id -u) $(pwd)')"
	assert_eq in "$(echo in | his exec -i web cat)"
	his cp web:/tmp/w - | tar xO | grep -qx page
	his stop -t 1 web
	his rm web
	mkdir -p "$TB_DIR/home/context"
	printf '%s\n' 'FROM bb' 'COPY f /f' 'RUN cat /f /f >/g' 'CMD ["cat", "/g"]' >"$TB_DIR/home/context/Dockerfile"
	echo x >"$TB_DIR/home/context/f"
	his build -t built "$TB_DIR/home/context" >"$T/build"
	grep -qx 'Successfully tagged built:latest' "$T/build"
	assert_eq "x x" "$(his run --rm --network none built | xargs)"
	his rmi built
	assert_eq "" "$(his ps -aq)"
}

@test "apid without options: docker run -p, logs, exec, cp, build at a user's own socket" {
	BOXER_TIME=600 as_boxer sh -c 'echo $$ >$HOME/apid.pid; exec apid' >"$T/apid.out" 2>"$T/apid.log" 3>&- &
	wait_for grep -q DOCKER_HOST "$T/apid.out"
	assert_eq "export DOCKER_HOST=unix://$TB_DIR/home/run/tacklebox/apid.sock" "$(<"$T/apid.out")"
	assert_eq "660 $(id -u nobody) $(id -g nobody)" "$(stat -c '%a %u %g' "$TB_DIR/home/run/tacklebox/apid.sock")"
	uses_it "$(type -P docker || echo "$TB_OUT/client/docker")"
	[ ! -x "$TB_OUT/client/docker" ] || cmp -s "$TB_OUT/client/docker" "$(type -P docker)" || uses_it "$TB_OUT/client/docker"
	kill "$(<"$TB_DIR/home/apid.pid")"
	wait $! || :
	[ ! -e "$TB_DIR/home/run/tacklebox/apid.sock" ]
	rm "$TB_DIR/home/apid.pid"
}
