/* pytc-test: static functions as callbacks of bpf_for_each_map_elem */
/*
 * Returns the sum of the elements of "numbers" up to and with the first 0; before that,
 * element 0 is set to the packet's length. "visited" in .bss counts elements, in all.
 */
#include "common.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 6);
	__type(key, __u32);
	__type(value, __u32);
} numbers SEC(".maps");

struct sum {
	int total;
};

__u64 visited;

static long count(void *map, const __u32 *key, __u32 *number, void *context)
{
	__sync_fetch_and_add(&visited, 1);
	return 0;
}

static long add(void *map, const __u32 *key, __u32 *number, struct sum *sum)
{
	sum->total += *number;
	return *number == 0;
}

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	struct sum sum = {};
	__u32 first = 0, length = skb->len;

	bpf_map_update_elem(&numbers, &first, &length, BPF_ANY);
	bpf_for_each_map_elem(&numbers, count, 0, 0);
	bpf_for_each_map_elem(&numbers, add, &sum, 0);
	return sum.total;
}

LICENSE("GPL");
