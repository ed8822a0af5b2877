/*
 * Maps shared by two filters: only replies come in.
 *
 *   egress   records the destination address of each packet in "map_peers"
 *   ingress  passes IP packets from those addresses and drops others; counts
 *            passed (0) and dropped (1) ones in "map_answers"
 *
 * Two commands add the filters. They share the maps because these are pinned:
 * "map_peers" for this object file (PIN_OBJECT_NS; the directory is named
 * after the SHA-1 of the file), "map_answers" for all (PIN_GLOBAL_NS).
 *
 * Build:   clang -O2 -g -target bpf -mcpu=v2 -I/usr/include/$(uname -m)-linux-gnu \
 *                -c shared.c -o shared.o
 *
 * Attach:  pytc qdisc add dev em1 clsact
 *          pytc filter add dev em1 egress bpf da obj shared.o sec egress
 *          pytc filter add dev em1 ingress bpf da obj shared.o sec ingress
 *
 * Read:    pytc map dump name map_peers keytype ip6
 *          pytc map dump pinned m:globals/map_answers
 */
#include <linux/pkt_cls.h>

#include "flow.h"

#define ICMP6_NEIGHBOUR	135	/* solicitation; 136 is the advertisement */

/* An IPv4 address is the last of the words. */
struct address {
	__be32 words[4];
};

enum answer {
	LET_IN,
	DROPPED,
	ANSWERS,
};

struct bpf_elf_map SEC("maps") map_peers = {
	.type		= BPF_MAP_TYPE_LRU_HASH,
	.id		= 0,
	.size_key	= sizeof(struct address),
	.size_value	= sizeof(__u64),
	.max_elem	= 4096,
	.pinning	= PIN_OBJECT_NS,
};

struct bpf_elf_map SEC("maps") map_answers = {
	.type		= BPF_MAP_TYPE_ARRAY,
	.id		= 1,
	.size_key	= sizeof(__u32),
	.size_value	= sizeof(__u64),
	.max_elem	= ANSWERS,
	.pinning	= PIN_GLOBAL_NS,
};
MAP_TYPES(map_answers, __u32, __u64);

/* Neighbours must find each other: ARP is not IP, its counterpart in IPv6 is. */
static __always_inline int finds_neighbours(struct __sk_buff *skb, struct flow *flow)
{
	__u8 type = 0;

	if (flow->protocol != IPPROTO_ICMPV6 || flow->later_fragment)
		return 0;
	bpf_skb_load_bytes(skb, flow->transport, &type, sizeof(type));
	return type == ICMP6_NEIGHBOUR || type == ICMP6_NEIGHBOUR + 1;
}

SEC("egress") int note_peer(struct __sk_buff *skb)
{
	__u64 one = 1, *packets;
	struct address peer;
	struct flow flow;

	if (dissect(skb, &flow) || finds_neighbours(skb, &flow))
		return TC_ACT_OK;
	__builtin_memcpy(&peer, flow.destination, sizeof(peer));
	packets = bpf_map_lookup_elem(&map_peers, &peer);
	if (packets)
		__sync_fetch_and_add(packets, 1);
	else
		bpf_map_update_elem(&map_peers, &peer, &one, BPF_ANY);
	return TC_ACT_OK;
}

SEC("ingress") int answers_only(struct __sk_buff *skb)
{
	struct address peer;
	struct flow flow;
	__u64 *packets;
	__u32 answer;

	if (dissect(skb, &flow) || finds_neighbours(skb, &flow))
		return TC_ACT_OK;
	__builtin_memcpy(&peer, flow.source, sizeof(peer));
	answer = bpf_map_lookup_elem(&map_peers, &peer) ? LET_IN : DROPPED;
	packets = bpf_map_lookup_elem(&map_answers, &answer);
	if (likely(packets))
		__sync_fetch_and_add(packets, 1);
	return answer == LET_IN ? TC_ACT_OK : TC_ACT_SHOT;
}

char __license[] SEC("license") = "GPL";
