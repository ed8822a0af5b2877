/* pytc-test: tail calls by section names in hex: capitals, leading zeros, a large id */
/*
 * Returns 1:a when all of them are found: the program goes through slots 0xA, 0x0b and 12.
 * Without those, -1. "hits" counts at keys 0, 1, 2 and 3 the programs entered.
 */
#include "common.h"

#define JUMP_ID	0xabccba

struct bpf_elf_map SEC("maps") jumps = {
	.type		= BPF_MAP_TYPE_PROG_ARRAY,
	.size_key	= sizeof(__u32),
	.size_value	= sizeof(__u32),
	.max_elem	= 16,
	.id		= JUMP_ID,
};

struct bpf_elf_map SEC("maps") hits = {
	.type		= BPF_MAP_TYPE_ARRAY,
	.size_key	= sizeof(__u32),
	.size_value	= sizeof(__u64),
	.max_elem	= 4,
	.id		= 1,
};

SEC("0xabccba/0xA") int ten(struct __sk_buff *skb)
{
	COUNT(hits, 1, 1);
	bpf_tail_call(skb, &jumps, 11);
	return -1;
}

SEC("0XABCCBA/0x0b") int eleven(struct __sk_buff *skb)
{
	COUNT(hits, 2, 1);
	bpf_tail_call(skb, &jumps, 12);
	return -1;
}

/* The same id: 11259066. */
SEC("11259066/0xc") int twelve(struct __sk_buff *skb)
{
	COUNT(hits, 3, 1);
	return CLASSID(1, 10);
}

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	COUNT(hits, 0, 1);
	bpf_tail_call(skb, &jumps, 10);
	return -1;
}

LICENSE("GPL");
