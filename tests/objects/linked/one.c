/* pytc-test: half of an object; the linker of bpftool puts it together with two.c */
/*
 * "cls_one" returns 1000 * what chosen() says + 100 * "level" + 10 * "threshold" +
 * helper(): 7654 with two.c's definitions, which are strong. "shared" counts at key 0.
 */
#include "../common.h"

extern struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} shared __attribute__((section(".maps")));

extern int threshold;
extern int helper(void);

/* Weak: two.c has the strong ones. */
volatile int level __weak = 1;
__weak __noinline int chosen(void)
{
	return 1;
}

static volatile __u32 own = 4;

static __noinline int local(void)
{
	return own - 4;
}

SEC("tc") int cls_one(struct __sk_buff *skb)
{
	COUNT(shared, 0, 1);
	return 1000 * chosen() + 100 * level + 10 * threshold + helper() + local();
}

LICENSE("GPL");
