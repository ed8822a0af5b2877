/* pytc-test: functions in .text, static and global, nested and called again, by two programs of one section */
#include "common.h"

__u64 calls;

static __noinline int leaf(struct __sk_buff *skb, int by)
{
	__sync_fetch_and_add(&calls, 1);
	return skb->len * by;
}

static __noinline int middle(struct __sk_buff *skb, int by)
{
	return leaf(skb, by + 1) + leaf(skb, by + 2);
}

__noinline int global_leaf(struct __sk_buff *skb)
{
	__sync_fetch_and_add(&calls, 100);
	return skb->ifindex;
}

/* Calls one that comes later in the section. */
__noinline int global_first(struct __sk_buff *skb);

__noinline int global_outer(struct __sk_buff *skb)
{
	return middle(skb, skb->mark) + global_leaf(skb) + global_first(skb);
}

__noinline int global_first(struct __sk_buff *skb)
{
	return leaf(skb, 5) + global_leaf(skb);
}

/* Called by nobody. */
__noinline int orphan(struct __sk_buff *skb)
{
	return skb->len + skb->mark;
}

SEC("tc") int one(struct __sk_buff *skb)
{
	return global_outer(skb) + leaf(skb, 2) == -1 ? TC_ACT_SHOT : TC_ACT_OK;
}

SEC("tc") int two(struct __sk_buff *skb)
{
	return leaf(skb, 7) + middle(skb, 1) + global_first(skb) + leaf(skb, 9) == -1 ?
		TC_ACT_SHOT : TC_ACT_OK;
}

LICENSE("GPL");
