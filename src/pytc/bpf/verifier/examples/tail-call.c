#include "example.h"

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 2);
	__uint(key_size, 4);
	__uint(value_size, 4);
} next SEC(".maps");

/* wrong */
static __noinline int continue_later(struct __sk_buff *skb)
{
	bpf_tail_call(skb, &next, 1);
	return skb->len;
}

SEC("tc") int wrong(struct __sk_buff *skb)
{
	char room[300];

	room[0] = skb->len;
	KEEP(room);
	return continue_later(skb) + room[0];
}
/* right */
SEC("tc") int right(struct __sk_buff *skb)
{
	bpf_tail_call(skb, &next, 1);
	return TC_ACT_OK;
}
/* end */
char _license[] SEC("license") = "GPL";
