/* pytc-test: CO-RE: relocations in functions in .text, called several times by two programs */
/*
 * "one" returns 2 * tgid + pid + ppid, "two" returns tgid + 3 * pid. "calls" in .bss
 * counts calls of the innermost function.
 */
#include "common.h"
#include "core.h"

struct task_struct {
	struct task_struct *real_parent;
	int pid;
	int tgid;
} KERNEL_TYPE;

__u64 calls;

static __noinline int tgid_of(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	__sync_fetch_and_add(&calls, 1);
	return task->tgid;
}

static __noinline int pid_of(int times)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return times * task->pid;
}

__noinline int parent_of(struct __sk_buff *skb)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return task->real_parent->tgid + (skb->len == 0);
}

static __noinline int both(int times)
{
	return tgid_of() + pid_of(times);
}

SEC("tc") int one(struct __sk_buff *skb)
{
	return both(1) + tgid_of() + parent_of(skb);
}

SEC("tc") int two(struct __sk_buff *skb)
{
	return both(2) + pid_of(1);
}

LICENSE("GPL");
