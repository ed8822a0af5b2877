#include "example.h"
/* wrong */
SEC("tc") int wrong(struct __sk_buff *skb)
{
	char buffer[64] = {};
	__u32 size = skb->mark;

	bpf_skb_load_bytes(skb, 0, buffer, size);
	return buffer[12];
}
/* right */
SEC("tc") int right(struct __sk_buff *skb)
{
	char buffer[64] = {};
	__u64 size = skb->mark;

	if (size == 0)
		return TC_ACT_OK;
	asm volatile("" : "+r"(size)); /* or clang compares once, after a subtraction */
	if (size > sizeof(buffer))
		return TC_ACT_OK;
	bpf_skb_load_bytes(skb, 0, buffer, size);
	return buffer[12];
}
/* end */
char _license[] SEC("license") = "GPL";
