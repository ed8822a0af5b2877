#include "example.h"
/* wrong */
SEC("tc") int wrong(struct __sk_buff *skb)
{
	__u32 sum = 0;

	for (__u32 i = 0; i < 1000000; i++)
		sum += skb->len ^ i;
	return sum;
}
/* right */
SEC("tc") int right(struct __sk_buff *skb)
{
	__u32 sum = 0;

	for (__u32 i = 0; i < 1000; i++)
		sum += skb->len ^ i;
	return sum;
}
/* end */
char _license[] SEC("license") = "GPL";
