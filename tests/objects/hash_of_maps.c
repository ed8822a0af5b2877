/* pytc-test: a hash of maps by a string, which user space fills */
/*
 * Returns 0 when "by_name" has nothing at the name in the packet's first 8 bytes, else the
 * count at key 1 of the map there, which was raised before.
 */
#include "common.h"

struct name {
	char text[8];
};

struct inner {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} template SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 16);
	__type(key, struct name);
	__array(values, struct inner);
} by_name SEC(".maps");

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	__u64 first = 1, *count;
	struct name name = {};
	__u32 key = 1;
	void *map;

	if (bpf_skb_load_bytes(skb, 0, &name, sizeof(name)))
		return -1;
	map = bpf_map_lookup_elem(&by_name, &name);
	if (!map)
		return 0;
	count = bpf_map_lookup_elem(map, &key);
	if (!count) {
		bpf_map_update_elem(map, &key, &first, BPF_ANY);
		return 1;
	}
	__sync_fetch_and_add(count, 1);
	return *count;
}

LICENSE("GPL");
