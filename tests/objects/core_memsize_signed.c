/* pytc-test: refused: CO-RE: a signed field of another width: the load cannot be changed rightly */
#include "common.h"
#include "core.h"

struct task_struct {
	long tgid;			/* int there */
} KERNEL_TYPE;

__u64 seen;

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	struct task_struct *task = bpf_get_current_task_btf();

	seen = task->tgid;
	return 0;
}

LICENSE("GPL");
