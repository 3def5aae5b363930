#!/bin/bash
# SPDX-License-Identifier: MIT
# Three services, brought up, scaled, killed and restarted with nothing but box- and net- tools: a web
# server that people reach, workers behind it, and what stands for a data base where only they are.
# three-services.sh IMAGE PORT
set -euo pipefail
image=$1 port=$2
serve() { echo "mkdir -p /w; echo $1 >/w/index.html; exec httpd -f -p 80 -h /w"; }
until_ok() { for ((i = 0; i < 100; i++)); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done; "$@"; }

# Up: the data base is on a network without a way out.
net-create front >/dev/null
net-create --internal back >/dev/null
box-run -d --name db --network back --restart always "$image" sh -c "$(serve data)" >/dev/null
box-run -d --name worker1 --network name=front,alias=worker --network back "$image" sh -c "$(serve work1)" >/dev/null
box-run -d --name web --network front -p "127.0.0.1:$port:80" "$image" sh -c "$(serve page)" >/dev/null
until_ok wget -qO- "http://127.0.0.1:$port"
until_ok box-exec web wget -qO- http://worker
until_ok box-exec worker1 wget -qO- http://db
box-exec web timeout 2 wget -qO- http://db 2>/dev/null && { echo "web reaches db"; exit 1; }

# Scaled: one name, two addresses.
box-run -d --name worker2 --network name=front,alias=worker --network back "$image" sh -c "$(serve work2)" >/dev/null
[ "$(box-exec web nslookup worker | grep -c '^Address: ')" = 2 ]

# Killed, it is there again, and found wherever it is now; restarted, too.
kill -9 "$(box-inspect db | jq .State.Pid)"
until_ok box-exec worker2 wget -qO- http://db
box-restart -t 0 worker1 >/dev/null
until_ok box-exec web wget -qO- http://worker1

# Down.
box-rm -f web worker1 worker2 db >/dev/null
net-rm front back >/dev/null
