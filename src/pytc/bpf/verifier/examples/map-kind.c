#include "example.h"

struct event {
	__u32 length, mark;
};
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

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
	struct event event = { skb->len, skb->mark };

	bpf_ringbuf_output(&totals, &event, sizeof(event), 0);
	return TC_ACT_OK;
}
/* right */
SEC("tc") int right(struct __sk_buff *skb)
{
	struct event event = { skb->len, skb->mark };

	bpf_ringbuf_output(&events, &event, sizeof(event), 0);
	return TC_ACT_OK;
}
/* end */
char _license[] SEC("license") = "GPL";
