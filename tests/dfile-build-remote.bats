#!/usr/bin/env bats
# What comes from elsewhere: contexts and Dockerfiles behind an URL, repositories, and ADD of both.
# The servers are real ones on a loopback of the test's own.

load helpers
load dfile_build_helpers

setup_file() { build_setup_file; }
teardown_file() { tb_teardown_file; }
setup() {
	build_setup
	requires curl git python3
	mkdir "$T/www"
}
teardown() { build_teardown; }

# elsewhere FUNCTION: calls it where $T/www is served at $WEB, and its repositories at $GIT, too.
elsewhere() { in_fresh --net elsewhere_go "$1"; }
elsewhere_go() {
	local got=0 web git
	cd "$T/c" || return
	python3 - "$T/www" "$T/port" <<-'PY' &
		import http.server, sys, os, functools
		class H(http.server.SimpleHTTPRequestHandler):
		    def log_message(self, *args):
		        pass
		    def do_GET(self):
		        # /private/ is for user:pass=word only.
		        if self.path.startswith('/private/'):
		            if self.headers.get('Authorization') != 'Basic dXNlcjpwYXNzPXdvcmQ=':
		                self.send_response(401)
		                self.send_header('WWW-Authenticate', 'Basic realm="here"')
		                self.end_headers()
		                return
		            self.path = self.path[8:]
		        if self.path.startswith('/moved/'):
		            self.send_response(302)
		            self.send_header('Location', 'file:///etc/passwd' if 'to-file' in self.path else self.path[6:])
		            self.end_headers()
		        else:
		            super().do_GET()
		s = http.server.ThreadingHTTPServer(('127.0.0.1', 0), functools.partial(H, directory=sys.argv[1]))
		open(sys.argv[2] + '.n', 'w').write(str(s.server_port)); os.rename(sys.argv[2] + '.n', sys.argv[2])
		s.serve_forever()
	PY
	web=$!
	# Not by way of git(1): that one would be ended, and the daemon would not.
	"$(git --exec-path)/git-daemon" --base-path="$T/www" --export-all --listen=127.0.0.1 --port=9418 &
	git=$!
	wait_for test -s "$T/port"
	wait_for bash -c 'true <>/dev/tcp/127.0.0.1/9418'
	WEB=http://127.0.0.1:$(<"$T/port") GIT=git://127.0.0.1
	set +e
	(set -e; $1)
	got=$?
	kill "$web" "$git"
	wait "$web" "$git"
	return $got
}

# repository: $T/www/r.git, with two commits on main, the first of them v1, and a third on `other`; a
# directory d with a Dockerfile of its own; and a repository within it. $first is the first commit.
repository() {
	export HOME=$T/home GIT_CONFIG_NOSYSTEM=1
	mkdir -p "$T/home" "$T/r/d" "$T/sub"
	git config --global user.name a
	git config --global user.email a@b
	git config --global init.defaultBranch main
	git config --global protocol.file.allow always
	(cd "$T/sub" && git init -q && echo sub >f && git add . && git commit -qm s)
	(
		cd "$T/r"
		git init -q
		printf 'FROM bb\nCOPY f /f\n' >Dockerfile
		printf 'FROM bb\nCOPY . /d/\n' >d/Dockerfile
		echo one >f && echo deep >d/g && chmod +x d/g && ln -s /etc/passwd d/l
		git add . && git commit -qm 1 && git tag v1
		echo two >f && git submodule --quiet add "$T/sub" m && git config -f .gitmodules submodule.m.url ../sub.git
		git commit -qam 2
		git checkout -q -b other && echo three >f && git commit -qam 3 && git checkout -q main
	)
	first=$(git -C "$T/r" rev-parse v1)
	git clone -q --bare "$T/r" "$T/www/r.git"
	git clone -q --bare "$T/sub" "$T/www/sub.git"
	git -C "$T/www/r.git" update-server-info
	git -C "$T/www/sub.git" update-server-info
	# What fetches knows nothing of all that.
	rm "$T/home/.gitconfig"
}

# of CONTEXT [OPTION…]: builds it, as `it`.
of() { dfile-build -q --network none -t it "${@:2}" "$1" >/dev/null; }

