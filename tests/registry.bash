# shellcheck shell=bash
# A real registry for tests: Debian's docker-registry on 127.0.0.1, at a port of its own choosing, its
# storage below $T or $TB_DIR, ended with the test.
#
#   registry_start DIR [tls]     starts it; $REGISTRY is its "127.0.0.1:PORT", $REGISTRY_PID its pid
#   registry_stop
#   registry_ca DIR              a certificate authority, and a certificate of it for 127.0.0.1:
#                                DIR/ca.pem, DIR/cert.pem, DIR/key.pem
#   double_start DIR [ARG…]      the registry that misbehaves (registry-double.py): likewise

registry_ca() {
	local dir=$1
	mkdir -p "$dir"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=tbtest-ca \
		-keyout "$dir/ca.key" -out "$dir/ca.pem" 2>/dev/null
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost \
		-keyout "$dir/key.pem" -out "$dir/req.pem" 2>/dev/null
	openssl x509 -req -in "$dir/req.pem" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" -CAcreateserial -days 2 \
		-extfile <(echo subjectAltName=IP:127.0.0.1,DNS:localhost) -out "$dir/cert.pem" 2>/dev/null
}

registry_start() {
	local dir=$1 tls=
	mkdir -p "$dir/data"
	if [[ ${2:-} == tls ]]; then
		[[ -e $dir/cert.pem ]] || registry_ca "$dir"
		tls="{certificate: $dir/cert.pem, key: $dir/key.pem}"
	fi
	cat >"$dir/config.yml" <<-END
		version: 0.1
		log: {level: info}
		storage:
		  filesystem: {rootdirectory: $dir/data}
		http:
		  addr: 127.0.0.1:0
		  ${tls:+tls: $tls}
	END
	OTEL_TRACES_EXPORTER=none docker-registry serve "$dir/config.yml" >>"$dir/log" 2>&1 3>&- &
	REGISTRY_PID=$!
	wait_for grep -q 'listening on 127' "$dir/log" || return
	REGISTRY=127.0.0.1:$(sed -nE 's/.*listening on 127.0.0.1:([0-9]+).*/\1/p' "$dir/log" | head -n1)
	export REGISTRY REGISTRY_PID
}

registry_stop() {
	[[ ! ${REGISTRY_PID:-} ]] || { kill "$REGISTRY_PID" && wait "$REGISTRY_PID"; } 2>/dev/null || true
	REGISTRY_PID=
}

double_start() {
	local dir=$1
	shift
	python3 "$TB_TESTS/registry-double.py" "$dir" "$@" >"$dir/port" 2>"$dir/double.log" 3>&- &
	DOUBLE_PID=$!
	wait_for test -s "$dir/port" || return
	DOUBLE=127.0.0.1:$(<"$dir/port")
	export DOUBLE DOUBLE_PID
}

double_stop() {
	[[ ! ${DOUBLE_PID:-} ]] || { kill "$DOUBLE_PID" && wait "$DOUBLE_PID"; } 2>/dev/null || true
	DOUBLE_PID=
}
