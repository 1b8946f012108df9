#!/bin/sh
# SPDX-License-Identifier: ISC
# `make demo`: three nodes on this machine, told as a story. Needs no root; as
# root the daemons change to users that every system has. Everything lives in
# a temporary directory and is gone afterwards.
set -eu

B=$(cd "${B:-build}" && pwd)
D=$(mktemp -d "${TMPDIR:-/tmp}/dmd-demo.XXXXXX")
chmod 755 "$D"
pids=
cleanup() {
	for p in $pids; do kill "$p" 2>/dev/null || :; done
	for p in $pids; do wait "$p" 2>/dev/null || :; done
	rm -rf "$D"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
run() { printf '  $ %s\n' "$*" | sed "s|$B/||g; s|$D/||g"; "$@" 2>&1 |
	sed 's/^/    /'; }
now_ms() { echo $(($(date +%s%N) / 1000000)); }
die() { printf 'demo: %s\n' "$*" >&2; tail -n 20 "$D"/*.log >&2; exit 1; }

# wait_for SECONDS COMMAND...: polls until it succeeds
wait_for() {
	end=$(($(now_ms) + $1 * 1000)); shift
	until "$@" >/dev/null 2>&1; do
		[ "$(now_ms)" -lt "$end" ] || return 1
		sleep 0.01
	done
}

ctl() { n=$1; shift; "$B/dmctl" -s "$D/$n/control.sock" "$@"; }
running() { ctl "$1" status; }
# A free port: the kernel has just given it to someone who let it go.
free_port() {
	python3 -c 'import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

cd "$D"
say "1. A key pair for the person who signs"
run "$B/data-mesher" generate keypair
mkdir thief && (cd thief && "$B/data-mesher" generate keypair >/dev/null)
public=$(awk '{print $2}' key.pub | base64 -d | tail -c 32 | base64)

say "2. Three nodes; the first is the one that the others are told of"
node_config() { # NAME CLUSTER_PORT HTTP_PORT [BOOTSTRAP]
	mkdir -p "$D/$1"
	cat >"$D/$1/dm.toml" <<EOF
state_dir = "$D/$1/state"
control_socket = "$D/$1/control.sock"
net_user = "nobody"
store_user = "daemon"
resolver_user = "games"
group = "daemon"
[cluster]
port = $2
interface = "lo"
bootstrap_peers = [ ${4:-} ]
push_pull_interval = "5s"
[http]
port = $3
[files]
"config.json" = [ "$public" ]
EOF
}
start() {
	"$B/dmd" -d -f "$D/$1/dm.toml" >>"$D/$1.log" 2>&1 &
	eval "pid_$1=$!"
	pids="$pids $!"
	wait_for 10 running "$1" || die "$1 did not start"
}
p1=$(free_port); h1=$(free_port)
node_config alpha "$p1" "$h1"
start alpha
id=$(ctl alpha id --json | sed -n 's/.*"peer_id": *"\([^"]*\)".*/\1/p')
[ -n "$id" ] || die "alpha has no peer id"
for n in beta gamma; do
	node_config $n "$(free_port)" "$(free_port)" \
	    "\"/ip4/127.0.0.1/tcp/$p1/p2p/$id\""
	start $n
done
meshed() { [ "$(ctl "$1" peers --no-header 2>/dev/null |
	grep -c connected)" = 2 ]; }
for n in alpha beta gamma; do
	wait_for 15 meshed $n || die "$n did not find its peers"
done
echo "    up, and each has found both others"

say "3. A signed file is uploaded to alpha, with the original's command"
echo '{"motd": "hello"}' >config.json
t0=$(now_ms)
run "$B/data-mesher" file update ./config.json \
    --url "http://localhost:$h1" --key-path ./key.priv
for n in beta gamma; do
	wait_for 10 cmp -s config.json "$D/$n/state/files/config.json" ||
	    die "$n has no config.json"
	echo "    on $n after $(($(now_ms) - t0)) ms (the upload included)"
done

say "4. A thief signs another content with a key of his own"
echo '{"motd": "mine"}' >thief/config.json
if "$B/dmctl" upload thief/config.json --key thief/key.priv \
    --url "http://localhost:$h1" >thief/out 2>&1; then
	die "the forged upload was accepted"
fi
sed 's/^/    refused: /' thief/out

say "5. gamma loses power; meanwhile the file changes"
kill -9 "$pid_gamma"; wait "$pid_gamma" 2>/dev/null || :
echo '{"motd": "second version"}' >config.json
ctl beta upload config.json --key key.priv | sed 's/^/    /'
t0=$(now_ms)
start gamma
wait_for 15 cmp -s config.json "$D/gamma/state/files/config.json" ||
    die "gamma did not heal"
echo "    gamma is back and has the new version, $(($(now_ms) - t0)) ms after its start"

say "6. What an administrator sees"
run "$B/dmctl" -s "$D/beta/control.sock" peers
run "$B/dmctl" -s "$D/gamma/control.sock" list
run "$B/dmctl" -s "$D/alpha/control.sock" status
say "That is all: the nodes are stopped and their files removed."
