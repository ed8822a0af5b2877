/*
 * Programs replaced while packets run through them.
 *
 * The classifier only tail-calls slot 0 of "map_policy", which is pinned.
 * "pytc exec bpf graft" puts one of the other two there, atomically:
 *
 *   pass   counts the packet and passes it
 *   drop   counts the packet, and drops it if it is IP
 *
 * While the slot is empty, packets pass uncounted. The array and the
 * counters ("map_verdicts": 0 passed, 1 dropped) are pinned, so a program
 * loaded later uses the same ones.
 *
 * Build:   clang -O2 -g -target bpf -mcpu=v2 -I/usr/include/$(uname -m)-linux-gnu \
 *                -c graft.c -o graft.o
 *
 * Attach:  pytc qdisc add dev em1 clsact
 *          pytc filter add dev em1 ingress bpf da obj graft.o
 *          pytc exec bpf graft m:globals/map_policy key 0 obj graft.o sec drop
 *          pytc exec bpf graft m:globals/map_policy key 0 obj graft.o sec pass
 *
 * Read:    pytc map dump pinned m:globals/map_verdicts
 *          pytc map delete pinned m:globals/map_policy key 0
 */
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>

#include "helpers.h"

enum verdict {
	PASSED,
	DROPPED,
	VERDICTS,
};

struct bpf_elf_map SEC("maps") map_policy = {
	.type		= BPF_MAP_TYPE_PROG_ARRAY,
	.id		= 0,
	.size_key	= sizeof(__u32),
	.size_value	= sizeof(__u32),
	.max_elem	= 1,
	.pinning	= PIN_GLOBAL_NS,
};

struct bpf_elf_map SEC("maps") map_verdicts = {
	.type		= BPF_MAP_TYPE_ARRAY,
	.id		= 1,
	.size_key	= sizeof(__u32),
	.size_value	= sizeof(__u64),
	.max_elem	= VERDICTS,
	.pinning	= PIN_GLOBAL_NS,
};
MAP_TYPES(map_verdicts, __u32, __u64);

static __always_inline void count(__u32 verdict)
{
	__u64 *packets = bpf_map_lookup_elem(&map_verdicts, &verdict);

	if (likely(packets))
		__sync_fetch_and_add(packets, 1);
}

SEC("pass") int pass_all(struct __sk_buff *skb __unused)
{
	count(PASSED);
	return TC_ACT_OK;
}

SEC("drop") int drop_ip(struct __sk_buff *skb)
{
	if (skb->protocol != net16(ETH_P_IP) && skb->protocol != net16(ETH_P_IPV6)) {
		count(PASSED);
		return TC_ACT_OK;
	}
	count(DROPPED);
	return TC_ACT_SHOT;
}

SEC("classifier") int by_policy(struct __sk_buff *skb)
{
	bpf_tail_call(skb, &map_policy, 0);
	return TC_ACT_OK;
}

char __license[] SEC("license") = "GPL";
