#include "example.h"
/* wrong */
SEC("tc") int wrong(struct __sk_buff *skb)
{
	asm volatile("goto +1; r1 = 5"); /* nothing jumps to the second one */
	return TC_ACT_OK;
}
/* right */
SEC("tc") int right(struct __sk_buff *skb)
{
	return TC_ACT_OK;
}
/* end */
char _license[] SEC("license") = "GPL";
