/* pytc-test: string constants, equal ones, tables of strings, in .rodata.str1.1 and .rodata */
/*
 * Returns the sum of the characters that the mark picks: "alpha", "beta", "gamma" or
 * "delta" at mark & 3 of the table, character (mark >> 2) & 7, plus that of "zebra!!". For
 * mark 0 that is 97 + 122, for mark 5 (beta, 1) it is 101 + 101.
 */
#include "common.h"

static const char names[5][8] = { "alpha", "beta", "gamma", "delta", "epsilon" };
const char greeting[] = "a global string";

char copied[16];

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	__u32 name = skb->mark & 3, letter = skb->mark >> 2 & 7;
	const char *literal = "zebra!!";

	asm volatile("" : "+r"(literal));
	for (int i = 0; i < sizeof(greeting); i++)
		((volatile char *)copied)[i] = greeting[i];
	return names[name][letter] + literal[letter];
}

LICENSE("GPL");
