/* pytc-test: callbacks of bpf_loop: one within another, shared by two programs */
/*
 * "cls_main" returns the sum of 0 to 99, 4950; "other" that of 0 to 9 plus 1000 times 6
 * rounds of an inner loop, 6045.
 */
#include "common.h"

struct sum {
	int total;
	int rounds;
};

static long add(__u32 number, struct sum *sum)
{
	sum->total += number;
	return 0;
}

static __noinline long inner(__u32 number, struct sum *sum)
{
	sum->rounds += 1;
	return number == 1;
}

static long outer(__u32 number, struct sum *sum)
{
	bpf_loop(10, inner, sum, 0);
	return number == 2;
}

SEC("tc") int cls_main(struct __sk_buff *skb)
{
	struct sum sum = {};

	bpf_loop(100, add, &sum, 0);
	return sum.total;
}

SEC("tc") int other(struct __sk_buff *skb)
{
	struct sum sum = {};

	bpf_loop(10, add, &sum, 0);
	bpf_loop(10, outer, &sum, 0);
	return sum.total + 1000 * sum.rounds;
}

LICENSE("GPL");
