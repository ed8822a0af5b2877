/*
 * Sets the window that a new connection offers, in segments.
 *
 *	pytc cgroup attach CGROUP obj examples/bpf/sockops/rwnd.o set segments=4
 *	ss -ti			# "rcv_space:", and "rcv_wnd:" of newer ss
 *
 * The kernel asks for it before SYN and SYN-ACK.
 */
#include "sockops.h"

const volatile __u32 segments = 40;

SEC("sockops")
int rwnd(struct bpf_sock_ops *ops)
{
	if (ops->op == BPF_SOCK_OPS_RWND_INIT)
		ops->reply = segments;
	return 1;
}

LICENSE("GPL");
