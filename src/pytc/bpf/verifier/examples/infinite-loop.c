#include "example.h"
/* wrong */
SEC("tc") int wrong(struct __sk_buff *skb)
{
	volatile __u32 i = 0;

	while (i != skb->len)
		i++;
	return TC_ACT_OK;
}
/* right */
SEC("tc") int right(struct __sk_buff *skb)
{
	__u32 sum = 0;

	for (__u32 i = 0; i < 64; i++) {
		if (i == skb->len)
			break;
		sum += i;
	}
	return sum;
}
/* end */
char _license[] SEC("license") = "GPL";
