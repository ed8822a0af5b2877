/* pytc-test: templates of maps of maps: a named struct, one inline; slots out of order, a hash filled by key */
/*
 * Returns the sum of what is found: 1 for slot 0 of "named", 2 for slot 2 of it, 4 for
 * slot 3 of "unnamed", 8 for key 1 of "by_key": 15. "filled" at key 0 counts runs.
 */
#include "common.h"

struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} filled SEC(".maps"), filled_too SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 3);
	__type(key, __u32);
	__array(values, struct inner);
} named SEC(".maps") = {
	.values = {
		[2] = &filled_too,
		[0] = &filled,
	},
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(key_size, 4);
	__uint(value_size, 8);
} small_hash SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 4);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
	__array(values, struct {
		__uint(type, BPF_MAP_TYPE_HASH);
		__uint(max_entries, 16);
		__uint(map_flags, BPF_F_NO_PREALLOC);
		__uint(key_size, 4);
		__uint(value_size, 8);
	});
} unnamed SEC(".maps") = {
	.values = { [3] = (void *)&small_hash },
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 4);
	__type(key, __u32);
	__array(values, struct inner);
} by_key SEC(".maps") = {
	.values = { [1] = &filled },
};

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	__u32 slot, found = 0;

	slot = 0;
	if (bpf_map_lookup_elem(&named, &slot))
		found |= 1;
	slot = 2;
	if (bpf_map_lookup_elem(&named, &slot))
		found |= 2;
	slot = 3;
	if (bpf_map_lookup_elem(&unnamed, &slot))
		found |= 4;
	slot = 1;
	if (bpf_map_lookup_elem(&by_key, &slot))
		found |= 8;
	COUNT(filled, 0, 1);
	return found;
}

LICENSE("GPL");
