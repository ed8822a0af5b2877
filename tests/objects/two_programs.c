/* pytc-test: two programs, neither in the default section */
#include "common.h"

SEC("first") int cls_first(struct __sk_buff *skb)
{
	return skb->len ? CLASSID(1, 1) : 0;
}

SEC("second") int cls_second(struct __sk_buff *skb)
{
	return skb->len ? CLASSID(1, 2) : 0;
}

LICENSE("GPL");
