#include "example.h"

struct total {
	struct bpf_spin_lock lock;
	__u32 packets;
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct total);
} totals SEC(".maps");

/* wrong */
SEC("tc") int wrong(struct __sk_buff *skb)
{
	__u32 key = 0;
	struct total *total = bpf_map_lookup_elem(&totals, &key);

	if (!total)
		return TC_ACT_OK;
	bpf_spin_lock(&total->lock);
	if (++total->packets > 100)
		return TC_ACT_SHOT;
	bpf_spin_unlock(&total->lock);
	return TC_ACT_OK;
}
/* right */
SEC("tc") int right(struct __sk_buff *skb)
{
	__u32 key = 0, packets;
	struct total *total = bpf_map_lookup_elem(&totals, &key);

	if (!total)
		return TC_ACT_OK;
	bpf_spin_lock(&total->lock);
	packets = ++total->packets;
	bpf_spin_unlock(&total->lock);
	return packets > 100 ? TC_ACT_SHOT : TC_ACT_OK;
}
/* end */
char _license[] SEC("license") = "GPL";
