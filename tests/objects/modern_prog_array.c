/* pytc-test: a BTF program array with static values */
#include "common.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} hits SEC(".maps");

SEC("tc") int target_one(struct __sk_buff *skb)
{
	COUNT(hits, 1, 1);
	return skb->len ? TC_ACT_SHOT : TC_ACT_OK;
}

SEC("tc") int target_three(struct __sk_buff *skb)
{
	COUNT(hits, 3, 1);
	return skb->len ? TC_ACT_PIPE : TC_ACT_OK;
}

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 5);
	__uint(key_size, sizeof(__u32));
	__array(values, int(struct __sk_buff *));
} jumps SEC(".maps") = {
	.values = {
		[1] = &target_one,
		[3] = &target_three,
	},
};

/* Odd marks go to slot 1, even ones to slot 3, past the empty slot 0. */
SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	COUNT(hits, 0, 1);
	bpf_tail_call(skb, &jumps, 0);
	if (skb->mark & 1)
		bpf_tail_call(skb, &jumps, 1);
	else
		bpf_tail_call(skb, &jumps, 3);
	return TC_ACT_OK;
}

LICENSE("GPL");
