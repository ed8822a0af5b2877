/* pytc-test: numbers of maps as enumerators, of 32 and of 64 bits: __ulong of newer libbpf */
/*
 * Returns -2 (ENOENT) for a length that the filter has not seen yet, and 0 for one that it
 * has. "lengths" uses 3 hash functions (map_extra), which the kernel tells.
 */
#include "common.h"

#define __ulong(name, number)	enum { UNIQUE(__COUNTER__) = number } name
#define UNIQUE(number)		UNIQUE_OF(number)
#define UNIQUE_OF(number)	number_ ## number

struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__ulong(max_entries, 64);
	__uint(value_size, sizeof(__u32));
	__ulong(map_extra, 3ULL);
} lengths SEC(".maps");

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	__u32 length = skb->len;
	long found = bpf_map_peek_elem(&lengths, &length);

	bpf_map_push_elem(&lengths, &length, BPF_ANY);
	return found;
}

LICENSE("GPL");
