/*
 * Sets the round-trip time, in microseconds, above which a congestion control
 * that uses it (nv) considers the path congested.
 *
 *	pytc cgroup attach CGROUP obj examples/bpf/sockops/basertt.o \
 *		set microseconds=80
 *	ss -ti			# with nv: "cwnd:" stays small on a long path
 */
#include "sockops.h"

const volatile __u32 microseconds = 80;

SEC("sockops")
int basertt(struct bpf_sock_ops *ops)
{
	if (ops->op == BPF_SOCK_OPS_BASE_RTT)
		ops->reply = microseconds;
	return 1;
}

LICENSE("GPL");
