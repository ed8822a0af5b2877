/* pytc-test: CO-RE: elements of arrays, of a flexible one, and members of unnamed structs and unions */
/*
 * Returns the process id in the first pid namespace. In .bss, "seen": RLIMIT_NOFILE soft
 * and hard, comm[0] and comm[3] of the process, the address of its arguments (field 48
 * of /proc/PID/stat) three ways. "offsets": of comm[0], of comm[15], whether comm[16]
 * exists (0: beyond the kernel's array), whether comm[15] does (1).
 */
#include "common.h"
#include "core.h"

struct rlimit {
	unsigned long rlim_max;
	unsigned long rlim_cur;
} KERNEL_TYPE;

struct signal_struct {
	struct rlimit rlim[16];
} KERNEL_TYPE;

struct upid {
	int nr;
} KERNEL_TYPE;

/* One element until v6.5, flexible since. */
struct pid {
	int level;
	struct upid numbers[];
} KERNEL_TYPE;

/* In the kernel these are members of an unnamed struct. */
struct mm_struct {
	unsigned long arg_start;
} KERNEL_TYPE;

/* Here they are in a struct in a union, and in another one. */
struct mm_struct___nested {
	union {
		struct {
			int never_mind;
			unsigned long arg_start;
		};
		long another;
	};
} KERNEL_TYPE;

struct task_struct {
	struct pid *thread_pid;
	char comm[32];
	struct mm_struct *mm;
	struct {
		union {
			struct signal_struct *signal;
		};
	};
} KERNEL_TYPE;

__u64 seen[7];
__u32 offsets[4];

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mm_struct___nested *nested = (void *)task->mm;

	seen[0] = task->signal->rlim[7].rlim_cur;
	seen[1] = READ(READ(task, signal), rlim[7].rlim_max);
	seen[2] = task->comm[0];
	seen[3] = READ(task, comm[3]);
	seen[4] = READ(task->mm, arg_start);
	seen[5] = READ(nested, arg_start);
	seen[6] = READ((struct mm_struct *)READ(task, mm), arg_start);

	offsets[0] = FIELD_OFFSET(task->comm[0]);
	offsets[1] = FIELD_OFFSET(task->comm[15]);
	offsets[2] = FIELD_EXISTS(task->comm[16]);
	offsets[3] = FIELD_EXISTS(task->comm[15]);
	return READ(task->thread_pid, numbers[0].nr);
}

LICENSE("GPL");
