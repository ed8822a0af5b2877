/* pytc-test: a jump over more instructions than 16 bits count (cpu v4), in a function that is moved */
/*
 * "cls_main" returns 7 times the length, plus 1, "other" twice the length more. With a mark,
 * "sum" grows by 6 for each of "steps", 4096; 16 before cpu v4, which has no such jump.
 */
#include "common.h"

#define TIMES_16(x)	TIMES_4(TIMES_4(x))
#define TIMES_4(x)	x x x x
#if __BPF_CPU_VERSION__ >= 4
#define STEPS		4096
#define REPEAT(x)	TIMES_16(TIMES_16(TIMES_16(x)))
#else
#define STEPS		16
#define REPEAT(x)	TIMES_16(x)
#endif

volatile __u32 sum;
volatile const __u32 steps = STEPS;

static __noinline int twice(__u32 length)
{
	return 2 * length;
}

static __noinline int far(__u32 length, __u32 mark)
{
	if (mark) {
		REPEAT(sum += 1; sum += 2; sum += 3;)
	}
	return twice(length) + 5 * length;
}

static __noinline int behind(__u32 length, __u32 mark)
{
	return far(length, mark) + 1;
}

SEC("tc") int cls_main(struct __sk_buff *skb)
{
	return behind(skb->len, skb->mark) + steps - STEPS;
}

SEC("tc") int other(struct __sk_buff *skb)
{
	return twice(skb->len) + behind(skb->len, skb->mark);
}

LICENSE("GPL");
