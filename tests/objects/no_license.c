/* pytc-test: no license section */
#include "common.h"

struct bpf_elf_map SEC("maps") counter = {
	.type		= BPF_MAP_TYPE_ARRAY,
	.size_key	= sizeof(__u32),
	.size_value	= sizeof(__u64),
	.max_elem	= 1,
};

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	COUNT(counter, 0, skb->len);
	return -1;
}
