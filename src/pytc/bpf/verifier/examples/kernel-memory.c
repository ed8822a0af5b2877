#include "example.h"

struct task_struct {
	int pid;
} __core;
/* wrong */
SEC("tc") int wrong(struct __sk_buff *skb)
{
	struct task_struct *task = bpf_get_current_task_btf();

	task->pid = 1;
	return TC_ACT_OK;
}
/* right */
SEC("tc") int right(struct __sk_buff *skb)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return task->pid == 1;
}
/* end */
char _license[] SEC("license") = "GPL";
