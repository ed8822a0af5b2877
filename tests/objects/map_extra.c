/* pytc-test: map_extra: a bloom filter with two hash functions */
/* Returns 0 when the packet's length was seen before, -2 (ENOENT) the first time. */
#include "common.h"

struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__uint(max_entries, 1000);
	__uint(map_extra, 2);
	__type(value, __u32);
} lengths SEC(".maps");

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	__u32 length = skb->len;
	int seen = bpf_map_peek_elem(&lengths, &length);

	bpf_map_push_elem(&lengths, &length, BPF_ANY);
	return seen;
}

LICENSE("GPL");
