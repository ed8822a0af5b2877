#include "example.h"

struct event {
	__u32 length, mark;
};
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

/* wrong */
SEC("tc") int wrong(struct __sk_buff *skb)
{
	struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event)
		return TC_ACT_OK;
	event[1].length = skb->len;
	bpf_ringbuf_submit(event, 0);
	return TC_ACT_OK;
}
/* right */
SEC("tc") int right(struct __sk_buff *skb)
{
	struct event *event = bpf_ringbuf_reserve(&events, 2 * sizeof(*event), 0);

	if (!event)
		return TC_ACT_OK;
	event[1].length = skb->len;
	bpf_ringbuf_submit(event, 0);
	return TC_ACT_OK;
}
/* end */
char _license[] SEC("license") = "GPL";
