/* pytc-test: one program, not in the default section */
#include "common.h"

SEC("mycls") int cls_main(struct __sk_buff *skb)
{
	return skb->len ? -1 : 0;
}

LICENSE("GPL");
