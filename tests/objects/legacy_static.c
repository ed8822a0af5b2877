/* pytc-test: static legacy maps: relocations against the section, with an offset */
#include "common.h"

static struct bpf_elf_map SEC("maps") map_first = {
	.type		= BPF_MAP_TYPE_ARRAY,
	.size_key	= sizeof(__u32),
	.size_value	= sizeof(__u64),
	.max_elem	= 2,
	.id		= 11,
};

static struct bpf_elf_map SEC("maps") map_second = {
	.type		= BPF_MAP_TYPE_HASH,
	.size_key	= sizeof(__u32),
	.size_value	= sizeof(__u64),
	.max_elem	= 32,
	.id		= 12,
};

static struct bpf_elf_map SEC("maps") map_third = {
	.type		= BPF_MAP_TYPE_ARRAY,
	.size_key	= sizeof(__u32),
	.size_value	= sizeof(__u64),
	.max_elem	= 4,
	.id		= 13,
};

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	COUNT(map_third, 3, 1);
	COUNT(map_first, 1, skb->len);
	COUNT(map_second, skb->protocol, 1);
	return -1;
}

LICENSE("GPL");
