/* pytc-test: a static function that lies in the section of the programs */
#include "common.h"

__u64 calls;

static __noinline int far_away(struct __sk_buff *skb)
{
	__sync_fetch_and_add(&calls, 1000);
	return skb->mark;
}

SEC("tc") int before(struct __sk_buff *skb)
{
	return skb->len == 0 ? TC_ACT_SHOT : TC_ACT_OK;
}

static __noinline SEC("tc") int local(struct __sk_buff *skb)
{
	__sync_fetch_and_add(&calls, 1);
	return far_away(skb) + skb->len;
}

SEC("tc") int after(struct __sk_buff *skb)
{
	return local(skb) + local(skb) == -1 ? TC_ACT_SHOT : TC_ACT_OK;
}

LICENSE("GPL");
