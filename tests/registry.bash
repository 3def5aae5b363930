# shellcheck shell=bash
# A real registry for tests: Debian's docker-registry on 127.0.0.1, at a port of its own choosing, its
# storage below $T or $TB_DIR, ended with the test.
#
#   registry_start DIR [tls] [private]
#                                starts it; $REGISTRY is its "127.0.0.1:PORT", $REGISTRY_PID its pid;
#                                private: for user:se:cret only; client (with tls): for whoever has
#                                a certificate of DIR/ca.pem
#   registry_stop
#   registry_ca DIR              a certificate authority, and a certificate of it for 127.0.0.1:
#                                DIR/ca.pem, DIR/cert.pem, DIR/key.pem
#   layer, make_layout, three_layers: images to serve, in $T
#   push NAME [LAYOUT] [SKOPEO-OPTION…], digest_of NAME: of $REGISTRY, by skopeo
#   proxy_start DIR HOST:PORT    a proxy: below
#   double_start DIR [ARG…]      the registry that misbehaves (registry-double.py): $DOUBLE likewise;
#                                several may run at once, double_stop ends all of them

DOUBLE_PIDS=()

registry_ca() {
	local dir=$1
	mkdir -p "$dir"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=tbtest-ca \
		-keyout "$dir/ca.key" -out "$dir/ca.pem" 2>/dev/null
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost \
		-keyout "$dir/key.pem" -out "$dir/req.pem" 2>/dev/null
	openssl x509 -req -in "$dir/req.pem" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" -CAcreateserial -days 2 \
		-extfile <(echo subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:registry.invalid) -out "$dir/cert.pem" 2>/dev/null
}

registry_start() {
	local dir=$1 tls='' auth=''
	mkdir -p "$dir/data"
	if [[ $* == *private* ]]; then
		# bcrypt, of the least cost that there is.
		perl -e 'print "user:" . crypt("se:cret", q($2b$04$abcdefghijklmnopqrstuu)) . "\n"' >"$dir/htpasswd"
		auth="{htpasswd: {realm: here, path: $dir/htpasswd}}"
	fi
	if [[ ${2:-} == tls ]]; then
		[[ -e $dir/cert.pem ]] || registry_ca "$dir"
		tls="{certificate: $dir/cert.pem, key: $dir/key.pem}"
		[[ $* != *client* ]] || tls=${tls/%\}/, clientcas: [$dir/ca.pem]\}}
	fi
	cat >"$dir/config.yml" <<-END
		version: 0.1
		log: {level: info}
		storage:
		  filesystem: {rootdirectory: $dir/data}
		http:
		  addr: 127.0.0.1:0
		  ${tls:+tls: $tls}
		${auth:+auth: $auth}
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
	rm -f "$dir/port" "$dir/requests" "$dir/elsewhere"
	shift
	python3 "$TB_TESTS/registry-double.py" "$dir" "$@" >"$dir/port" 2>"$dir/double.log" 3>&- &
	DOUBLE_PIDS+=($!)
	wait_for test -s "$dir/port" || return
	DOUBLE=127.0.0.1:$(<"$dir/port")
	export DOUBLE
}

