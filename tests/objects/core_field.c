/* pytc-test: CO-RE: fields of task_struct, net and net_device, by load and by copy */
/*
 * Returns the process id (tgid) of who runs it. In .bss, "seen": tgid, pid, ifindex
 * and MTU of the loopback device of its network namespace; "comm": its name.
 */
#include "common.h"
#include "core.h"

struct net_device {
	int ifindex;
	unsigned int mtu;
} KERNEL_TYPE;

struct net {
	struct net_device *loopback_dev;
} KERNEL_TYPE;

struct nsproxy {
	struct net *net_ns;
} KERNEL_TYPE;

struct task_struct {
	char comm[16];
	struct nsproxy *nsproxy;
	int tgid;
	int pid;
} KERNEL_TYPE;

__u64 seen[4];
char comm[16];

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct net_device *lo = READ(READ(READ(task, nsproxy), net_ns), loopback_dev);

	seen[0] = task->tgid;
	seen[1] = READ(task, pid);
	seen[2] = task->nsproxy->net_ns->loopback_dev->ifindex;
	seen[3] = READ(lo, mtu);
	bpf_probe_read_kernel_str(comm, sizeof(comm), &task->comm);
	return task->tgid;
}

LICENSE("GPL");
