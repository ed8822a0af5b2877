/* pytc-test: a function of hidden visibility: the loader makes it static in the BTF it hands on */
/* Returns the packet's length. As a global function it would be refused: see global_func_bad.c. */
#include "common.h"

__hidden __noinline int first_of(const int *number)
{
	return *number;
}

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	int number = skb->len;

	return first_of(&number);
}

LICENSE("GPL");
