/* pytc-test: a legacy hash of maps, filled at two keys by inner_idx */
/*
 * Returns 3: 1 for the map at key 5, 2 for the one at key 7. "five" counts packets at key
 * 0, "seven" bytes.
 */
#include "common.h"

#define ID_TEMPLATE	9
#define NOWHERE		((__u32)-1)

struct bpf_elf_map SEC("maps") five = {
	.type		= BPF_MAP_TYPE_ARRAY,
	.size_key	= sizeof(__u32),
	.size_value	= sizeof(__u64),
	.max_elem	= 1,
	.id		= ID_TEMPLATE,
	.inner_idx	= 5,
};

struct bpf_elf_map SEC("maps") seven = {
	.type		= BPF_MAP_TYPE_ARRAY,
	.size_key	= sizeof(__u32),
	.size_value	= sizeof(__u64),
	.max_elem	= 1,
	.id		= ID_TEMPLATE,
	.inner_idx	= 7,
};

struct bpf_elf_map SEC("maps") outer = {
	.type		= BPF_MAP_TYPE_HASH_OF_MAPS,
	.size_key	= sizeof(__u32),
	.size_value	= sizeof(__u32),
	.max_elem	= 4,
	.id		= 1,
	.inner_id	= ID_TEMPLATE,
	.inner_idx	= NOWHERE,
};

static __noinline int add(__u32 key, __u64 amount)
{
	__u32 zero = 0;
	__u64 *sum;
	void *map;

	map = bpf_map_lookup_elem(&outer, &key);
	if (!map)
		return 0;
	sum = bpf_map_lookup_elem(map, &zero);
	if (!sum)
		return 0;
	__sync_fetch_and_add(sum, amount);
	return 1;
}

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	return add(5, 1) + 2 * add(7, skb->len);
}

LICENSE("GPL");
