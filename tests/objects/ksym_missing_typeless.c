/* pytc-test: refused: a ksym without a type that the kernel lacks */
#include "common.h"

extern const void never_there __ksym;

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	return (__u64)&never_there & 1;
}

LICENSE("GPL");
