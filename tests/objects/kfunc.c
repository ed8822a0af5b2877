/* pytc-test: kfuncs: called from the program, from a function in .text, and from a second program */
/*
 * "cls_main" and "second" return the packet's length, as the kernel's sk_buff has it.
 * "calls" in .bss counts calls from .text.
 */
#include "common.h"
#include "core.h"

struct sk_buff {
	unsigned int len;
} KERNEL_TYPE;

extern void *bpf_cast_to_kern_ctx(void *context) __ksym;
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;

__u64 calls;

static __noinline int length_of(struct __sk_buff *skb)
{
	struct sk_buff *buffer = bpf_cast_to_kern_ctx(skb);

	__sync_fetch_and_add(&calls, 1);
	return buffer->len;
}

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	struct sk_buff *buffer;
	int length;

	bpf_rcu_read_lock();
	buffer = bpf_cast_to_kern_ctx(skb);
	length = buffer->len;
	bpf_rcu_read_unlock();
	return length_of(skb) == length ? length : -1;
}

SEC("classifier") int second(struct __sk_buff *skb)
{
	return length_of(skb);
}

LICENSE("GPL");
