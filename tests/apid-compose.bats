#!/usr/bin/env bats
# bats file_tags=apid
# apid with docker-compose 1.29: a project of three services, from up to down.
load helpers
load box_helpers
load apid_helpers

setup_file() { box_setup_file; }
teardown_file() { tb_teardown_file; }
setup() {
	box_setup
	needs_client
	requires docker-compose curl
}
teardown() { box_teardown; }

project() {
	mkdir -p shop/www shop/web
	cd shop || return
	echo page >www/index.html
	printf '%s\n' 'FROM bb' 'ARG PORT' 'RUN echo "built for $PORT" >/built' 'COPY server /bin/' 'ENV PORT=$PORT' \
		'CMD ["/bin/server"]' >web/Dockerfile
	printf '#!/bin/sh\nexec httpd -f -p $PORT -h /mnt\n' >web/server
	chmod +x web/server
	cat >docker-compose.yml <<-'END'
		version: "2.4"
		services:
		  db:
		    image: bb
		    init: true
		    environment:
		      ROLE: data
		    command: sh -c 'mkdir -p /w; echo "$$ROLE" >/w/index.html; exec httpd -f -p 80 -h /w'
		    volumes: ["data:/data"]
		    healthcheck:
		      test: wget -qO- http://127.0.0.1/
		      interval: 200ms
		      timeout: 20s
		      retries: 50
		  web:
		    build: {context: web, args: {PORT: 80}}
		    init: true
		    ports: ["127.0.0.1:8081:80"]
		    volumes: ["./www:/mnt:ro"]
		    depends_on:
		      db: {condition: service_healthy}
		    links: ["db:store"]
		  worker:
		    image: bb
		    environment: [WORK=1]
		    command: sh -c 'trap "exit 0" TERM; echo "working $$WORK"; while :; do sleep 0.05; done'
		    volumes: [/scratch]
		    depends_on: [db]
		    networks:
		      default:
		      back: {aliases: [slave]}
		volumes:
		  data:
		networks:
		  back: {internal: true}
	END
}
c() { timeout 120 docker-compose --ansi never "$@" 2>>"$T/compose.err" || { tail -n 30 "$T/compose.err" >&2; return 1; }; }
ids() { docker ps -aq --no-trunc | sort; }
# says WHAT COMMAND…: a line of its output.
says() { "${@:2}" | grep -xF "$1" >/dev/null; }

