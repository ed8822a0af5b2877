/*
 * One hop less: decrements the time to live of IPv4 packets like a router.
 *
 * Drops a packet with a TTL of 1 or 0; decrements the TTL of any other and
 * updates the header checksum. Section "forgetful" does the same with an easy
 * mistake: it does not update the checksum, which no verifier notices, but a
 * test with captured packets does.
 *
 * For direct-action.
 *
 * Build:   clang -O2 -g -target bpf -mcpu=v2 -I/usr/include/$(uname -m)-linux-gnu \
 *                -c next_hop.c -o next_hop.o
 *
 * Test:    pytc prog run obj next_hop.o pcap ../packets/hops.pcap expect OK,SHOT,OK \
 *               expect-pcap ../packets/hops-less.pcap
 *
 * Attach:  tc qdisc add dev em1 clsact
 *          pytc filter add dev em1 ingress bpf da obj next_hop.o
 */
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>

#include "helpers.h"

static long (*const bpf_skb_store_bytes)(void *skb, __u32 offset, const void *from,
					 __u32 len, __u64 flags) =
	(void *)BPF_FUNC_skb_store_bytes;
static long (*const bpf_l3_csum_replace)(void *skb, __u32 offset, __u64 from,
					 __u64 to, __u64 size) =
	(void *)BPF_FUNC_l3_csum_replace;

#define TTL_AT		(ETH_HLEN + offsetof(struct iphdr, ttl))
#define CHECKSUM_AT	(ETH_HLEN + offsetof(struct iphdr, check))

/* TTL and protocol are one of the 16-bit words that the checksum adds up. */
struct hops {
	__u8 ttl;
	__u8 protocol;
};

static inline __u16 word_of(struct hops hops)
{
	union {
		struct hops hops;
		__u16 word;
	} both = { .hops = hops };

	return both.word;
}

static inline int one_less(struct __sk_buff *skb, int has_checksum)
{
	struct hops before, after;

	if (skb->protocol != net16(ETH_P_IP))
		return TC_ACT_OK;
	if (bpf_skb_load_bytes(skb, TTL_AT, &before, sizeof(before)))
		return TC_ACT_OK;
	if (before.ttl <= 1)
		return TC_ACT_SHOT;

	after = before;
	after.ttl--;
	if (has_checksum && bpf_l3_csum_replace(skb, CHECKSUM_AT, word_of(before),
						word_of(after), sizeof(__u16)))
		return TC_ACT_SHOT;
	if (bpf_skb_store_bytes(skb, TTL_AT, &after, sizeof(after), 0))
		return TC_ACT_SHOT;
	return TC_ACT_OK;
}

SEC("classifier") int next_hop(struct __sk_buff *skb)
{
	return one_less(skb, 1);
}

SEC("forgetful") int no_checksum(struct __sk_buff *skb)
{
	return one_less(skb, 0);
}

char __license[] SEC("license") = "GPL";
