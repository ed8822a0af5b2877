/*
 * XDP in front of everything else: counts what arrives in IPv4 packets, and
 * lets them pass or not.
 */
#include "common.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} arrived SEC(".maps");

const volatile int verdict = 2;	/* XDP_PASS */

SEC("xdp")
int all(struct xdp_md *xdp)
{
	__u8 *start = (void *)(long)xdp->data, *end = (void *)(long)xdp->data_end;
	__u64 *sum;
	__u32 zero = 0;

	if (start + 14 > end || start[12] != 8 || start[13] != 0)
		return 2;
	sum = bpf_map_lookup_elem(&arrived, &zero);
	if (sum)
		__sync_fetch_and_add(sum, 1);
	return verdict;
}

LICENSE("GPL");
