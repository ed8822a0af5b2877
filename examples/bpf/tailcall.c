/*
 * Tail calls in two steps, through two program arrays.
 *
 * A section "ID/KEY" holds a program for slot KEY of the program array with
 * that id, decimal or hex. The loader fills the slots.
 *
 *   classifier     calls slot 4 or 6 of "map_versions" (IP version)
 *   0x2a/4, 0x2a/6 call a slot of "map_protocols", by the IP protocol
 *   43/1, 43/17    count and drop ICMP, count UDP
 *
 * An empty slot is not an error: the program continues after the call.
 * "map_steps" counts how far packets got: 0 all, 1 IPv4, 2 IPv6, 3 ICMP, 4
 * UDP, 5 no program in the slot.
 *
 * The kernel empties a program array that nobody holds, so they are pinned.
 *
 * Build:   clang -O2 -g -target bpf -mcpu=v2 -I/usr/include/$(uname -m)-linux-gnu \
 *                -c tailcall.c -o tailcall.o
 *
 * Attach:  pytc qdisc add dev em1 clsact
 *          pytc filter add dev em1 ingress bpf da obj tailcall.o
 *
 * Read:    pytc map dump pinned m:globals/map_steps
 *          pytc map dump pinned m:globals/map_protocols
 */
#include <linux/pkt_cls.h>

#include "flow.h"

enum step {
	STEP_START,
	STEP_IPV4,
	STEP_IPV6,
	STEP_ICMP,
	STEP_UDP,
	STEP_NO_PROGRAM,
	STEPS,
};

struct bpf_elf_map SEC("maps") map_versions = {
	.type		= BPF_MAP_TYPE_PROG_ARRAY,
	.id		= 0x2a,
	.size_key	= sizeof(__u32),
	.size_value	= sizeof(__u32),
	.max_elem	= 16,
	.pinning	= PIN_GLOBAL_NS,
};

struct bpf_elf_map SEC("maps") map_protocols = {
	.type		= BPF_MAP_TYPE_PROG_ARRAY,
	.id		= 43,
	.size_key	= sizeof(__u32),
	.size_value	= sizeof(__u32),
	.max_elem	= 256,
	.pinning	= PIN_GLOBAL_NS,
};

struct bpf_elf_map SEC("maps") map_steps = {
	.type		= BPF_MAP_TYPE_ARRAY,
	.id		= 1,
	.size_key	= sizeof(__u32),
	.size_value	= sizeof(__u64),
	.max_elem	= STEPS,
	.pinning	= PIN_GLOBAL_NS,
};
MAP_TYPES(map_steps, __u32, __u64);

static __always_inline void count(__u32 step)
{
	__u64 *packets = bpf_map_lookup_elem(&map_steps, &step);

	if (likely(packets))
		__sync_fetch_and_add(packets, 1);
}

SEC("43/1") int drop_icmp(struct __sk_buff *skb __unused)
{
	count(STEP_ICMP);
	return TC_ACT_SHOT;
}

SEC("43/17") int pass_udp(struct __sk_buff *skb __unused)
{
	count(STEP_UDP);
	return TC_ACT_OK;
}

SEC("0x2a/4") int ipv4(struct __sk_buff *skb)
{
	__u8 protocol = 0;

	count(STEP_IPV4);
	bpf_skb_load_bytes(skb, ETH_HLEN + offsetof(struct iphdr, protocol), &protocol, sizeof(protocol));
	bpf_tail_call(skb, &map_protocols, protocol);
	count(STEP_NO_PROGRAM);
	return TC_ACT_OK;
}

SEC("0x2a/6") int ipv6(struct __sk_buff *skb)
{
	__u8 protocol = 0;

	count(STEP_IPV6);
	bpf_skb_load_bytes(skb, ETH_HLEN + offsetof(struct ipv6hdr, nexthdr), &protocol, sizeof(protocol));
	bpf_tail_call(skb, &map_protocols, protocol);
	count(STEP_NO_PROGRAM);
	return TC_ACT_OK;
}

SEC("classifier") int start(struct __sk_buff *skb)
{
	__u8 version = 0;

	count(STEP_START);
	bpf_skb_load_bytes(skb, ETH_HLEN, &version, sizeof(version));
	if (skb->protocol == net16(ETH_P_IP) || skb->protocol == net16(ETH_P_IPV6))
		bpf_tail_call(skb, &map_versions, version >> 4);
	count(STEP_NO_PROGRAM);
	return TC_ACT_OK;
}

char __license[] SEC("license") = "GPL";
