/* pytc-test: refused: a global function that reads through a pointer unchecked; the verifier's log names it */
#include "common.h"

__noinline int first_of(const int *number)
{
	return *number;
}

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	int number = skb->len;

	return first_of(&number);
}

LICENSE("GPL");