git_contexts() {
	local from
	# git's own protocol gives one commit; files behind HTTP are all that a "dumb" server has.
	for from in "$GIT" "$WEB"; do
		of "$from/r.git"
		assert_eq two "$(in_image f)"
		of "$from/r.git#v1"
		assert_eq one "$(in_image f)"
		of "$from/r.git#other"
		assert_eq three "$(in_image f)"
		of "$from/r.git#$first"
		assert_eq one "$(in_image f)"
		of "$from/r.git#:d"
		assert_eq "drwxr-xr-x 0:0 d
-rw-r--r-- 0:0 d/Dockerfile
-rwxr-xr-x 0:0 d/g
lrwxrwxrwx 0:0 d/l/etc/passwd" "$(tree)"
		of "$from/r.git#other:d" -f Dockerfile
		try_of "$from/r.git#none"
		assert_like "$output" "*cannot fetch none of $from/r.git*"
		# Nothing lies above its top.
		of "$from/r.git#main:../d/../.."
		assert_eq two "$(in_image f)"
		try_of "$from/r.git#main:d/l"
	done
}
try_of() {
	status=0
	output=$(dfile-build --network none "$@" 2>&1) || status=$?
	assert_eq 1 "$status"
}
@test "a repository as the context: branch, tag, commit, directory; from git's daemon, and from a web server" {
	repository
	elsewhere git_contexts
}

git_adds() {
	build <<-EOF
		FROM bb
		ADD $GIT/r.git /all
		ADD $WEB/r.git#v1 /first/
		ADD --keep-git-dir=true $GIT/r.git#$first:d /d
		ADD --keep-git-dir $GIT/r.git /kept
		ADD --chown=3:4 --chmod=u=rwX,go= $GIT/r.git#other:d /own
	EOF
	assert_eq "two sub one deep" "$(in_image all/f) $(in_image all/m/f) $(in_image first/f) $(in_image d/g)"
	tree >"$T/files"
	grep -qx -- '-rwxr-xr-x 0:0 all/d/g' "$T/files"
	grep -qx -- '-rwx------ 3:4 own/g' "$T/files"
	run ! grep -qE ' (all|first|d)/\.git/' "$T/files"
	grep -q ' kept/\.git/HEAD$' "$T/files"
	# The same files again are nothing new.
	build <<<$'FROM bb\nADD '"$GIT"$'/r.git#v1:d /d\nRUN echo built'
	dfile-build --network none -f - . <<<$'FROM bb\nADD '"$GIT"$'/r.git#v1:d /d\nRUN echo built' >/dev/null 2>"$T/said"
	assert_eq 0 "$(grep -c 'Running in' "$T/said")"
}
@test "ADD of a repository" {
	repository
	elsewhere git_adds
}

