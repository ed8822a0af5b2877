#include "example.h"
/* wrong */
static __noinline int factorial(volatile int n)
{
	return n < 2 ? 1 : n * factorial(n - 1) + n;
}

SEC("tc") int wrong(struct __sk_buff *skb)
{
	return factorial(skb->mark & 7);
}
/* right */
SEC("tc") int right(struct __sk_buff *skb)
{
	int result = 1;

	for (int n = 2; n < 8; n++)
		result = result * n + n;
	return result;
}
/* end */
char _license[] SEC("license") = "GPL";
