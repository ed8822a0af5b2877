/* A loop that the verifier sees no end of, one that takes a million steps, and a NULL check that is missing. */
#include "../common.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} gpl_counts SEC(".maps");

/* Without -O2, clang calls it by a register. */
static void *(*lookup)(void *map, const void *key) = (void *)BPF_FUNC_map_lookup_elem;

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	volatile __u32 i = 0;

	while (1) {
		i++;
		if (i == skb->len)
			break;
	}
	return TC_ACT_OK;
}

SEC("tc") int long_loop(struct __sk_buff *skb)
{
	__u32 sum = 0;

	for (__u32 i = 0; i < 1000000; i++)
		sum += skb->len ^ i;
	return sum;
}

SEC("tc") int unchecked(struct __sk_buff *skb)
{
	__u32 key = 0;
	__u64 *gpl_value = lookup(&gpl_counts, &key);

	*gpl_value += 1;
	return TC_ACT_OK;
}

LICENSE("GPL");
