/* pytc-test: static variables in functions, several of the same name */
/* Returns the number of its runs times 1000 + 5 more for each run from 100 on: 1105, 2110. */
#include "common.h"

static __noinline int step(void)
{
	static volatile __u32 count = 100;		/* .data */

	count += 5;
	return count;
}

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	static volatile __u32 count;			/* .bss */
	static const volatile __u32 factor = 1000;	/* .rodata */

	count++;
	return count * factor + step();
}

SEC("classifier") int second(struct __sk_buff *skb)
{
	static volatile __u32 count = 7;		/* .data */

	return ++count;
}

LICENSE("GPL");
