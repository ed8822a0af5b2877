/* pytc-test: a function with more than five arguments */
#include "../common.h"

static __noinline int weigh(__u32 a, __u32 b, __u32 c, __u32 d, __u32 e, __u32 f, __u32 g)
{
	return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g;
}

SEC("tc") int cls_main(struct __sk_buff *skb)
{
	return weigh(skb->len, skb->mark, skb->priority, skb->protocol, skb->hash, skb->tc_index, skb->queue_mapping);
}

LICENSE("GPL");
