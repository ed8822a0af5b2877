/* pytc-test: weak kfuncs that the kernel lacks, used behind a question */
/* Returns the packet's length + 65536 times a sum: 1 for the known kfunc, 2 for an unknown one. */
#include "common.h"
#include "core.h"

struct sk_buff {
	unsigned int len;
} KERNEL_TYPE;

extern void *bpf_cast_to_kern_ctx(void *context) __ksym __weak;
extern int never_there(struct __sk_buff *skb, int number) __ksym __weak;
extern void never_there_either(void) __ksym __weak;

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	int sum = 0, length = skb->len;
	struct sk_buff *buffer;

	if (bpf_cast_to_kern_ctx) {
		buffer = bpf_cast_to_kern_ctx(skb);
		length = buffer->len;
		sum |= 1;
	}
	if (never_there)
		sum |= never_there(skb, 7) ? 2 : 4;
	if (never_there_either) {
		never_there_either();
		sum |= 2;
	}
	return sum * 65536 + length;
}

LICENSE("GPL");
