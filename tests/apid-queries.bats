#!/usr/bin/env bats
# bats file_tags=apid
# apid and odd URLs over the real socket: percent forms, NUL, repeated names, 64 kB. What cannot be is
# an error of the client's, what can be means what it says, and apid is there afterwards.
load helpers
load box_helpers
load apid_helpers

setup_file() { box_setup_file; }
teardown_file() { tb_teardown_file; }
setup() {
	box_setup
	requires nft curl python3
}
teardown() { box_teardown; }

queries() {
	box-create --name aa --network none --label k=v bb >/dev/null
	python3 - "${DOCKER_HOST#unix://}" <<-'END'
		import json, socket, sys
		def ask(method, target, body=b""):
		    s = socket.socket(socket.AF_UNIX); s.settimeout(20); s.connect(sys.argv[1])
		    out = b""
		    try:
		        s.sendall(method + b" " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
		        while True:
		            got = s.recv(65536)
		            if not got: break
		            out += got
		    except (BrokenPipeError, ConnectionResetError):
		        pass
		    head, _, rest = out.partition(b"\r\n\r\n")
		    return (int(head.split()[1]) if head else 0), rest
		wrong = []
		def want(status, method, target, body=b"", message=None):
		    got, rest = ask(method, target, body)
		    ok = got in status if isinstance(status, tuple) else got == status
		    if ok and got >= 400:
		        try:
		            text = json.loads(rest)["message"]
		            ok = message is None or message in text
		        except ValueError:
		            ok = False
		    if not ok:
		        wrong.append((method, target[:80], got, rest[:200]))
		    return rest
		def listed(query):
		    rest = want(200, b"GET", b"/containers/json?" + query)
		    return len(json.loads(rest)) if rest else -1
		def count(n, query):
		    if listed(query) != n:
		        wrong.append((query[:80], "not %d" % n))
		# Of names that come twice the first one counts; so does one in other letters; what is no escape stands for itself.
		for n, q in ((1, b"all=1"), (1, b"all=1&all=0"), (0, b"all=0&all=1"), (1, b"all=%31"), (1, b"%61ll=1"), (1, b"ALL=1"), (0, b"all"),
		        (0, b"all="), (0, b"all=no"), (0, b"all=FALSE"), (1, b"all=%"), (1, b"all=%1"), (1, b"all=%zz"), (1, b"&&&=&all=1&=&"), (0, b"=1"), (0, b"%"),
		        (1, b"x=" + b"a" * 65536 + b"&all=1"), (1, b"all=1&" + b"x" * 65536), (0, b"a?b?all=1"),
		        (1, b"\xff\xfe=\x80&all=1"), (1, b"limit=1"), (1, b"all=1&limit=-1"), (1, b"all=1&limit=0"),
		        (1, b"all=1&filters={%22label%22:[%22k=v%22]}"), (1, b"all=1&filters=%7b%22label%22%3a%7b%22k%3dv%22%3atrue%7d%7d"),
		        (0, b"all=1&filters={%22label%22:[%22k=v%22,%22other%22]}"), (1, b"all=1&filters="), (1, b"all=1&filters={}"),
		        (0, b"all=1&filters=%7b%22label%22:%5b%22k=v%00%22%5d%7d")):
		    count(n, q)
		for q in (b"limit=1%002", b"limit=99999999999999999999", b"limit=-2", b"limit=1e3", b"limit=%2b1", b"limit=0x10", b"filters=%7b", b"filters=%00",
		        b"filters=" + b"%7b" * 20000, b"filters=" + b"[" * 60000, b"filters=%7b%22id%22%3a%5b%22%ff%22%5d%7d",
		        b"filters=[]", b"filters=1", b"filters={%22label%22:1}", b"filters={%22label%22:[1]}"):
		    want(400, b"GET", b"/containers/json?" + q)
		# So many names are more than a connection has room for: it may be closed without a word.
		for q in (b"&".join(b"k%d=1" % i for i in range(5000)), b"&" * 60000):
		    want((0, 200, 413, 414, 431), b"GET", b"/containers/json?" + q)
		# A zero ends no name.
		box = b'{"Image":"bb"}'
		want(400, b"POST", b"/containers/create?name=b%00c", box, "b%00c")
		want(400, b"POST", b"/containers/create?name=b%2500c", box)
		want(400, b"POST", b"/containers/create?name=%ff%fe", box)
		want(400, b"POST", b"/containers/create?name=" + b"a" * 65536, box)
		want(400, b"POST", b"/containers/create?name=b", b'{"Image":"bb","Cmd":["a\\u0000b"]}')
		want(404, b"GET", b"/containers/aa%00b/json", b"", "aa%00b")
		want(404, b"GET", b"/containers/aa%00/json")
		want(404, b"GET", b"/containers/json%00")
		want(404, b"GET", b"/containers/%ff/json")
		want(404, b"GET", b"/containers/a%0d%0aX:%20y/json")
		want(400, b"GET", b"/images/bb%00x/json")
		want(400, b"POST", b"/images/bb/tag?repo=c%00d&tag=e")
		rest = want(400, b"POST", b"/images/bb/tag?repo=%ff")
		if b"--help" in rest:
		    wrong.append(rest)
		want(404, b"GET", b"/volumes/a%00b")
		want(404, b"GET", b"/networks/bridge%00")
		want(404, b"GET", b"/networks/%e2%82%ac")
		want(404, b"PUT", b"/containers/aa/archive?path=/etc%00x")
		want((400, 404), b"GET", b"/containers/aa/archive?path=" + b"a/" * 30000)
		want(404, b"POST", b"/commit?container=aa%00&changes=%00")
		want(400, b"POST", b"/build?labels=[1]", b"", "labels is not a JSON object")
		want(400, b"POST", b"/build?ulimits={}", b"", "ulimits is not a JSON array")
		want(400, b"POST", b"/build?t=a%00b", b"FROM bb")
		want(400, b"POST", b"/build", b"", "standard input is empty")
		for since in (b"x", b"%00", b"1%00", b"1x"):
		    want(400, b"GET", b"/events?until=1&since=" + since)
		# Paths that are none.
		for path in (b"/%", b"/%00", b"//info", b"/v1.41//info", b"/v1.41", b"/v1.41/", b"*", b"http://x/info", b"/" + b"a" * 65536, b"/" + b"a/" * 60000, b"/info%2f", b"/info/"):
		    want(404, b"GET", path)
		want(400, b"GET", b"/images/" + b"json/" * 13000 + b"json")
		want(200, b"GET", b"/info?%00&" + b"%" * 60000)
		assert not wrong, "\n".join(map(repr, wrong))
	END
	assert_eq "/aa" "$(api GET '/containers/json?all=1' | jq -r '.[].Names[]')"
	kill -0 "$APID"
}
@test "odd queries and paths: what they mean is what is done, or they are refused" {
	served queries
}

# A name is looked for by a regular expression: none costs the server more than it can bear.
expressions() {
	local want n
	box-create --name aa --network none bb >/dev/null
	n=$(printf '(%.0s' {1..1000})
	for want in "$n" "$n$(printf ')%.0s' {1..1000})" '(((a{255}){255}){255})' '((((((a{99}){99}){99}){99}){99}){99})' \
		'(a*)*\\1' "$(printf 'a?%.0s' {1..200})" "$(printf '(a*%.0s' {1..20})$(printf ')*%.0s' {1..20})"; do
		for path in /containers/json?all=1 /networks?; do
			api GET "$path" -G --data-urlencode "filters={\"name\":[\"$want\"]}" >"$T/list"
			grep -q '^HTTP/1.1 200' "$T/head"
			jq -e 'type == "array"' "$T/list" >/dev/null
		done
	done
	assert_eq '["/aa"]' "$(api GET /containers/json?all=1 -G --data-urlencode 'filters={"name":["^/?(a|b)+$"]}' | jq -c .[0].Names)"
	assert_eq '["/aa"]' "$(api GET /containers/json?all=1 -G --data-urlencode 'filters={"name":["/a"]}' | jq -c .[0].Names)"
	assert_eq '[]' "$(api GET /containers/json?all=1 -G --data-urlencode 'filters={"name":["^a$"]}')"
	assert_eq bridge "$(api GET /networks -G --data-urlencode 'filters={"name":["^bridge$"]}' | jq -r .[].Name)"
	kill -0 "$APID"
	(($(sed -n 's/^VmHWM:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$APID/status") < 200000))
}
@test "regular expressions of filters, nested and repeated: the server lives" { served expressions; }

# A body where none is taken is read, and lost.
unasked() {
	head -c 3000000 /dev/urandom >"$T/sent"
	status_of POST '/build?remote=http://127.0.0.1:9/Dockerfile' --data-binary "@$T/sent" >"$T/status"
	[[ $(<"$T/status") == [45]* ]] || fail "status $(<"$T/status")"
	assert_eq 200 "$(status_of GET /_ping)"
	apid_end
	apid_start
}
@test "a build of what is elsewhere, with a body: an answer, and the server can be ended" { served unasked; }
