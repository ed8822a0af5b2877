/*
 * Selects a congestion control by name.
 *
 *	pytc cgroup attach CGROUP obj examples/bpf/sockops/congestion.o \
 *		set algorithm=reno
 *	ss -ti			# the first word of the second line
 */
#include "sockops.h"

const volatile char algorithm[16] = "reno";

SEC("sockops")
int congestion(struct bpf_sock_ops *ops)
{
	char name[sizeof(algorithm)];
	unsigned int at;

	if (ops->op != BPF_SOCK_OPS_TCP_CONNECT_CB &&
	    ops->op != BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB)
		return 1;
#pragma unroll
	for (at = 0; at < sizeof(name); at++)
		name[at] = algorithm[at];
	bpf_setsockopt(ops, SOL_TCP, TCP_CONGESTION, name, sizeof(name));
	return 1;
}

LICENSE("GPL");