git_private() {
	local known=${WEB/:\/\//:\/\/user:pass=word@}/private what
	try_of "$WEB/private/r.git"
	try_of "${known/pass=/pass}/r.git"
	assert_like "$output" "*cannot fetch HEAD of $WEB/private/r.git*"
	build <<-EOF
		FROM bb
		ADD --keep-git-dir $known/r.git /kept
		ADD $known/file /file
	EOF
	assert_eq "two sub served" "$(in_image kept/f) $(in_image kept/m/f) $(in_image file)"
	# Neither the files, nor the history, nor what is said of a mistake.
	assert_like "$(in_image kept/.git/config)" "*url = $WEB/private/r.git*"
	img-save it >"$T/image.tar"
	run ! grep -q 'pass=word' "$T/image.tar"
	[[ $(img-config it) != *pass* && $(img-config it) == *"$WEB/private/file"* ]]
	for what in "$known/r.git#none" "$known/none"; do
		try_of "$what"
		assert_like "$output" "*cannot fetch *$WEB/private/*"
		[[ $output != *pass=word* ]]
	done
}
@test "user and password of an URL are for the way there, and are kept nowhere" {
	repository
	echo served >"$T/www/file"
	elsewhere git_private
}

git_refused() {
	local bad
	for bad in "https://-x/y.git" "git@-oProxyCommand=touch:x.git" "https://h/x.git#--upload-pack=touch" "ext::sh" \
		"git://h/x.git#;touch" "git@h:--upload-pack=touch pwned" "ssh://-oProxyCommand=touch/x.git" "git::ext::sh.git"; do
		run dfile-build -q "$bad"
		assert_eq 1 "$status" "$bad"
		run -1 dfile-build -q --network none -f - . <<<$'FROM bb\nADD "'"$bad"$'" /x'
		[ -z "$(ls -A)" ] || fail "$bad left $(ls -A)"
	done
	assert_like "$(dfile-build -q 'https://h/x.git#--upload-pack=touch' 2>&1)" "*names no repository*"
	# A repository whose own repositories are to be fetched by a program, or from this host.
	git clone -q "$T/www/r.git" "$T/evil"
	for bad in "ext::sh -c touch% $T/pwned" "file://$T/sub" "$T/sub" "-uexec"; do
		git -C "$T/evil" config -f .gitmodules submodule.m.url "$bad"
		git -C "$T/evil" -c user.name=a -c user.email=a@b commit -qam bad
		rm -rf "$T/www/evil.git"
		git clone -q --bare "$T/evil" "$T/www/evil.git"
		try_of "$GIT/evil.git"
		[ ! -e "$T/pwned" ] || fail "$bad was run"
	done
}
@test "repositories that are options, or programs, in disguise (CVE-2019-13139)" {
	repository
	elsewhere git_refused
}

url_contexts() {
	local id
	mkdir ctx
	echo x >ctx/x
	printf 'FROM bb\nCOPY x /\n' >ctx/Dockerfile
	printf 'FROM bb\nCOPY x /y\n' >ctx/other
	tar -C ctx -cf "$T/www/c.tar" .
	xz -k "$T/www/c.tar"
	zstd -q "$T/www/c.tar" -o "$T/www/c"
	printf 'FROM bb\nENV ALONE=1\n' >"$T/www/Dockerfile"
	id=$(dfile-build -q --network none ctx)
	for from in c.tar c.tar.xz c 'c.tar?download=1' moved/c.tar; do
		assert_eq "$id" "$(dfile-build -q --network none "$WEB/$from")" "$from"
	done
	of "$WEB/c.tar" -f other
	assert_eq x "$(in_image y)"
	of "$WEB/Dockerfile"
	assert_like "$(setting Env)" "*ALONE=1*"
	of "$WEB/Dockerfile" --build-arg UNUSED=1
	try_of "$WEB/none"
	assert_like "$output" "*cannot fetch $WEB/none*"
	try_of "$WEB/moved/to-file"
	try_of --max-context 1k "$WEB/c.tar"
	printf 'FROM bb\nCOPY x /\n' >"$T/www/Dockerfile"
	try_of "$WEB/Dockerfile"
	assert_like "$output" "*there is no context*"
}
@test "an URL as the context: a tar in any compression, or only a Dockerfile" {
	requires zstd
	elsewhere url_contexts
}

url_adds() {
	local sum bad
	echo served >"$T/www/file"
	touch -d 2001-02-03T04:05:06Z "$T/www/file"
	cp -p "$T/www/file" "$T/www/file.txt"
	echo f >f
	tar -cf "$T/www/ctx.tar" f
	sum=$(sha256sum <"$T/www/file" | cut -c-64)
	build <<-EOF
		FROM bb
		ADD --checksum=sha256:$sum $WEB/file /dl/
		ADD $WEB/file?q=1 /named
		ADD --chmod=+x --chown=5 $WEB/moved/file.txt $WEB/ctx.tar /two/
	EOF
	assert_eq "drwxr-xr-x 0:0 dl
-rw------- 0:0 dl/file
-rw------- 0:0 named
drwxr-xr-x 5:5 two
-rwx--x--x 5:5 two/ctx.tar
-rwx--x--x 5:5 two/file.txt" "$(tree)"
	assert_eq "served 981173106" "$(in_image dl/file) $(stat_in_image %Y dl/file)"
	for bad in "--checksum=sha256:${sum//[0-9]/0} $WEB/file" "--checksum=md5:1 $WEB/file" "$WEB/none" "$WEB/moved/to-file" "$WEB"; do
		try <<<$'FROM bb\nADD '"$bad /x"
		assert_eq 1 "$status" "$bad"
		assert_like "$output" "*:2: *" "$bad"
	done
	try <<<$'FROM bb\nADD --checksum=sha256:'"${sum//[0-9]/0} $WEB/file /"
	assert_like "$output" "*digest mismatch*"
	try --max-context 3 <<<$'FROM bb\nADD '"$WEB/file /x"
	assert_eq 1 "$status"
	try <<<$'FROM bb\nADD --checksum=sha256:'"$sum f /"
	assert_like "$output" "*--checksum is for a file behind an URL*"
	build <<<$'FROM bb\nADD --unpack '"$WEB/ctx.tar /a/"$'\nADD --unpack=true '"$WEB/file /b/"$'\nADD --unpack=false '"$WEB/ctx.tar /c/"
	assert_eq "a/f b/file c/ctx.tar" "$(tree | awk '/^-/ { print $3 }' | xargs)"
	# What is behind an URL is asked for again each time: its content counts.
	build <<<$'FROM bb\nADD '"$WEB/file /"
	echo changed >"$T/www/file"
	build <<<$'FROM bb\nADD '"$WEB/file /"
	assert_eq changed "$(in_image file)"
}
@test "ADD of an URL: where it goes, its mode, its checksum" {
	elsewhere url_adds
}
