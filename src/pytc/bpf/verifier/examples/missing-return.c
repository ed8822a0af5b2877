#include "example.h"
/* wrong */
SEC("tc") int wrong(struct __sk_buff *skb)
{
	if (skb->len < 60)
		asm volatile("exit");
	return TC_ACT_OK;
}
/* right */
SEC("tc") int right(struct __sk_buff *skb)
{
	return TC_ACT_OK;
}
/* end */
char _license[] SEC("license") = "GPL";
