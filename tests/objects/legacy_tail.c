/* pytc-test: tail calls into sections ID/KEY, hex and decimal, one of them with an id that no map has */
#include "common.h"

#define JMP_ID	0x2a

struct bpf_elf_map SEC("maps") jmp = {
	.type		= BPF_MAP_TYPE_PROG_ARRAY,
	.size_key	= sizeof(__u32),
	.size_value	= sizeof(__u32),
	.max_elem	= 8,
	.id		= JMP_ID,
};

/* Entered: 0 the classifier, 1 slot 3, 2 slot 5; 3 counts calls that failed. */
struct bpf_elf_map SEC("maps") hits = {
	.type		= BPF_MAP_TYPE_ARRAY,
	.size_key	= sizeof(__u32),
	.size_value	= sizeof(__u64),
	.max_elem	= 4,
	.id		= 1,
};

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	COUNT(hits, 0, 1);
	bpf_tail_call(skb, &jmp, 3);
	COUNT(hits, 3, 1);
	bpf_tail_call(skb, &jmp, 5);
	COUNT(hits, 3, 1);
	return -1;
}

SEC("0x2a/3") int slot_three(struct __sk_buff *skb)
{
	COUNT(hits, 1, 1);
	bpf_tail_call(skb, &jmp, 5);
	COUNT(hits, 3, 1);
	return CLASSID(1, 3);
}

SEC("42/5") int slot_five(struct __sk_buff *skb)
{
	COUNT(hits, 2, 1);
	return CLASSID(1, 5) + (skb->len == 0);
}

SEC("7/0") int nowhere(struct __sk_buff *skb)
{
	return CLASSID(7, skb->len & 1);
}

LICENSE("GPL");
