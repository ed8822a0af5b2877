/*
 * Statistics per packet mark, and a class per mark.
 *
 * The classifier of tc-bpf(8): packets leave with skb->mark set to 0..255,
 * say by a container. Counts packets and bytes of each mark in the array map
 * "map_stats", and uses the mark as minor number of the class: 0xffff:mark,
 * the value of TC_H_MAKE(TC_H_ROOT, mark). A larger mark is no match (0), and
 * the next filter gets the packet.
 *
 * Build:   clang -O2 -g -target bpf -mcpu=v2 -I/usr/include/$(uname -m)-linux-gnu \
 *                -c mark_stats.c -o mark_stats.o
 *
 * Attach:  pytc qdisc add dev em1 root handle 1: htb
 *          pytc filter add dev em1 parent 1: bpf obj mark_stats.o sec cls
 *
 * Read:    the map has PIN_GLOBAL_NS, so it outlives the command:
 *          pytc map dump pinned m:globals/map_stats valuetype '{u64 packets, u64 bytes}'
 *
 * Agent:   its id 1 makes the map BPF_MAP1 in the shell of an importer:
 *          pytc exec bpf import /tmp/bpf
 *          pytc filter add dev em1 parent 1: bpf obj mark_stats.o sec cls export /tmp/bpf
 */
#include <linux/pkt_sched.h>

#include "helpers.h"

#define MAP_ID_STATS	1
#define MARKS		256

struct tuple {
	__u64 packets;
	__u64 bytes;
};

struct bpf_elf_map SEC("maps") map_stats = {
	.type		= BPF_MAP_TYPE_ARRAY,
	.id		= MAP_ID_STATS,
	.size_key	= sizeof(__u32),
	.size_value	= sizeof(struct tuple),
	.max_elem	= MARKS,
	.pinning	= PIN_GLOBAL_NS,
};

SEC("cls") int cls_main(struct __sk_buff *skb)
{
	__u32 mark = skb->mark;
	struct tuple *stats;

	if (unlikely(mark >= MARKS))
		return 0;

	stats = bpf_map_lookup_elem(&map_stats, &mark);
	if (likely(stats)) {
		__sync_fetch_and_add(&stats->packets, 1);
		__sync_fetch_and_add(&stats->bytes, skb->len);
	}

	return TC_H_MAKE(TC_H_ROOT, mark);
}

char __license[] SEC("license") = "GPL";