double_stop() {
	((!${#DOUBLE_PIDS[@]})) || { kill "${DOUBLE_PIDS[@]}" && wait "${DOUBLE_PIDS[@]}"; } 2>/dev/null || true
	DOUBLE_PIDS=()
}

# proxy_start DIR HOST:PORT: a proxy that leads everybody to HOST:PORT; $PROXY is its "127.0.0.1:PORT",
# DIR/proxied has what it was asked for.
proxy_start() {
	rm -f "$1/proxy.port"
	python3 "$TB_TESTS/proxy.py" "$1" "$2" >"$1/proxy.port" 2>"$1/proxy.log" 3>&- &
	PROXY_PID=$!
	wait_for test -s "$1/proxy.port" || return
	PROXY=127.0.0.1:$(<"$1/proxy.port")
	export PROXY PROXY_PID
}

proxy_stop() {
	[[ ! ${PROXY_PID:-} ]] || { kill "$PROXY_PID" && wait "$PROXY_PID"; } 2>/dev/null || true
	PROXY_PID=
}

# ---- images ----

# layer FILE COMMAND…: a tar of what the commands make in an empty directory.
layer() {
	local dir file=$1
	dir=$(mktemp -d "$T/layer.XXXX")
	(cd "$dir" && chmod 0755 . && bash -ec "$2") || return
	tar -C "$dir" --numeric-owner --sort=name --mtime=@1600000000 -cf "$file" ${3:-.}
	rm -rf "$dir"
}

# make_layout DIR NAME TAR…: an OCI layout with one image of these layers, packed as their names end.
make_layout() {
	local dir=$1 name=$2 tar file plain type digest config manifest diffs=() descs=()
	shift 2
	mkdir -p "$dir/blobs/sha256"
	for tar in "$@"; do
		file=$tar plain=$tar type=
		case $tar in
		*.gz) type=+gzip plain=${tar%.gz} ;;
		*.zst) type=+zstd plain=${tar%.zst} ;;
		esac
		digest=$(sha256sum <"$file" | cut -d' ' -f1)
		cp "$file" "$dir/blobs/sha256/$digest"
		diffs+=("\"sha256:$(sha256sum <"$plain" | cut -d' ' -f1)\"")
		descs+=("{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar$type\",\"digest\":\"sha256:$digest\",\"size\":$(stat -c %s "$file")}")
	done
	config=$(jq -nc --argjson d "[$(IFS=, && echo "${diffs[*]}")]" --arg a "${ARCH:-amd64}" \
		'{architecture: $a, os: "linux", config: {Cmd: ["sh"]}, rootfs: {type: "layers", diff_ids: $d},
		history: [$d[] | {created_by: "test"}]}')
	digest=$(put_blob "$dir" "$config")
	manifest=$(jq -nc --argjson l "[$(IFS=, && echo "${descs[*]}")]" --arg d "sha256:$digest" \
		--argjson n "${#config}" '{schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json",
		config: {mediaType: "application/vnd.oci.image.config.v1+json", digest: $d, size: $n}, layers: $l}')
	digest=$(put_blob "$dir" "$manifest")
	echo '{"imageLayoutVersion":"1.0.0"}' >"$dir/oci-layout"
	jq -nc --arg d "sha256:$digest" --argjson n "${#manifest}" --arg r "$name" --arg a "${ARCH:-amd64}" \
		'{schemaVersion: 2, manifests: [{mediaType: "application/vnd.oci.image.manifest.v1+json", digest: $d,
		size: $n, annotations: {"org.opencontainers.image.ref.name": $r}, platform: {os: "linux", architecture: $a}}]}' \
		>"$dir/index.json"
}

put_blob() {
	local digest
	digest=$(printf %s "$2" | sha256sum | cut -d' ' -f1)
	printf %s "$2" >"$1/blobs/sha256/$digest"
	echo "$digest"
}

# The host's architecture, as images have it.
host_arch() {
	case $(uname -m) in x86_64) echo amd64 ;; aarch64) echo arm64 ;; *) uname -m ;; esac
}

# Three layers, one of each packing: a base with a sticky /tmp, a file above it, a hard link to a
# file of the base.
three_layers() {
	layer "$T/1.tar" 'mkdir -m 1777 tmp; mkdir -m 0750 data; echo base >data/file; echo 1 >gone
		head -c 300000 /dev/urandom >noise'
	layer "$T/2.tar" 'mkdir tmp; echo x >tmp/x; : >.wh.gone' 'tmp/x .wh.gone'
	layer "$T/3.tar" 'mkdir data; echo base >data/file; ln data/file data/link; head -c 200000 /dev/zero >zero' \
		'data/file data/link zero'
	gzip -k "$T/1.tar"
	zstd -q "$T/2.tar"
	# Only the link is in the layer: what it points to lies below.
	python3 - "$T/3.tar" <<-'END'
		import sys, tarfile
		old = tarfile.open(sys.argv[1]); members = old.getmembers()
		data = {m.name: old.extractfile(m).read() for m in members if m.isreg()}
		import io
		new = tarfile.open(sys.argv[1] + ".new", "w")
		for m in members:
		    if m.name != "data/file":
		        new.addfile(m, io.BytesIO(data[m.name]) if m.name in data else None)
		new.close()
	END
	mv "$T/3.tar.new" "$T/3.tar"
	ARCH=$(host_arch) make_layout "$T/layout" img "$T/1.tar.gz" "$T/2.tar.zst" "$T/3.tar"
}

# push NAME [LAYOUT] [SKOPEO-OPTION…]
push() {
	local name=$1 layout=${2:-$T/layout}
	shift $(($# > 1 ? 2 : 1))
	# Unless it is told otherwise, skopeo compresses what is not, and writes manifests anew.
	[[ $* == *--format* ]] || set -- --preserve-digests "$@"
	skopeo copy -q --dest-tls-verify=false "$@" "oci:$layout" "docker://$REGISTRY/$name"
}

digest_of() {
	skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/$1" | sha256sum | sed 's/^/sha256:/; s/ .*//'
}

# ---- limits ----

# bounded MIB COMMAND…: runs it, and ends with status 99 when it took more memory than that.
bounded() {
	python3 - "$@" <<-'END'
		import resource, subprocess, sys
		status = subprocess.run(sys.argv[2:]).returncode
		kb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
		sys.exit(99 if kb > int(sys.argv[1]) << 10 else status)
	END
}
