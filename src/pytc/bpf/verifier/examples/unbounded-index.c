#include "example.h"

struct counts {
	__u64 by_kind[8];
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct counts);
} totals SEC(".maps");

/* wrong */
SEC("tc") int wrong(struct __sk_buff *skb)
{
	__u32 key = 0, kind = skb->mark;
	struct counts *counts = bpf_map_lookup_elem(&totals, &key);

	if (!counts)
		return TC_ACT_OK;
	counts->by_kind[kind]++;
	return TC_ACT_OK;
}
/* right */
SEC("tc") int right(struct __sk_buff *skb)
{
	__u32 key = 0, kind = skb->mark;
	struct counts *counts = bpf_map_lookup_elem(&totals, &key);

	if (!counts)
		return TC_ACT_OK;
	if (kind >= 8)
		return TC_ACT_OK;
	counts->by_kind[kind]++;
	return TC_ACT_OK;
}
/* end */
char _license[] SEC("license") = "GPL";
