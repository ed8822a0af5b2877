/* pytc-test: the other half; its static variable and function have the names of those of one.c */
/* "cls_two" returns what helper() says, 4, and counts at key 1 of "shared". */
#include "../common.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} shared SEC(".maps");

int threshold = 5;
volatile int level = 6;

static volatile __u32 own = 3;

static __noinline int local(void)
{
	return own + 1;
}

__noinline int chosen(void)
{
	return 7;
}

__noinline int helper(void)
{
	return local();
}

SEC("tc") int cls_two(struct __sk_buff *skb)
{
	COUNT(shared, 1, skb->len);
	return helper();
}

LICENSE("GPL");
