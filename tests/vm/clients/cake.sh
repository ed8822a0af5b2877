# Shaping with cake in both directions, as scripts for home routers do it.
set -e
modprobe -q ifb || true
tc qdisc show dev em1
tc qdisc add cake help 2>&1 | grep -q ^Usage && echo "cake is known"
ip link add name ifb4em1 type ifb 2>/dev/null || true
ip link set dev ifb4em1 up
tc qdisc del dev em1 root 2>/dev/null || true
tc qdisc add dev em1 root handle 1: cake bandwidth 20000kbit besteffort dual-srchost nat ack-filter overhead 44 mpu 84
tc qdisc del dev em1 handle ffff: ingress 2>/dev/null || true
tc qdisc add dev em1 handle ffff: ingress
tc qdisc del dev ifb4em1 root 2>/dev/null || true
tc qdisc add dev ifb4em1 root cake bandwidth 80mbit diffserv4 dual-dsthost ingress wash rtt 50ms memlimit 4m atm
tc filter add dev em1 parent ffff: protocol all prio 10 u32 match u32 0 0 flowid 1:1 action mirred egress redirect dev ifb4em1
state
tc qdisc change dev em1 root cake bandwidth 10mbit
tc -s qdisc show dev em1 | grep -c cake
tc qdisc del dev ifb4em1 root cake bandwidth 1mbit
# They also try which kinds there are, without options.
for kind in fq_codel hfsc codel fq pie sfq cake multiq cbs drr qfq prio red choke gred sfb hhf ets nothing; do
    tc qdisc replace dev em2 root handle 3: $kind 2>/dev/null && echo "$kind is there" || true
    "$REAL" -d qdisc show dev em2
    tc qdisc del dev em2 root 2>/dev/null || true
done
tc filter add dev em1 parent ffff: protocol ip prio 5 flower
