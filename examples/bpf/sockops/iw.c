/*
 * Sets the initial congestion window, in segments; the kernel's default is 10.
 *
 *	pytc cgroup attach CGROUP obj examples/bpf/sockops/iw.o set segments=40
 *	ss -ti			# "cwnd:" before anything is sent
 */
#include "sockops.h"

const volatile int segments = 40;

SEC("sockops")
int iw(struct bpf_sock_ops *ops)
{
	int window = segments;

	if (ops->op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB ||
	    ops->op == BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB)
		bpf_setsockopt(ops, SOL_TCP, TCP_BPF_IW, &window, sizeof(window));
	return 1;
}

LICENSE("GPL");
