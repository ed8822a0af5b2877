/* pytc-test: refused: a table of pointers to strings: relocations in .rodata, and no map holds an address */
#include "common.h"

static const char *const volatile names[4] = { "alpha", "beta", "gamma", "delta" };

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	return names[skb->mark & 3][0];
}

LICENSE("GPL");
