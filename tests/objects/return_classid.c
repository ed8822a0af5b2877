/* pytc-test: a legacy classifier that returns the class 1:20 */
#include "common.h"

struct bpf_elf_map SEC("maps") chosen = {
	.type		= BPF_MAP_TYPE_ARRAY,
	.size_key	= sizeof(__u32),
	.size_value	= sizeof(__u64),
	.max_elem	= 1,
};

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	COUNT(chosen, 0, skb->len);
	return CLASSID(1, 0x20);
}

LICENSE("GPL");
