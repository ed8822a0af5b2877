#include "example.h"

static __noinline int half(int number)
{
	return number >> 1;
}

/* wrong */
SEC("tc") int wrong(struct __sk_buff *skb)
{
	int (*function)(int) = (void *)(long)skb->mark;

	return function(skb->len);
}
/* right */
SEC("tc") int right(struct __sk_buff *skb)
{
	return half(skb->len);
}
/* end */
char _license[] SEC("license") = "GPL";
