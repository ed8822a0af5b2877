/* pytc-test: helpers behind questions to the kernel, and helpers that only look so */
/*
 * Each program calls a helper, and returns 1 where it does: bpf_ktime_get_boot_ns, which
 * Linux 5.8 brought, if nobody says otherwise. What an older kernel says of each program
 * is in tests/guarded.py.
 */
#include "common.h"
#include "core.h"

#define KERNEL_VERSION(a, b)	((a) << 16 | (b) << 8)
#ifndef HELPER
#define HELPER		ktime_get_boot_ns
#define HELPER_NUMBER	125
#define HELPER_SINCE	KERNEL_VERSION(5, 8)
#endif
#define ENUMERATOR(name)	ENUMERATOR_OF(name)
#define ENUMERATOR_OF(name)	BPF_FUNC_ ## name ## ___new

extern unsigned int LINUX_KERNEL_VERSION __kconfig;
extern _Bool CONFIG_NEVER_THERE __kconfig __weak;
extern int never_there(void) __ksym __weak;

enum bpf_func_id___new {
	ENUMERATOR(HELPER) = HELPER_NUMBER,
	BPF_FUNC_never_there___new = 9999,
};

struct never___there {
	int member;
} KERNEL_TYPE;

struct task_struct {
	int pid;
	int never_there;
} KERNEL_TYPE;

static __u64 (*const helper)(void) = (void *)HELPER_NUMBER;

#define NEW_ENOUGH	(LINUX_KERNEL_VERSION >= HELPER_SINCE)
#define HAS_HELPER	ENUM_EXISTS(enum bpf_func_id___new, ENUMERATOR(HELPER))

static __noinline int asks(void)
{
	return HAS_HELPER ? 1 : 0;
}

static __noinline int uses(int may)
{
	return may ? helper() > 0 : 0;
}

SEC("tc") int by_helper(struct __sk_buff *skb)
{
	if (HAS_HELPER)
		return helper() > 0;
	return 0;
}

SEC("tc") int by_version(struct __sk_buff *skb)
{
	if (!NEW_ENOUGH)
		return 0;
	return helper() > 0;
}

SEC("tc") int by_type(struct __sk_buff *skb)
{
	return TYPE_EXISTS(struct never___there) ? helper() > 0 : 0;
}

SEC("tc") int by_field(struct __sk_buff *skb)
{
	if (skb->len > 1 && FIELD_EXISTS(MEMBER(struct task_struct, never_there)))
		return helper() > 0;
	return 0;
}

SEC("tc") int by_setting(struct __sk_buff *skb)
{
	return CONFIG_NEVER_THERE ? helper() > 0 : 0;
}

SEC("tc") int by_symbol(struct __sk_buff *skb)
{
	if (never_there)
		return never_there() + (helper() > 0);
	return 0;
}

SEC("tc") int by_either(struct __sk_buff *skb)
{
	if (HAS_HELPER || NEW_ENOUGH)
		return helper() > 0;
	return 0;
}

SEC("tc") int in_functions(struct __sk_buff *skb)
{
	return uses(asks());
}

/* The question is about something else. */
SEC("tc") int besides(struct __sk_buff *skb)
{
	int known = HAS_HELPER;

	return (helper() > 0) + 0 * known;
}

/* One of two calls is not guarded. */
SEC("tc") int twice(struct __sk_buff *skb)
{
	__u64 sum = 0;

	if (HAS_HELPER)
		sum = helper();
	if (skb->len > 14)
		sum += helper();
	return sum > 0;
}

/* The wrong way round. */
SEC("tc") int otherwise(struct __sk_buff *skb)
{
	if (!TYPE_EXISTS(struct never___there))
		return helper() > 0;
	return 0;
}

/* Called with and without. */
SEC("tc") int once_without(struct __sk_buff *skb)
{
	return uses(asks()) + uses(skb->len);
}

LICENSE("GPL");
