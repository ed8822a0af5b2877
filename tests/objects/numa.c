/* pytc-test: maps on a NUMA node */
/* Returns 1. Both maps are on node 0: the hash says so, the array as well, by flag alone. */
#include "common.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__uint(map_flags, BPF_F_NUMA_NODE);
	__uint(numa_node, 0);
	__type(key, __u32);
	__type(value, __u64);
} on_node SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 8);
	__uint(map_flags, BPF_F_NUMA_NODE);
	__type(key, __u32);
	__type(value, __u64);
} by_flag SEC(".maps");

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	COUNT(on_node, 1, 1);
	COUNT(by_flag, 1, 1);
	return 1;
}

LICENSE("GPL");
