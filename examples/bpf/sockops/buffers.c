/*
 * Sets both buffer sizes of connections to or from a port; as with
 * setsockopt(2), the kernel doubles them and stops tuning them.
 *
 *	pytc cgroup attach CGROUP obj examples/bpf/sockops/buffers.o \
 *		set port=5001 set bytes=150000
 *	ss -tim			# "rb" and "tb" of skmem
 */
#include "sockops.h"

const volatile __u32 port = 0;	/* 0: any */
const volatile int bytes = 150000;

SEC("sockops")
int buffers(struct bpf_sock_ops *ops)
{
	int size = bytes;

	if (ops->op != BPF_SOCK_OPS_TCP_CONNECT_CB &&
	    ops->op != BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB)
		return 1;
	if (port && port_of(ops->remote_port) != port && ops->local_port != port)
		return 1;
	bpf_setsockopt(ops, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	bpf_setsockopt(ops, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return 1;
}

LICENSE("GPL");
