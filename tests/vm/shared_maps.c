/* pytc-test: the classifier and the two actions of tc-bpf(8)'s example, which share their maps */
/*
 * Map "seen" counts what each program saw: slot 0 the classifier, 1 action-mark, 2 action-rand, 3 packets that
 * action-rand saw with the mark that action-mark has set, 4 packets that it dropped: every other one, by the count.
 */
#include "../objects/common.h"

#define MARK 0xb1f

struct bpf_elf_map SEC("maps") seen = {
	.type		= BPF_MAP_TYPE_ARRAY,
	.size_key	= sizeof(__u32),
	.size_value	= sizeof(__u64),
	.max_elem	= 8,
	.id		= 7,
};

/* Packets by mark, in the order of the programs: each adds what it found. */
struct bpf_elf_map SEC("maps") marks = {
	.type		= BPF_MAP_TYPE_HASH,
	.size_key	= sizeof(__u32),
	.size_value	= sizeof(__u64),
	.max_elem	= 16,
	.id		= 8,
	.pinning	= PIN_GLOBAL_NS,
};

static __inline void found(struct __sk_buff *skb)
{
	__u64 one = 1, *count;
	__u32 mark = skb->mark;

	count = bpf_map_lookup_elem(&marks, &mark);
	if (count)
		__sync_fetch_and_add(count, 1);
	else
		bpf_map_update_elem(&marks, &mark, &one, BPF_ANY);
}

SEC("classifier") int classify(struct __sk_buff *skb)
{
	COUNT(seen, 0, 1);
	found(skb);
	return -1;
}

SEC("action-mark") int set_mark(struct __sk_buff *skb)
{
	COUNT(seen, 1, 1);
	skb->mark = MARK;
	return TC_ACT_PIPE;
}

SEC("action-rand") int drop_some(struct __sk_buff *skb)
{
	__u32 two = 2;
	__u64 *count;

	COUNT(seen, 2, 1);
	found(skb);
	if (skb->mark == MARK)
		COUNT(seen, 3, 1);
	count = bpf_map_lookup_elem(&seen, &two);
	if (count && (*count & 1) == 0) {
		COUNT(seen, 4, 1);
		return TC_ACT_SHOT;
	}
	return -1;
}

LICENSE("GPL");
