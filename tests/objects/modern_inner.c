/* pytc-test: a BTF map of maps with a template and static values */
#include "common.h"

struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} inner_one SEC(".maps"), inner_two SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 4);
	__type(key, __u32);
	__array(values, struct inner);
} outer SEC(".maps") = {
	.values = {
		[1] = &inner_one,
		[3] = &inner_two,
	},
};

/* The template need not be a map of the object. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 8);
	__uint(key_size, sizeof(__u32));
	__array(values, struct {
		__uint(type, BPF_MAP_TYPE_HASH);
		__uint(max_entries, 16);
		__type(key, __u32);
		__type(value, __u32);
	});
} outer_empty SEC(".maps");

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	__u32 slot = skb->mark & 1 ? 1 : 3, key = 1;
	__u64 *count;
	void *map;

	if (bpf_map_lookup_elem(&outer_empty, &slot))
		return TC_ACT_SHOT;

	map = bpf_map_lookup_elem(&outer, &slot);
	if (!map)
		return TC_ACT_SHOT;
	count = bpf_map_lookup_elem(map, &key);
	if (count)
		__sync_fetch_and_add(count, 1);
	return TC_ACT_OK;
}

LICENSE("GPL");
