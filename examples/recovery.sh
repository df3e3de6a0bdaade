#!/usr/bin/env bash
# Shows how the feed recovers: (a) from a venue that is killed and started again, (b) from a network that loses everything.
#
#   bash examples/recovery.sh [PATH OF tickwire]
#
# Without a path the program is built. (b) needs Linux, root and ip (iproute2), and is left out elsewhere. It takes place in
# two network namespaces of its own, which are removed at the end, and ends no process but its own. Takes two minutes.
set -euo pipefail

name=tickwire-$$
port=9447
pids=()

clean() {
    for pid in "${pids[@]}"; do kill -9 "$pid" 2>/dev/null || true; done
    for side in venue client; do ip netns del "$name-$side" 2>/dev/null || true; done
}
trap clean EXIT
trap 'exit 130' INT TERM

tell() { printf '%6.1f s  %s\n' "$(elapsed)" "$*"; }
# Seconds since the scene began, by the clock that dates the lines.
elapsed() { local now=${EPOCHREALTIME/[.,]/}; printf '%d.%01d' $(((now - began) / 1000000)) $(((now - began) / 100000 % 10)); }
begin() { began=${EPOCHREALTIME/[.,]/}; printf '\n%s\n' "$*"; }
# Dates the lines of the program; prices, of which there is one line a second, are left out.
dated() { while IFS= read -r line; do case $line in *' bid '*) ;; *) tell "$line" ;; esac; done; }
until_open() { for _ in $(seq 100); do "$@" bash -c "exec 3<>/dev/tcp/127.0.0.1/$port" 2>/dev/null && return; sleep 0.1; done; return 1; }

venue() { "$@" "$program" sim --plain --port "$port" binance >/dev/null & pids+=($!); venue=$!; }
watch() { local seconds=$1; shift; "$@" "$program" watch --legs 2 --url "ws://127.0.0.1:$port" --seconds "$seconds" binance BTCUSDT 2>&1; }

if [ $# -gt 0 ]; then
    program=$1
else
    cd "$(dirname "$0")/.."
    cargo build --release --locked -p tickwire-cli
    program=${CARGO_TARGET_DIR:-target}/release/tickwire
fi

begin '(a) the venue is killed after 8 s and started again 6 s later'
venue
until_open
{ watch 30 | dated; } &
watching=$!
sleep 8
tell '--- the venue is killed (SIGKILL)'
kill -9 "$venue"
sleep 6
venue
tell '--- the venue is started again'
wait "$watching"
kill -9 "$venue"

begin '(b) for 60 s the network loses every packet, and nobody is told'
if [ "$(id -u)" != 0 ] || ! ip netns add "$name-venue" 2>/dev/null; then
    echo 'not run: it needs Linux, root and ip netns'
    exit 0
fi
ip netns add "$name-client"
ip link add v netns "$name-venue" type veth peer name c netns "$name-client"
ip -n "$name-venue" addr add 10.77.0.1/30 dev v
ip -n "$name-client" addr add 10.77.0.2/30 dev c
ip -n "$name-venue" link set lo up
ip -n "$name-venue" link set v up
ip -n "$name-client" link set c up
# The venue listens on 127.0.0.1 alone, so that this address leads from one namespace into the other.
ip netns exec "$name-venue" sh -c 'echo 1 >/proc/sys/net/ipv4/conf/v/route_localnet'
ip netns exec "$name-client" sh -c 'echo 1 >/proc/sys/net/ipv4/conf/c/route_localnet'
ip -n "$name-client" route add 127.0.0.1/32 dev c
# Frames to a hardware address that nobody has are lost without a word, in both directions.
lose() {
    ip -n "$name-venue" neigh replace 10.77.0.2 lladdr 02:00:00:00:00:01 nud permanent dev v
    ip -n "$name-client" neigh replace 127.0.0.1 lladdr 02:00:00:00:00:01 nud permanent dev c
}
pass() {
    ip -n "$name-venue" neigh del 10.77.0.2 dev v
    ip -n "$name-client" neigh del 127.0.0.1 dev c
}

venue ip netns exec "$name-venue"
until_open ip netns exec "$name-client"
began=${EPOCHREALTIME/[.,]/}
{ watch 110 ip netns exec "$name-client" | dated; } &
watching=$!
sleep 8
lose
tell '--- every packet is lost from now on'
sleep 60
pass
tell '--- packets get through again'
wait "$watching"
