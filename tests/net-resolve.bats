#!/usr/bin/env bats
# bats file_tags=box
# net-resolve by itself: files and who asks, in a network namespace where all of them live on lo.
load helpers

setup_file() { tb_setup_file; }
teardown_file() { tb_teardown_file; }
setup() {
	tb_setup
	requires root python3
}
teardown() { tb_teardown; }

# Two networks; `both` is in both of them, and called web in the second, too.
files() {
	put front 10.9.1.1 'a1 10.9.1.2 - web,web.front,a1 host' \
		'a2 10.9.1.3 fd00::3 db,db.front,store,store.front 127.0.0.3' 'b1 10.9.1.9 - both,both.front host'
	put back 10.9.2.1 'a3 10.9.2.2 - web,web.back none' 'b1 10.9.2.9 - both,both.back host'
}
# put NETWORK GATEWAY LINE…: as box-start does.
put() {
	printf '%s\n' "${@:2}" >"$T/new"
	mv "$T/new" "$T/names/$1"
}
go() { in_fresh --net in_it "$1"; }
in_it() {
	local got pid server1 server2
	ip link set lo up
	for a in 1.1 1.2 1.3 1.9 2.1 2.2 2.9 3.1 3.2; do ip addr add "10.9.$a/32" dev lo; done
	echo nameserver 127.0.0.1 >"$T/resolv"
	mount --bind "$T/resolv" /etc/resolv.conf
	mkdir "$T/names"
	files
	python3 "$TB_TESTS/dns.py" serve 127.0.0.1 "$T/asked" & server1=$!
	python3 "$TB_TESTS/dns.py" serve 127.0.0.3 "$T/asked3" 192.0.2.3 & server2=$!
	net-resolve "$T/names" >"$T/said" & pid=$!
	wait_for grep -q ready "$T/said"
	wait_for grep -q ready "$T/asked"
	wait_for grep -q ready "$T/asked3"
	set +e # behind || it would not count inside either, and only a last command could fail
	(set -e; "$1")
	got=$?
	rm -f "$T"/names/*
	wait "$pid" || { echo "net-resolve has failed"; got=1; }
	kill "$server1" "$server2"
	return $got
}
ask() { python3 "$TB_TESTS/dns.py" ask "$@"; }
is() { assert_eq "$1" "$(ask "${@:2}")" "${*:2}"; }

by_asker() {
	is '0 10.9.1.3' 10.9.1.1 db A 10.9.1.2
	is '0 10.9.1.3' 10.9.1.1 DB.Front A 10.9.1.2
	is '0 10.9.1.3' 10.9.1.1 store A 10.9.1.2
	# Not what is called so elsewhere; in two networks, that of the address which asks comes first.
	is '0 10.9.1.2' 10.9.1.1 web A 10.9.1.3
	is '0 10.9.1.2' 10.9.1.1 web A 10.9.1.9
	is '0 10.9.2.2' 10.9.2.1 web A 10.9.2.9
	is '0 10.9.2.2' 10.9.1.1 web.back A 10.9.1.9
	is 3 10.9.2.1 db A 10.9.2.2
	is 2 10.9.2.1 db.front A 10.9.2.2
	# By another network's gateway, too, it is who asks that counts.
	is 3 10.9.1.1 db A 10.9.2.2
	# Somebody who is no box, from outside, is told nothing; the host what boxes are.
	is 5 10.9.1.1 db A 10.9.3.2
	is '0 10.9.1.3' 10.9.1.1 db A 10.9.1.1
	is 5 10.9.1.1 outside.test A 10.9.1.1
}
@test "names of the networks of who asks, and of no other" { go by_asker; }

kinds() {
	is '0 fd00::3' 10.9.1.1 db AAAA 10.9.1.2
	is 0 10.9.1.1 web AAAA 10.9.1.2
	is 0 10.9.1.1 web MX 10.9.1.2
	is '0 10.9.1.3 fd00::3' 10.9.1.1 db ANY 10.9.1.2
	is '0 db.front' 10.9.1.1 3.1.9.10.in-addr.arpa PTR 10.9.1.2
	is '0 db.front' 10.9.1.1 3.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa PTR 10.9.1.2
	# Who has that address in another network is not told.
	is 2 10.9.2.1 3.1.9.10.in-addr.arpa PTR 10.9.2.2
	is 3 10.9.1.1 nobody A 10.9.1.2
}
@test "addresses of both kinds, names of addresses, and what there is not" { go kinds; }

outside() {
	is '0 192.0.2.9' 10.9.1.1 one.test A 10.9.1.2
	is '0 192.0.2.9' 10.9.1.1 two.test A 10.9.1.2 tcp
	# Its own server is asked, and not the host's.
	is '0 192.0.2.3' 10.9.1.1 own.test A 10.9.1.3
	# Who is shut in has nobody to ask, by whatever gateway.
	is 2 10.9.2.1 leak.test A 10.9.2.2
	is 2 10.9.1.1 leak.test A 10.9.2.2 tcp
	assert_eq 'one.test two.test' "$(grep test "$T/asked" | xargs)"
	assert_eq own.test "$(grep test "$T/asked3" | xargs)"
	# The first does not answer, or is not there: the next is asked. None: it is said.
	printf 'nameserver 127.0.0.%s\n' 9 3 >"$T/resolv"
	is '0 192.0.2.3' 10.9.1.1 three.test A 10.9.1.2
	is '0 192.0.2.3' 10.9.1.1 three.test A 10.9.1.2 tcp
	echo 'nameserver 127.0.0.9' >"$T/resolv"
	is 2 10.9.1.1 four.test A 10.9.1.2
	is 2 10.9.1.1 four.test A 10.9.1.2 tcp
	: >"$T/resolv"
	is 2 10.9.1.1 four.test A 10.9.1.2
}
@test "other names: of the host's servers, of its own, or of nobody's" { go outside; }

many() {
	local i lines=() want=0
	for i in $(seq 2 60); do
		lines+=("c$i 10.9.1.$i - svc,svc.front,c$i host")
	done
	put front 10.9.1.1 "${lines[@]}"
	want="0 $(seq -f '10.9.1.%.0f' 2 60 | sort | xargs)"
	is '0 cut' 10.9.1.1 svc A 10.9.1.2
	is "$want" 10.9.1.1 svc A 10.9.1.2 tcp
	is "$want" 10.9.1.1 svc A 10.9.1.2 edns
	# Each comes first now and then.
	python3 - "$TB_TESTS" <<-'END'
		import sys; sys.path.insert(0, sys.argv[1])
		import dns, socket
		first = set()
		for _ in range(200):
		    packet = dns.talk("10.9.1.1", dns.question("svc", "A", True), "10.9.1.2")
		    first.add(packet[-11 - 4 : -11])
		assert len(first) == 59, len(first)
	END
}
@test "a name of many: cut in a packet, whole by TCP or where more is taken; each comes first" { go many; }

# A name changes without pause, by the rename of a file; who asks after that gets the new one.
changes() {
	python3 - "$TB_TESTS" "$T/names" <<-'END'
		import os, sys; sys.path.insert(0, sys.argv[1])
		import dns
		for i in range(2000):
		    last = 2 + i % 200
		    with open(sys.argv[2] + "/.new", "w") as f:
		        f.write(f"10.9.1.1\na1 10.9.1.2 - web host\na2 10.9.1.{last} - db host\n")
		    os.rename(sys.argv[2] + "/.new", sys.argv[2] + "/front")
		    got = dns.records(dns.talk("10.9.1.1", dns.question("db", "A"), "10.9.1.2", i % 100 == 0))
		    assert got == ["0", f"10.9.1.{last}"], (i, got)
	END
	# A network comes, moves to another gateway, and goes.
	put third 10.9.3.1 'd1 10.9.3.2 - new host'
	comes() { [ "$(ask 10.9.3.1 new A 10.9.3.2)" = '0 10.9.3.2' ]; }
	wait_for comes
	put third 10.9.3.2 'd1 10.9.3.2 - new host'
	comes() { [ "$(ask 10.9.3.2 new A 10.9.3.2)" = '0 10.9.3.2' ]; }
	wait_for comes
	is nobody 10.9.3.1 new A 10.9.3.2
	rm "$T/names/third"
	gone() { [ "$(ask 10.9.3.2 new A 10.9.3.2)" = nobody ]; }
	wait_for gone
	# What is no file of ours is nobody's.
	put junk 'not an address' 'x y z'
	put third 10.9.3.1 '' 'd1' 'd1 10.9.3.2 -' 'd1 nowhere - new host' 'd2 10.9.3.2 - ,,new, host'
	comes() { [ "$(ask 10.9.3.1 new A 10.9.3.2)" = '0 10.9.3.2' ]; }
	wait_for comes
}
@test "a change is right from the rename on; networks come and go" { go changes; }

hostile() {
	python3 "$TB_TESTS/dns.py" junk 10.9.1.1 10.9.1.2
	is '0 10.9.1.3' 10.9.1.1 db A 10.9.1.2
	# A connection that says nothing, one that goes away, and a hundred at once.
	python3 - "$TB_TESTS" <<-'END'
		import os, socket, sys; sys.path.insert(0, sys.argv[1])
		import dns
		idle = [socket.create_connection(("10.9.1.1", 53), 5, ("10.9.1.2", 0)) for _ in range(40)]
		for i in range(200):
		    s = socket.create_connection(("10.9.1.1", 53), 5, ("10.9.1.2", 0))
		    s.sendall(os.urandom(i)); s.close()
		assert dns.records(dns.talk("10.9.1.1", dns.question("db", "A"), "10.9.1.2")) == ["0", "10.9.1.3"]
		for s in idle: s.close()
		for i in range(50):
		    try: got = dns.talk("10.9.1.1", dns.question("db", "A"), "10.9.1.2", True); break
		    except OSError: import time; time.sleep(0.2)
		assert dns.records(got) == ["0", "10.9.1.3"]
	END
	# Who has all the connections he may have takes none from the others.
	python3 - "$TB_TESTS" <<-'END'
		import socket, sys; sys.path.insert(0, sys.argv[1])
		import dns
		idle = [socket.create_connection(("10.9.1.1", 53), 5, ("10.9.1.2", 0)) for _ in range(90)]
		assert dns.records(dns.talk("10.9.1.1", dns.question("db", "A"), "10.9.1.3", True)) == ["0", "10.9.1.3"]
	END
	# Rights: none but that to listen.
	local pid
	pid=$(pgrep -f "net-resolve $T/names")
	assert_eq "0000000000000400 1" "$(awk '/^CapEff/ { c = $2 } /^NoNewPrivs/ { print c, $2 }' "/proc/$pid/status")"
}
@test "what is no question harms nobody" { go hostile; }

@test "without files it ends; what cannot be watched is said" {
	mkdir "$T/none"
	run -0 timeout 10 net-resolve "$T/none"
	assert_eq ready "$output"
	run -1 net-resolve "$T/absent"
	assert_error net-resolve "cannot watch $T/absent: No such file or directory (ENOENT)"
	run -2 net-resolve names
	# A dry run serves nobody.
	echo 127.9.9.9 >"$T/none/front"
	run -0 timeout 10 net-resolve -n "$T/none"
	assert_like "$output" "*flock -x*cd /*"
}