up_to_down() {
	local ids worker
	project
	c build >"$T/build"
	grep -Eq '^Successfully tagged shop_web:latest' "$T/build"
	c up -d
	assert_eq "built for 80" "$(c exec -T web cat /built)"
	assert_eq "shop_db_1 shop_web_1 shop_worker_1" "$(docker ps --format '{{.Names}}' | sort | xargs)"
	c ps >"$T/ps"
	grep -Eq '^shop_db_1 .* Up \(healthy\)' "$T/ps"
	grep -Eq '^shop_web_1 .* Up  *127.0.0.1:8081->80/tcp' "$T/ps"
	assert_eq page "$(curl -fsS http://127.0.0.1:8081)"
	assert_eq 127.0.0.1:8081 "$(c port web 80)"
	assert_like "$(c config --services | sort | xargs)" 'db web worker'

	# Names: services, links, aliases, containers; the host's files; the volume.
	assert_eq data "$(c exec -T web wget -qO- http://store)"
	assert_eq data "$(c exec -T web wget -qO- http://db)"
	assert_eq page "$(c exec -T worker wget -qO- http://shop_web_1)"
	c exec -T worker nslookup slave >/dev/null
	! c exec -T web nslookup slave >/dev/null 2>&1 || fail "a name of another network"
	try c exec -T web sh -c 'echo x >/mnt/f'
	assert_like "$output" '*Read-only file system*'
	c exec -T db sh -c 'echo kept >/data/f'
	assert_eq 1 "$(c exec -T worker sh -c 'echo $WORK')"
	try timeout 60 docker-compose exec -T worker sh -c 'exit 9'
	assert_eq 9 "$status"
	says 'worker_1  | working 1' c logs --no-color worker

	# Up again changes nothing; scaled, one name has three addresses.
	ids=$(ids)
	c up -d
	assert_eq "$ids" "$(ids)"
	c up -d --scale worker=3
	assert_eq 3 "$(c ps -q worker | wc -l)"
	assert_eq 3 "$(c exec -T web nslookup worker | grep -c '^Address: ')"
	c restart -t 20 worker
	wait_for says 6 sh -c "docker-compose logs --no-color worker 2>/dev/null | grep -c 'working 1'"
	c up -d --scale worker=1
	assert_eq 1 "$(c ps -q worker | wc -l)"

	c stop -t 20 web
	try curl -sS http://127.0.0.1:8081
	[ "$status" != 0 ]
	c start web
	wait_for curl -fsS http://127.0.0.1:8081
	c pause worker
	assert_eq paused "$(docker inspect -f '{{.State.Status}}' shop_worker_1)"
	c unpause worker
	c top worker | grep working >/dev/null
	c images | grep '^shop_web_1 .* shop_web ' >/dev/null
	c kill -s KILL worker
	wait_for says 137 docker inspect -f '{{.State.ExitCode}}' shop_worker_1
	c rm -f worker
	c up -d
	assert_eq once "$(c run --rm -T worker echo once)"

	# Changed in the file: made anew, with the volumes that it had.
	c exec -T worker sh -c 'echo mine >/scratch/f'
	worker=$(c ps -q worker)
	sed -i 's/WORK=1/WORK=2/' docker-compose.yml
	c up -d
	[ "$worker" != "$(c ps -q worker)" ]
	wait_for says 'worker_1  | working 2' c logs --no-color worker
	assert_eq mine "$(c exec -T worker cat /scratch/f)"

	# Down keeps volumes until it is told not to.
	c down -t 20
	assert_eq "" "$(ids)"
	assert_eq "bridge host none" "$(docker network ls --format '{{.Name}}' | sort | xargs)"
	c up -d db
	assert_eq kept "$(c exec -T db cat /data/f)"
	# By the client's own library, as it does where there is no docker command.
	sed -i 's/PORT: 80/PORT: 81/' docker-compose.yml
	COMPOSE_DOCKER_CLI_BUILD=0 c build web >"$T/build"
	grep -q '^Successfully tagged shop_web:latest' "$T/build"
	assert_eq "built for 81" "$(c run --rm -T --no-deps web cat /built)"
	c down -v -t 20 --rmi local
	assert_eq bb "$(docker images --format '{{.Repository}}' | xargs)"
	assert_eq "" "$(docker volume ls -q -f name=shop)$(ids)"
}
@test "docker-compose: up, ps, logs, exec, scale, restart, recreate, down -v" {
	served up_to_down
}

foreground() {
	project
	cat >docker-compose.yml <<-'END'
		version: "3.8"
		services:
		  one:
		    image: bb
		    command: sh -c 'echo from one; while :; do sleep 0.05; done'
		    init: true
		  two:
		    image: bb
		    command: sh -c 'sleep 0.5; echo from two >&2; exit 4'
	END
	try timeout 60 docker-compose --ansi never up --no-color --exit-code-from two
	assert_eq 4 "$status"
	assert_like "$output" '*one_1  | from one*'
	assert_like "$output" '*two_1  | from two*'
	assert_like "$output" '*two_1 exited with code 4*'
	assert_eq exited "$(docker inspect -f '{{.State.Status}}' shop_one_1)"

	# Interrupted as a person does it.
	sed -i 's/sleep 0.5/exec sleep 1000/' docker-compose.yml
	bash -ic 'set -m; timeout 60 docker-compose --ansi never up --no-color -t 2 >"$T/up" 2>&1 & echo $! >"$T/up.pid"; wait; echo $? >"$T/up.status"' 2>/dev/null &
	wait_for grep -q 'from one' "$T/up"
	wait_for test -s "$T/up.pid"
	kill -INT "$(<"$T/up.pid")"
	wait_for test -s "$T/up.status"
	wait_for says 0 sh -c 'docker ps -q | wc -l'
	docker-compose down 2>/dev/null
}
@test "docker-compose up in the foreground: streams, who ended how; interrupted" {
	served foreground
}
