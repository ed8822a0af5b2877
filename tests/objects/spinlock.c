/* pytc-test: a spin lock in the value of a hash: the kernel wants the value's BTF */
#include "common.h"

struct locked {
	struct bpf_spin_lock lock;
	__u32 packets;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, struct locked);
} totals SEC(".maps");

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	struct locked first = {}, *total;
	__u32 key = skb->protocol;

	total = bpf_map_lookup_elem(&totals, &key);
	if (!total) {
		bpf_map_update_elem(&totals, &key, &first, BPF_NOEXIST);
		total = bpf_map_lookup_elem(&totals, &key);
		if (!total)
			return TC_ACT_OK;
	}
	bpf_spin_lock(&total->lock);
	total->packets += 1;
	total->bytes += skb->len;
	bpf_spin_unlock(&total->lock);
	return TC_ACT_OK;
}

LICENSE("GPL");
