#include "example.h"
/* wrong */
SEC("tc") int wrong(struct __sk_buff *skb)
{
	volatile char seen[8] = {};
	__u32 kind = skb->mark;

	seen[kind] = 1;
	return seen[0];
}
/* right */
SEC("tc") int right(struct __sk_buff *skb)
{
	volatile char seen[8] = {};
	__u32 kind = skb->mark;

	if (kind >= sizeof(seen))
		return TC_ACT_OK;
	seen[kind] = 1;
	return seen[0];
}
/* end */
char _license[] SEC("license") = "GPL";
