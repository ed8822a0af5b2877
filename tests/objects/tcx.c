/*
 * For the order of programs: each counts the IPv4 packets that it meets by
 * their mark, and appends its digit to the mark, so that a mark is the way
 * that a packet has come.
 */
#include "common.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
} ways SEC(".maps");

const volatile __u32 digit = 0;
const volatile int verdict = -1;

SEC("tcx/ingress")
int in(struct __sk_buff *skb)
{
	__u32 mark = skb->mark;
	__u64 one = 1, *sum;

	if (skb->protocol != net16(0x0800))
		return -1;
	sum = bpf_map_lookup_elem(&ways, &mark);
	if (sum)
		__sync_fetch_and_add(sum, 1);
	else
		bpf_map_update_elem(&ways, &mark, &one, 0);
	skb->mark = mark * 10 + digit;
	return verdict;
}

/* Nothing else than on with the next one. */
SEC("tcx/egress")
int out(struct __sk_buff *skb)
{
	(void)skb;
	return -1;
}

LICENSE("GPL");
