#include "example.h"

struct flow {
	__u32 source;
	__u16 port; /* two bytes of padding follow */
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, struct flow);
	__type(value, __u64);
} flows SEC(".maps");

/* wrong */
SEC("tc") int wrong(struct __sk_buff *skb)
{
	struct flow flow;

	flow.source = skb->mark;
	flow.port = skb->priority;
	return bpf_map_lookup_elem(&flows, &flow) ? TC_ACT_SHOT : TC_ACT_OK;
}
/* right */
SEC("tc") int right(struct __sk_buff *skb)
{
	struct flow flow;

	__builtin_memset(&flow, 0, sizeof(flow));
	flow.source = skb->mark;
	flow.port = skb->priority;
	return bpf_map_lookup_elem(&flows, &flow) ? TC_ACT_SHOT : TC_ACT_OK;
}
/* end */
char _license[] SEC("license") = "GPL";
