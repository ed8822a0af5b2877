/* pytc-test: CO-RE: several flavours of one type, for a field that had another name */
/*
 * Returns 1 when the kernel has the new name (v5.5: start_boottime), 2 for the old one
 * (real_start_time), 3 for neither. In .bss, "started": nanoseconds from boot to the
 * start of the process, "ids": pid and tgid, each by a flavour of its own.
 */
#include "common.h"
#include "core.h"

struct task_struct {
	__u64 start_boottime;
} KERNEL_TYPE;

struct task_struct___before_5_5 {
	__u64 real_start_time;
} KERNEL_TYPE;

struct task_struct___one {
	char unused;
	int pid;
} KERNEL_TYPE;

struct task_struct___two {
	int tgid;
} KERNEL_TYPE;

__u64 started;
__u32 ids[2];

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	void *current = bpf_get_current_task_btf();
	struct task_struct___before_5_5 *old = current;
	struct task_struct___one *one = current;
	struct task_struct___two *two = current;
	struct task_struct *task = current;

	ids[0] = one->pid;
	ids[1] = two->tgid;
	if (FIELD_EXISTS(task->start_boottime)) {
		started = task->start_boottime;
		return 1;
	}
	if (FIELD_EXISTS(old->real_start_time)) {
		started = old->real_start_time;
		return 2;
	}
	return 3;
}

LICENSE("GPL");
