/* pytc-test: CO-RE: bit fields, by copy and by a load of the right width */
/*
 * Returns 1 when sched_setscheduler() was told SCHED_RESET_ON_FORK, 0 when not. In .bss,
 * "seen": that by copy, by load; is_child_subreaper of prctl(2) by copy, by load.
 */
#include "common.h"
#include "core.h"

struct signal_struct {
	unsigned has_child_subreaper:1;
	unsigned is_child_subreaper:1;
} KERNEL_TYPE;

struct task_struct {
	unsigned sched_reset_on_fork:1;
	struct signal_struct *signal;
} KERNEL_TYPE;

__u64 seen[4];

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct signal_struct *signal = task->signal;

	seen[0] = READ_BITS(task, sched_reset_on_fork);
	seen[1] = LOAD_BITS(task, sched_reset_on_fork);
	seen[2] = READ_BITS(signal, is_child_subreaper);
	seen[3] = LOAD_BITS(signal, is_child_subreaper);
	return seen[1];
}

LICENSE("GPL");
