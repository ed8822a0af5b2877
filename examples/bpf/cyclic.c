/*
 * A program that calls itself.
 *
 * "0xabccba/0" is in slot 0 of the program array with id 0xabccba, and tail-
 * calls that slot. The kernel limits this: a packet has 33 tail calls (32 on
 * some kernels before 5.17); the next one does nothing, and the program
 * continues after it. Tail calls preserve skb->cb: its first word counts the
 * rounds of a packet. "map_rounds" counts packets (0) and rounds (1), and
 * has the maximum rounds of a packet (2).
 *
 * Build:   clang -O2 -g -target bpf -mcpu=v2 -I/usr/include/$(uname -m)-linux-gnu \
 *                -c cyclic.c -o cyclic.o
 *
 * Attach:  pytc qdisc add dev em1 clsact
 *          pytc filter add dev em1 egress bpf da obj cyclic.o
 *
 * Read:    pytc map dump pinned m:globals/map_rounds
 */
#include <linux/pkt_cls.h>

#include "helpers.h"

#define MAP_ID_CYCLE	0xabccba

enum slot {
	PACKETS,
	ROUNDS,
	MOST_ROUNDS_OF_A_PACKET,
	SLOTS,
};

struct bpf_elf_map SEC("maps") map_cycle = {
	.type		= BPF_MAP_TYPE_PROG_ARRAY,
	.id		= MAP_ID_CYCLE,
	.size_key	= sizeof(__u32),
	.size_value	= sizeof(__u32),
	.max_elem	= 1,
	.pinning	= PIN_OBJECT_NS,
};

struct bpf_elf_map SEC("maps") map_rounds = {
	.type		= BPF_MAP_TYPE_ARRAY,
	.id		= 0,
	.size_key	= sizeof(__u32),
	.size_value	= sizeof(__u64),
	.max_elem	= SLOTS,
	.pinning	= PIN_GLOBAL_NS,
};
MAP_TYPES(map_rounds, __u32, __u64);

static __always_inline __u64 *slot(__u32 key)
{
	return bpf_map_lookup_elem(&map_rounds, &key);
}

SEC("0xabccba/0") int again(struct __sk_buff *skb)
{
	__u64 *rounds = slot(ROUNDS), *most = slot(MOST_ROUNDS_OF_A_PACKET);

	skb->cb[0] += 1;
	if (likely(rounds))
		__sync_fetch_and_add(rounds, 1);
	if (likely(most) && *most < skb->cb[0])
		*most = skb->cb[0];
	bpf_tail_call(skb, &map_cycle, 0);
	return TC_ACT_OK;
}

SEC("classifier") int begin(struct __sk_buff *skb)
{
	__u64 *packets = slot(PACKETS);

	if (likely(packets))
		__sync_fetch_and_add(packets, 1);
	skb->cb[0] = 0;
	bpf_tail_call(skb, &map_cycle, 0);
	return TC_ACT_OK;
}

char __license[] SEC("license") = "GPL";
