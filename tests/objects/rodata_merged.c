/* pytc-test: a constant of 32 bytes in .rodata.cst32, which clang 14's BTF says is in .rodata */
/*
 * Returns the character that the mark picks: "alpha", "beta", "gamma" or "delta" at mark &
 * 3, character (mark >> 2) & 7; 97 for mark 0, 101 for mark 5. "greeting" is copied into
 * .bss. The kernel refuses the BTF of clang 14, since two variables share an offset.
 */
#include "common.h"

static const char names[4][8] = { "alpha", "beta", "gamma", "delta" };
const char greeting[] = "a global string";

char copied[16];

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	for (int i = 0; i < sizeof(greeting); i++)
		((volatile char *)copied)[i] = greeting[i];
	return names[skb->mark & 3][skb->mark >> 2 & 7];
}

LICENSE("GPL");
