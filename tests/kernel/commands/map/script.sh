#!/bin/sh
# A firewall driven by "pytc map" alone: maps are filled before the first packet, its behaviour is changed while it
# runs, and its statistics are dumped.
# usage: script.sh OBJECT, in a namespace with em1 (10.9.0.1), whose peer em2 (10.9.0.2) is in $PEER.
set -eu

fail() {
    echo "map_script: $*" >&2
    exit 1
}

answers() {
    ip netns exec "$PEER" ping -q -c 1 -W 1 -i 0.01 10.9.0.1 >/dev/null
}

pytc qdisc add dev em1 clsact
pytc filter add dev em1 ingress bpf da obj "$1"

# Before the first packet that counts.
pytc map set pinned m:globals/settings value { enabled true protocol 1 ports 80,443 }
pytc map load pinned m:globals/verdicts - <<EOF
key,value.action,value.note
10.9.0.2,COUNT_ONLY,the peer
192.0.2.7,DROP,somebody
EOF
answers || fail "a packet was lost that is only counted"
[ "$(pytc map get pinned m:globals/verdicts key 10.9.0.2 value.hits)" = 1 ] || fail "the peer's packet was not counted"

# Another behaviour at run time.
pytc map set pinned m:globals/verdicts key 10.9.0.2 value.action = DROP
if answers; then fail "a packet came through that is dropped"; fi
pytc map set pinned m:globals/settings value.enabled = false
answers || fail "a packet was lost while the firewall is off"
pytc map set pinned m:globals/settings value.enabled = true
pytc map delete pinned m:globals/verdicts key 10.9.0.2
answers || fail "a packet was lost from an address without a verdict"

# Statistics: packets that passed, packets that were dropped, over all CPUs.
passed=$(pytc map get pinned m:globals/statistics key 0 value.packets sum)
dropped=$(pytc map get pinned m:globals/statistics key 1 value.packets sum)
[ "$passed" = 2 ] && [ "$dropped" = 1 ] || fail "passed $passed, dropped $dropped"
pytc -j map dump pinned m:globals/statistics sum
if pytc map get pinned m:globals/verdicts key 10.9.0.2 2>/dev/null; then fail "a deleted element is there"; fi
pytc -j map events pinned m:globals/notices type "struct event" timeout 10ms
