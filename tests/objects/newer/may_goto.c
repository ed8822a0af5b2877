/* pytc-test: a loop that the verifier cannot see the end of, left by may_goto */
/*
 * Wants clang 19 or later, and Linux 6.9. Returns the sum of the bytes' numbers,
 * 0 + 1 + ... + 59 for 60 bytes, 1770; the loop is in a function that is moved.
 */
#include "../common.h"

static __noinline int sum(__u32 length)
{
	__u32 at, result = 0;

	for (at = 0; at < length; at++) {
		asm volatile goto("may_goto %l[out]" :::: out);
		result += at;
	}
out:
	return result;
}

SEC("tc") int other(struct __sk_buff *skb)
{
	return sum(skb->mark);
}

SEC("tc") int cls_main(struct __sk_buff *skb)
{
	return sum(skb->len);
}

LICENSE("GPL");
