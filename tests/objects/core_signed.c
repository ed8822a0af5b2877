/* pytc-test: CO-RE: fields with a sign, and one whose width is changed, by loads that keep the sign (cpu v4) */
/*
 * Returns oom_score_adj of this task (short) plus 1000. In .bss, "seen": that without the
 * 1000, the task's exit_signal (int; -1 in a thread that is not the first), the same from
 * a function in .text, and the type of the loopback device, 772, declared as u32 where
 * the kernel has u16 and taken for a number with sign. Before cpu v4 the sign comes from
 * shifts.
 */
#include "common.h"
#include "core.h"

struct net_device {
	__u32 type;			/* unsigned short there */
} KERNEL_TYPE;

struct net {
	struct net_device *loopback_dev;
} KERNEL_TYPE;

struct nsproxy {
	struct net *net_ns;
} KERNEL_TYPE;

struct signal_struct {
	short oom_score_adj;
} KERNEL_TYPE;

struct task_struct {
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	int exit_signal;
} KERNEL_TYPE;

long long seen[4];

static __noinline long long exit_signal(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return task->exit_signal;
}

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct net_device *lo = task->nsproxy->net_ns->loopback_dev;

	seen[0] = task->signal->oom_score_adj;
	seen[1] = task->exit_signal;
	seen[2] = exit_signal();
	seen[3] = (int)lo->type;
	return seen[0] + 1000;
}

LICENSE("GPL");
