/* pytc-test: CO-RE: a field, a type and an enumerator that the kernel lacks, used behind a question */
/*
 * Returns the process id (tgid). In .bss, "seen" is 0 all over: load, copy, offset, size
 * of the missing field, size of the missing type, value of the missing enumerator,
 * field of the missing type.
 */
#include "common.h"
#include "core.h"

struct task_struct {
	int tgid;
	__u64 never_there;
} KERNEL_TYPE;

struct never_there {
	__u64 field;
} KERNEL_TYPE;

enum never_there___kind {
	NEVER_THERE = 5,
};

enum bpf_map_type___short {
	BPF_MAP_TYPE_NEVER_THERE = 6,
};

__u64 seen[7];

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct never_there *nothing = (void *)task;

	if (FIELD_EXISTS(task->never_there)) {
		seen[0] = task->never_there;
		seen[1] = READ(task, never_there);
		seen[2] = FIELD_OFFSET(task->never_there) + 1;
		seen[3] = FIELD_SIZE(task->never_there) + 1;
	}
	if (TYPE_EXISTS(struct never_there)) {
		seen[4] = TYPE_SIZE(struct never_there) + 1;
		seen[6] = READ(nothing, field) + 1;
	}
	if (ENUM_EXISTS(enum bpf_map_type___short, BPF_MAP_TYPE_NEVER_THERE))
		seen[5] = ENUM_VALUE(enum bpf_map_type___short, BPF_MAP_TYPE_NEVER_THERE);
	if (ENUM_EXISTS(enum never_there___kind, NEVER_THERE))
		seen[5] = ENUM_VALUE(enum never_there___kind, NEVER_THERE);
	return task->tgid;
}

LICENSE("GPL");
