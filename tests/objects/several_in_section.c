/* pytc-test: three programs in one section */
#include "common.h"

SEC("tc") int pass(struct __sk_buff *skb)
{
	return skb->len ? TC_ACT_OK : TC_ACT_UNSPEC;
}

SEC("tc") int shoot(struct __sk_buff *skb)
{
	return skb->len ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

SEC("tc") int pipe(struct __sk_buff *skb)
{
	return skb->len ? TC_ACT_PIPE : TC_ACT_UNSPEC;
}

LICENSE("GPL");
