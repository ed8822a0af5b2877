/* pytc-test: CO-RE: fields declared narrower and wider than they are: the width of the load is changed */
/*
 * Returns the MTU of the loopback device, declared as u64. In .bss, "narrow": the start
 * time of the process in nanoseconds, declared as u32 (all 64 bits arrive); "wide": that
 * MTU, and the type of the device, 772, declared as u64 where the kernel has u16.
 */
#include "common.h"
#include "core.h"

struct net_device {
	__u64 mtu;			/* unsigned int there */
	__u64 type;			/* unsigned short there */
} KERNEL_TYPE;

struct net {
	struct net_device *loopback_dev;
} KERNEL_TYPE;

struct nsproxy {
	struct net *net_ns;
} KERNEL_TYPE;

struct task_struct {
	struct nsproxy *nsproxy;
	__u32 start_boottime;		/* u64 there */
} KERNEL_TYPE;

__u64 narrow[1];
__u64 wide[2];

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct net_device *lo = task->nsproxy->net_ns->loopback_dev;

	narrow[0] = task->start_boottime;
	wide[0] = lo->mtu;
	wide[1] = lo->type;
	return lo->mtu;
}

LICENSE("GPL");
