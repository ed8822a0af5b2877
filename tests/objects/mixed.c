/* pytc-test: a legacy map and a BTF map in one object */
#include "common.h"

struct bpf_elf_map SEC("maps") old_map = {
	.type		= BPF_MAP_TYPE_ARRAY,
	.size_key	= sizeof(__u32),
	.size_value	= sizeof(__u64),
	.max_elem	= 2,
	.id		= 5,
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 3);
	__type(key, __u32);
	__type(value, __u64);
} new_map SEC(".maps");

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	COUNT(old_map, 1, 1);
	COUNT(new_map, 2, skb->len);
	return -1;
}

LICENSE("GPL");
