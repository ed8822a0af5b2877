/* pytc-test: refused: CO-RE: a field that the kernel lacks, without a question first */
#include "common.h"
#include "core.h"

struct task_struct {
	int tgid;
	__u64 never_there;
} KERNEL_TYPE;

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return task->never_there + task->tgid;
}

LICENSE("GPL");
