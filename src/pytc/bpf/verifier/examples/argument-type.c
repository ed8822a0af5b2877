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
	return bpf_map_lookup_elem(&totals, skb) ? TC_ACT_SHOT : TC_ACT_OK;
}
/* right */
SEC("tc") int right(struct __sk_buff *skb)
{
	__u32 key = skb->mark;

	return bpf_map_lookup_elem(&totals, &key) ? TC_ACT_SHOT : TC_ACT_OK;
}
/* end */
char _license[] SEC("license") = "GPL";
