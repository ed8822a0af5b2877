/* pytc-test: global functions, which the verifier looks at one by one, by their BTF */
/* Returns the packet's length + 2 * 7 + 21 + 1 if it is shorter than 65: 100 for 64 bytes. */
#include "common.h"

struct pair {
	int first;
	int second;
};

__noinline int length_of(struct __sk_buff *skb)
{
	return skb->len;
}

/* The verifier wants a pointer's size from BTF, and a check. */
__noinline int product(const struct pair *pair)
{
	if (!pair)
		return 0;
	return pair->first * pair->second;
}

__noinline int sum_to(int last)
{
	int sum = 0;

	for (int i = 0; i <= last && i < 100; i++) {
		asm volatile("" : "+r"(sum));
		sum += i;
	}
	return sum;
}

/* Its result may be anything, whatever is known of the argument. */
__noinline int is_short(__u32 length)
{
	return length < 65;
}

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	struct pair pair = { .first = 2, .second = 7 };

	asm volatile("" : : "r"(&pair) : "memory");
	return length_of(skb) + product(&pair) + sum_to(6) + is_short(skb->len);
}

LICENSE("GPL");
