/* A spin lock in values of which the kernel knows the size alone. */
#include "../common.h"

struct locked {
	struct bpf_spin_lock lock;
	__u32 packets;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__uint(key_size, 4);
	__uint(value_size, sizeof(struct locked));
} totals SEC(".maps");

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	__u32 key = 0;
	struct locked *total = bpf_map_lookup_elem(&totals, &key);

	if (!total)
		return TC_ACT_OK;
	bpf_spin_lock(&total->lock);
	total->packets += 1;
	bpf_spin_unlock(&total->lock);
	return TC_ACT_OK;
}

LICENSE("GPL");
