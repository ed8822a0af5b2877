/* pytc-test: refused: a kfunc that the kernel lacks */
#include "common.h"

extern int never_there(struct __sk_buff *skb) __ksym;

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	return never_there(skb);
}

LICENSE("GPL");
