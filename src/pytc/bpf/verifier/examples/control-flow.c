#include "example.h"
/* wrong */
SEC("tc") int wrong(struct __sk_buff *skb)
{
	asm volatile("goto +100");
	return TC_ACT_OK;
}
/* right */
SEC("tc") int right(struct __sk_buff *skb)
{
	asm volatile("goto +0");
	return TC_ACT_OK;
}
/* end */
char _license[] SEC("license") = "GPL";
