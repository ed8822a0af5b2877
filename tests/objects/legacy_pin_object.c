/* pytc-test: legacy map in the namespace of the object (1) */
#include "common.h"

struct bpf_elf_map SEC("maps") pinned_object = {
	.type		= BPF_MAP_TYPE_ARRAY,
	.size_key	= sizeof(__u32),
	.size_value	= sizeof(__u64),
	.max_elem	= 4,
	.id		= 3,
	.pinning	= PIN_OBJECT_NS,
};

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	COUNT(pinned_object, 0, 1);
	COUNT(pinned_object, 1, skb->len);
	return -1;
}

LICENSE("GPL");
