/* pytc-test: fields of the context of a test run, changed and returned */
#include "common.h"

SEC("tc") int cls_main(struct __sk_buff *skb)
{
	skb->mark++;
	skb->cb[0] = 42;
	return 0;
}

SEC("tc") int device(struct __sk_buff *skb)
{
	return skb->ifindex;
}

LICENSE("GPL");
