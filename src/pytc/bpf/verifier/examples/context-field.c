#include "example.h"
/* wrong */
SEC("tc") int wrong(struct __sk_buff *skb)
{
	skb->len = 64;
	return TC_ACT_OK;
}
/* right */
SEC("tc") int right(struct __sk_buff *skb)
{
	skb->mark = 64;
	return TC_ACT_OK;
}
/* end */
char _license[] SEC("license") = "GPL";
