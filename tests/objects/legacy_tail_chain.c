/* pytc-test: tail calls through two program arrays: each program uses what the one before does not */
/*
 * Returns 4:4, and -1 when a link of the chain is missing: classifier, 1/0, 2/2, 1/1, 2/0.
 * "steps" of the last of them is used by it alone, and so is the second program array by
 * 1/0: whoever loads the classifier only by what it refers to itself misses them.
 */
#include "common.h"

#define JUMPS(name, number)					\
	struct bpf_elf_map SEC("maps") name = {			\
		.type		= BPF_MAP_TYPE_PROG_ARRAY,	\
		.size_key	= sizeof(__u32),		\
		.size_value	= sizeof(__u32),		\
		.max_elem	= 3,				\
		.id		= number,			\
	}

JUMPS(first, 1);
JUMPS(second, 2);

/* Key 0 counts packets that got to the end. */
struct bpf_elf_map SEC("maps") steps = {
	.type		= BPF_MAP_TYPE_ARRAY,
	.size_key	= sizeof(__u32),
	.size_value	= sizeof(__u64),
	.max_elem	= 1,
	.id		= 3,
};

SEC("1/0") int step_one(struct __sk_buff *skb)
{
	bpf_tail_call(skb, &second, 2);
	return -1;
}

SEC("1/1") int step_three(struct __sk_buff *skb)
{
	bpf_tail_call(skb, &second, 0);
	return -1;
}

SEC("2/2") int step_two(struct __sk_buff *skb)
{
	bpf_tail_call(skb, &first, 1);
	return -1;
}

SEC("2/0") int step_four(struct __sk_buff *skb)
{
	COUNT(steps, 0, 1);
	return CLASSID(4, 4);
}

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	bpf_tail_call(skb, &first, 0);
	return -1;
}

LICENSE("GPL");
