/* pytc-test: a weak global function, called, and one called by nobody */
/* Returns the packet's length + 3 * 5. */
#include "common.h"

__weak int times_three(int number)
{
	asm volatile("" : "+r"(number));
	return 3 * number;
}

__weak int unused_one(struct __sk_buff *skb)
{
	return skb->mark;
}

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	return skb->len + times_three(5);
}

LICENSE("GPL");
