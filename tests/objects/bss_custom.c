/* pytc-test: a .bss section of its own */
/*
 * Returns the number of runs, "runs" in .bss.counts; "lengths" there has the length of the
 * last packet at index 3, "usual" in .bss has it as well.
 */
#include "common.h"

volatile __u32 runs SEC(".bss.counts");
volatile __u32 lengths[4] SEC(".bss.counts");
volatile __u32 usual;

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	lengths[3] = skb->len;
	usual = skb->len;
	return ++runs;
}

LICENSE("GPL");
