/* pytc-test: data in sections of its own: .data.counts and .rodata.limits, beside the usual ones */
/*
 * Returns 1500. In .data.counts "counts" starts with 10, 20, 30 and grows by 1, the length
 * and the length squared; .data "usual" grows by 2 from 5, .bss "zero" by 1.
 */
#include "common.h"

volatile __u64 counts[3] SEC(".data.counts") = { 10, 20, 30 };
const volatile __u32 limit SEC(".rodata.limits") = 1500;
const volatile char unit[] SEC(".rodata.limits") = "bytes";
volatile __u32 usual = 5;
volatile __u32 zero;
const volatile __u32 two = 2;

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	__u32 length = skb->len;

	counts[0] += 1;
	counts[1] += length;
	counts[2] += length * length;
	usual += two;
	zero += 1;
	return limit + unit[5];
}

LICENSE("GPL");
