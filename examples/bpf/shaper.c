/*
 * Separate classes for UDP and ICMP.
 *
 * A classifier for a classful qdisc such as htb, without direct-action: it
 * returns the class, or -1 for the class given with "flowid".
 *
 *   UDP over IPv4    1:10
 *   ICMP over IPv4   1:20
 *   the rest         flowid of the command line
 *
 * Counts the packets of each choice in the array map "map_queue", in this
 * order. Reads the packet with the load instructions of classic BPF, as old
 * as cls_bpf itself: offsets count from the Ethernet header, values are in
 * host order, and a packet that is too short ends the program with 0.
 *
 * Build:   clang -O2 -g -target bpf -mcpu=v2 -I/usr/include/$(uname -m)-linux-gnu \
 *                -c shaper.c -o shaper.o
 *
 * Attach:  pytc qdisc add dev em1 root handle 1: htb
 *          pytc class add dev em1 parent 1: classid 1:10 htb rate 20mbit
 *          pytc class add dev em1 parent 1: classid 1:20 htb rate 1mbit
 *          pytc class add dev em1 parent 1: classid 1:30 htb rate 100mbit
 *          pytc filter add dev em1 parent 1: bpf obj shaper.o flowid 1:30
 *
 * Read:    pytc -s class show dev em1
 *          pytc map dump name map_queue
 *
 * Agent:   the map's id 0 makes it BPF_MAP0 in the shell of an importer:
 *          pytc exec bpf import /tmp/bpf
 *          pytc filter add dev em1 parent 1: bpf obj shaper.o export /tmp/bpf flowid 1:30
 */
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_sched.h>

#include "helpers.h"

#define CLASS(major, minor)	TC_H_MAKE((major) << 16, minor)
#define CLASS_DEFAULT		(-1)

enum queue {
	QUEUE_UDP,
	QUEUE_ICMP,
	QUEUE_OTHER,
	QUEUES,
};

struct bpf_elf_map SEC("maps") map_queue = {
	.type		= BPF_MAP_TYPE_ARRAY,
	.id		= 0,
	.size_key	= sizeof(__u32),
	.size_value	= sizeof(__u64),
	.max_elem	= QUEUES,
	.pinning	= PIN_NONE,
};

static inline enum queue choose(struct __sk_buff *skb)
{
	if (load_half(skb, offsetof(struct ethhdr, h_proto)) != ETH_P_IP)
		return QUEUE_OTHER;

	switch (load_byte(skb, ETH_HLEN + offsetof(struct iphdr, protocol))) {
	case IPPROTO_UDP:
		return QUEUE_UDP;
	case IPPROTO_ICMP:
		return QUEUE_ICMP;
	}
	return QUEUE_OTHER;
}

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	__u32 queue = choose(skb);
	__u64 *packets;

	packets = bpf_map_lookup_elem(&map_queue, &queue);
	if (likely(packets))
		__sync_fetch_and_add(packets, 1);

	/* tc writes classes in hex: 1:10 has the minor number 0x10. */
	switch (queue) {
	case QUEUE_UDP:
		return CLASS(1, 0x10);
	case QUEUE_ICMP:
		return CLASS(1, 0x20);
	}
	return CLASS_DEFAULT;
}

char __license[] SEC("license") = "GPL";
