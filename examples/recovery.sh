#!/usr/bin/env bash
# Shows how the feed recovers: (a) from a venue that is killed and started again, (b) from a network that loses everything.
#
#   bash examples/recovery.sh [PATH OF tickwire]
#
# Without a path the program is built. (b) takes place in network namespaces of its own, which end with it, and needs Linux
# with user namespaces, unshare and nsenter (util-linux) and ip (iproute2); it is left out elsewhere. Takes two and a half
# minutes and ends no process but its own. docs/RECOVERY.md says how to read what it prints.
set -euo pipefail

port=9447
pids=()
trap 'kill -9 "${pids[@]}" 2>/dev/null || true' EXIT
trap 'exit 130' INT TERM

begin() {
    began=${EPOCHREALTIME/[.,]/}
    printf '\n%s\n' "$*"
}

# By the clock that dates the lines of the program, from the beginning of the scene.
tell() {
    local tenths=$(((${EPOCHREALTIME/[.,]/} - began) / 100000))
    printf '%4d.%d s  %s\n' $((tenths / 10)) $((tenths % 10)) "$*"
}

# The lines of the program but for those that come all the time: prices, and how the connections fare.
dated() {
    local line
    while IFS= read -r line; do
        case $line in *' bid '* | *'   stream/1 '*) ;; *) tell "$line" ;; esac
    done
}

start_venue() {
    "$program" sim --plain --port "$port" --seed "$1" binance >/dev/null &
    venue=$!
    pids+=("$venue")
}

kill_venue() { { kill -9 "$venue" && wait "$venue"; } 2>/dev/null || true; }

# Watches from where the words behind the seconds lead, once the venue is there.
start_watch() {
    local seconds=$1
    shift
    until "$@" bash -c "exec 3<>/dev/tcp/127.0.0.1/$port" 2>/dev/null; do sleep 0.1; done
    { "$@" "$program" watch --legs 2 --url "ws://127.0.0.1:$port" --seconds "$seconds" binance BTCUSDT 2>&1 | dated; } &
    watching=$!
    pids+=("$watching")
}

killed_venue() {
    start_venue 1
    begin '(a) after 8 s the venue is killed, and 6 s later it is started again'
    start_watch 40
    sleep 8
    tell '--- the venue is killed (SIGKILL)'
    kill_venue
    sleep 6
    tell '--- the venue is started again'
    # Another market, whose ids are beyond those of the first, as if the venue had gone on meanwhile.
    start_venue 3
    wait "$watching"
    kill_venue
}

# The venue is in this namespace, and the program in another one that is joined to it by a cable.
lay_cable() {
    unshare -n sleep 600 &
    client=$!
    pids+=("$client")
    until [ "$(readlink "/proc/$client/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.1; done
    there=(nsenter -t "$client" -n)
    ip link add v type veth peer name c netns "$client"
    ip addr add 10.77.0.1/30 dev v
    "${there[@]}" ip addr add 10.77.0.2/30 dev c
    ip link set lo up
    ip link set v up
    "${there[@]}" ip link set c up
    # The venue listens on 127.0.0.1 alone, so that this address leads through the cable.
    echo 1 >/proc/sys/net/ipv4/conf/v/route_localnet
    "${there[@]}" sh -c 'echo 1 >/proc/sys/net/ipv4/conf/c/route_localnet'
    "${there[@]}" ip route add 127.0.0.1/32 dev c
}

# What is sent to a hardware address that nobody has is lost without a word, in both directions.
lose_packets() {
    ip neigh replace 10.77.0.2 lladdr 02:00:00:00:00:01 nud permanent dev v
    "${there[@]}" ip neigh replace 127.0.0.1 lladdr 02:00:00:00:00:01 nud permanent dev c
}

pass_packets() {
    ip neigh del 10.77.0.2 dev v
    "${there[@]}" ip neigh del 127.0.0.1 dev c
}

lost_packets() {
    lay_cable
    start_venue 1
    begin '(b) after 8 s every packet is lost, for 60 s, and nobody is told'
    start_watch 90 "${there[@]}"
    sleep 8
    lose_packets
    tell '--- every packet is lost from now on'
    sleep 60
    pass_packets
    tell '--- packets get through again'
    wait "$watching"
    kill_venue
}

if [ "${1-}" = --lost-packets ]; then
    program=$2
    lost_packets
    exit
fi
if [ $# -gt 0 ]; then
    program=$1
else
    root=$(dirname "$0")/..
    cargo build --release --locked --manifest-path "$root/Cargo.toml" -p tickwire-cli
    program=${CARGO_TARGET_DIR:-$root/target}/release/tickwire
fi
killed_venue
if unshare -rn ip link add v type veth peer name c 2>/dev/null && command -v nsenter >/dev/null; then
    unshare -rn bash "$0" --lost-packets "$program"
else
    printf '\n(b) not run: it needs Linux with user namespaces, unshare, nsenter and ip\n'
fi
