/* The types for Unix sockets, which came with Linux 6.7; as in cgroups.c. */
#include "../common.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
} calls SEC(".maps");

const volatile int verdict = 0;

SEC("cgroup/connect_unix") int connect(struct bpf_sock_addr *to)
{
	(void)to;
	COUNT(calls, 49, 1);
	return verdict;
}

SEC("cgroup/sendmsg_unix") int sendmsg(struct bpf_sock_addr *to)
{
	(void)to;
	COUNT(calls, 50, 1);
	return verdict;
}

SEC("cgroup/recvmsg_unix") int recvmsg(struct bpf_sock_addr *from)
{
	(void)from;
	COUNT(calls, 51, 1);
	return 1;
}

SEC("cgroup/getpeername_unix") int getpeername(struct bpf_sock_addr *name)
{
	(void)name;
	COUNT(calls, 52, 1);
	return 1;
}

SEC("cgroup/getsockname_unix") int getsockname(struct bpf_sock_addr *name)
{
	(void)name;
	COUNT(calls, 53, 1);
	return 1;
}

LICENSE("GPL");
