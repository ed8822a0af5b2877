/* pytc-test: legacy maps of maps: template by inner_id, filled by inner_idx */
#include "common.h"

#define ID_FILLED	42
#define ID_TEMPLATE	43
#define NOWHERE		((__u32)-1)

/* Becomes slot 2 of "outer". */
struct bpf_elf_map SEC("maps") inner = {
	.type		= BPF_MAP_TYPE_ARRAY,
	.size_key	= sizeof(__u32),
	.size_value	= sizeof(__u64),
	.max_elem	= 1,
	.id		= ID_FILLED,
	.inner_idx	= 2,
};

struct bpf_elf_map SEC("maps") outer = {
	.type		= BPF_MAP_TYPE_ARRAY_OF_MAPS,
	.size_key	= sizeof(__u32),
	.size_value	= sizeof(__u32),
	.max_elem	= 4,
	.id		= 10,
	.inner_id	= ID_FILLED,
	.inner_idx	= NOWHERE,
};

/* Only the template of "outer_empty", which stays empty. */
struct bpf_elf_map SEC("maps") template = {
	.type		= BPF_MAP_TYPE_ARRAY,
	.size_key	= sizeof(__u32),
	.size_value	= sizeof(__u64),
	.max_elem	= 1,
	.id		= ID_TEMPLATE,
	.inner_idx	= NOWHERE,
};

struct bpf_elf_map SEC("maps") outer_empty = {
	.type		= BPF_MAP_TYPE_HASH_OF_MAPS,
	.size_key	= sizeof(__u32),
	.size_value	= sizeof(__u32),
	.max_elem	= 4,
	.id		= 11,
	.inner_id	= ID_TEMPLATE,
	.inner_idx	= NOWHERE,
};

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	__u32 slot = 2, key = 0;
	void *map;
	__u64 *count;

	map = bpf_map_lookup_elem(&outer, &slot);
	if (!map)
		return 0;
	count = bpf_map_lookup_elem(map, &key);
	if (count)
		__sync_fetch_and_add(count, skb->len);

	if (bpf_map_lookup_elem(&outer_empty, &slot))
		return 0;
	return -1;
}

LICENSE("GPL");
