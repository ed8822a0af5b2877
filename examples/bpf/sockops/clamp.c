/*
 * Limits the congestion window after losses: slow start ends there.
 *
 *	pytc cgroup attach CGROUP obj examples/bpf/sockops/clamp.o set segments=20
 *	ss -ti			# "ssthresh:", except for bbr, which has its own limit
 */
#include "sockops.h"

const volatile int segments = 100;

SEC("sockops")
int clamp(struct bpf_sock_ops *ops)
{
	int limit = segments;

	if (ops->op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB ||
	    ops->op == BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB)
		bpf_setsockopt(ops, SOL_TCP, TCP_BPF_SNDCWND_CLAMP, &limit, sizeof(limit));
	return 1;
}

LICENSE("GPL");
