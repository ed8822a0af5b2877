/* pytc-test: refused: a kfunc declared with another number of arguments than the kernel's */
#include "common.h"

extern void *bpf_cast_to_kern_ctx(void *context, int extra, int more) __ksym;

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	return bpf_cast_to_kern_ctx(skb, 1, 2) != 0;
}

LICENSE("GPL");
