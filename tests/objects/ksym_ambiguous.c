/* pytc-test: refused: a ksym without a type that /proc/kallsyms has more than once */
#include "common.h"

extern const void s_show __ksym;

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	return (__u64)&s_show & 1;
}

LICENSE("GPL");
