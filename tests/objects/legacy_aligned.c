/* pytc-test: legacy maps that an attribute sets further apart than they are long */
/* Counts bytes at key 1 of "counts" and packets at key 0 of "last". */
#include "common.h"

#define APART	__attribute__((aligned(64)))

struct bpf_elf_map SEC("maps") apart APART = {
	.type		= BPF_MAP_TYPE_HASH,
	.size_key	= sizeof(__u32),
	.size_value	= sizeof(__u64),
	.max_elem	= 16,
	.id		= 1,
	.pinning	= PIN_NONE,
};

struct bpf_elf_map SEC("maps") counts APART = {
	.type		= BPF_MAP_TYPE_ARRAY,
	.size_key	= sizeof(__u32),
	.size_value	= sizeof(__u64),
	.max_elem	= 2,
	.id		= 2,
	.pinning	= PIN_NONE,
};

struct bpf_elf_map SEC("maps") last APART = {
	.type		= BPF_MAP_TYPE_ARRAY,
	.size_key	= sizeof(__u32),
	.size_value	= sizeof(__u64),
	.max_elem	= 1,
	.id		= 3,
	.pinning	= PIN_NONE,
};

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	COUNT(apart, skb->protocol, 1);
	COUNT(counts, 1, skb->len);
	COUNT(last, 0, 1);
	return -1;
}

LICENSE("GPL");
