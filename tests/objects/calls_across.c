/* pytc-test: calls from a program into .text, into another section, and back into .text */
/* "cls_main" returns 3 times the packet's length + 1000, "far" twice the length + 1000. */
#include "common.h"

__noinline int twice(int number)
{
	asm volatile("" : "+r"(number));
	return 2 * number;
}

SEC("far/away") __noinline int far(struct __sk_buff *skb)
{
	return twice(skb->len) + 1000;
}

SEC("tc") int cls_main(struct __sk_buff *skb)
{
	return far(skb) + twice(skb->len) - skb->len;
}

LICENSE("GPL");
