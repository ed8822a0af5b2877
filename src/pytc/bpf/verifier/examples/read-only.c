#include "example.h"

const volatile __u32 limit = 64;
__u32 packets;
/* wrong */
SEC("tc") int wrong(struct __sk_buff *skb)
{
	*(volatile __u32 *)&limit = skb->len;
	return TC_ACT_OK;
}
/* right */
SEC("tc") int right(struct __sk_buff *skb)
{
	packets++;
	return skb->len > limit ? TC_ACT_SHOT : TC_ACT_OK;
}
/* end */
char _license[] SEC("license") = "GPL";
