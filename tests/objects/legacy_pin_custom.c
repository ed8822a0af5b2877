/* pytc-test: legacy map with a pinning of its own (6), a line of bpf_pinning */
#include "common.h"

#define PIN_CUSTOM	6

struct bpf_elf_map SEC("maps") pinned_custom = {
	.type		= BPF_MAP_TYPE_ARRAY,
	.size_key	= sizeof(__u32),
	.size_value	= sizeof(__u64),
	.max_elem	= 4,
	.id		= 3,
	.pinning	= PIN_CUSTOM,
};

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	COUNT(pinned_custom, 0, 1);
	COUNT(pinned_custom, 1, skb->len);
	return -1;
}

LICENSE("GPL");
