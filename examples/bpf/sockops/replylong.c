/*
 * Gives a reply larger than an integer. The kernel reads only the first word
 * of replylong, which is reply, and lets programs write no other; a larger
 * reply goes into a map. This program stores a description of the connection
 * there, by local port.
 *
 *	pytc cgroup attach CGROUP obj examples/bpf/sockops/replylong.o
 *	pytc map dump name replies
 *	ss -ti			# nothing is changed
 */
#include "sockops.h"

struct reply {
	__u32 op;
	__u32 family;
	__u32 remote_port;
	__u32 local_port;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct reply);
} replies SEC(".maps");

SEC("sockops")
int replylong(struct bpf_sock_ops *ops)
{
	__u32 port = ops->local_port;
	struct reply reply = {};

	if (ops->op != BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB &&
	    ops->op != BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB)
		return 1;
	reply.op = ops->op;
	reply.family = ops->family;
	reply.remote_port = port_of(ops->remote_port);
	reply.local_port = port;
	bpf_map_update_elem(&replies, &port, &reply, 0);
	return 1;
}

LICENSE("GPL");
