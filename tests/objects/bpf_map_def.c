/* pytc-test: struct bpf_map_def: 20 bytes, the fifth word is flags */
#include "common.h"

struct bpf_map_def {
	unsigned int type;
	unsigned int key_size;
	unsigned int value_size;
	unsigned int max_entries;
	unsigned int map_flags;
};

struct bpf_map_def SEC("maps") flows = {
	.type		= BPF_MAP_TYPE_HASH,
	.key_size	= sizeof(__u32),
	.value_size	= sizeof(__u64),
	.max_entries	= 64,
	.map_flags	= BPF_F_NO_PREALLOC,
};

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	COUNT(flows, skb->protocol, 1);
	return -1;
}

LICENSE("GPL");
