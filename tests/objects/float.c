/* pytc-test: BTF of floating-point numbers, in a map's value and in a variable that programs leave alone */
/* Returns the packet's length; the value at key 0 has it as "count", "ratio" is for user space. */
#include "common.h"

struct share {
	double ratio;
	float weight;
	__u32 count;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct share);
} shares SEC(".maps");

volatile double threshold = 0.75;

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	struct share *share;
	__u32 key = 0;

	share = bpf_map_lookup_elem(&shares, &key);
	if (share)
		share->count = skb->len;
	return skb->len;
}

LICENSE("GPL");
