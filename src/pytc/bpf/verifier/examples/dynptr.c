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
	struct bpf_dynptr record;

	char first[8];

	return bpf_dynptr_read(first, sizeof(first), &record, 0, 0);
}
/* right */
SEC("tc") int right(struct __sk_buff *skb)
{
	struct bpf_dynptr record;
	char first[8];
	int result;

	bpf_ringbuf_reserve_dynptr(&events, 64, 0, &record);
	result = bpf_dynptr_read(first, sizeof(first), &record, 0, 0);
	bpf_ringbuf_discard_dynptr(&record, 0);
	return result;
}
/* end */
char _license[] SEC("license") = "GPL";
