/*
 * What can be attached to a cgroup, one program for each type, each with an
 * effect that a process in the cgroup sees. They count their calls by their
 * place in "calls": the number of the attach type.
 */
#include "../common.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
} calls SEC(".maps");

const volatile int verdict = 0;

#define CALLED(number)	COUNT(calls, number, 1)

#define OTHER_PORT	net16(4242)
#define LOOPBACK	net32(0x7f000001)
#define net32(x)	__builtin_bswap32(x)

SEC("cgroup_skb/ingress") int skb_in(struct __sk_buff *skb)
{
	(void)skb;
	CALLED(BPF_CGROUP_INET_INGRESS);
	return verdict;
}

SEC("cgroup_skb/egress") int skb_out(struct __sk_buff *skb)
{
	(void)skb;
	CALLED(BPF_CGROUP_INET_EGRESS);
	return verdict;
}

/* For either way: the command has to say which. */
SEC("cgroup/skb") int skb_any(struct __sk_buff *skb)
{
	(void)skb;
	CALLED(BPF_CGROUP_INET_EGRESS);
	return verdict;
}

SEC("cgroup/sock_create") int create(struct bpf_sock *sk)
{
	(void)sk;
	CALLED(BPF_CGROUP_INET_SOCK_CREATE);
	return verdict;
}

SEC("cgroup/sock_release") int release(struct bpf_sock *sk)
{
	(void)sk;
	CALLED(BPF_CGROUP_INET_SOCK_RELEASE);
	return 1;
}

SEC("cgroup/post_bind4") int post4(struct bpf_sock *sk)
{
	(void)sk;
	CALLED(BPF_CGROUP_INET4_POST_BIND);
	return verdict;
}

SEC("cgroup/post_bind6") int post6(struct bpf_sock *sk)
{
	(void)sk;
	CALLED(BPF_CGROUP_INET6_POST_BIND);
	return verdict;
}

SEC("cgroup/bind4") int bind4(struct bpf_sock_addr *to)
{
	CALLED(BPF_CGROUP_INET4_BIND);
	to->user_port = OTHER_PORT;
	return 1;
}

SEC("cgroup/bind6") int bind6(struct bpf_sock_addr *to)
{
	CALLED(BPF_CGROUP_INET6_BIND);
	to->user_port = OTHER_PORT;
	return 1;
}

SEC("cgroup/connect4") int connect4(struct bpf_sock_addr *to)
{
	CALLED(BPF_CGROUP_INET4_CONNECT);
	to->user_ip4 = LOOPBACK;
	return 1;
}

SEC("cgroup/connect6") int connect6(struct bpf_sock_addr *to)
{
	(void)to;
	CALLED(BPF_CGROUP_INET6_CONNECT);
	return verdict;
}

SEC("cgroup/sendmsg4") int sendmsg4(struct bpf_sock_addr *to)
{
	CALLED(BPF_CGROUP_UDP4_SENDMSG);
	to->user_ip4 = LOOPBACK;
	return 1;
}

SEC("cgroup/sendmsg6") int sendmsg6(struct bpf_sock_addr *to)
{
	(void)to;
	CALLED(BPF_CGROUP_UDP6_SENDMSG);
	return verdict;
}

SEC("cgroup/recvmsg4") int recvmsg4(struct bpf_sock_addr *from)
{
	CALLED(BPF_CGROUP_UDP4_RECVMSG);
	from->user_port = OTHER_PORT;
	return 1;
}

SEC("cgroup/recvmsg6") int recvmsg6(struct bpf_sock_addr *from)
{
	CALLED(BPF_CGROUP_UDP6_RECVMSG);
	from->user_port = OTHER_PORT;
	return 1;
}

SEC("cgroup/getpeername4") int getpeername4(struct bpf_sock_addr *name)
{
	CALLED(BPF_CGROUP_INET4_GETPEERNAME);
	name->user_port = OTHER_PORT;
	return 1;
}

SEC("cgroup/getpeername6") int getpeername6(struct bpf_sock_addr *name)
{
	CALLED(BPF_CGROUP_INET6_GETPEERNAME);
	name->user_port = OTHER_PORT;
	return 1;
}

SEC("cgroup/getsockname4") int getsockname4(struct bpf_sock_addr *name)
{
	CALLED(BPF_CGROUP_INET4_GETSOCKNAME);
	name->user_port = OTHER_PORT;
	return 1;
}

SEC("cgroup/getsockname6") int getsockname6(struct bpf_sock_addr *name)
{
	CALLED(BPF_CGROUP_INET6_GETSOCKNAME);
	name->user_port = OTHER_PORT;
	return 1;
}

SEC("cgroup/getsockopt") int getopt(struct bpf_sockopt *option)
{
	__u8 *value = option->optval, *end = option->optval_end;

	CALLED(BPF_CGROUP_GETSOCKOPT);
	if (option->level == 0 && option->optname == 2 && value + 1 <= end) {	/* IP_TTL */
		value[0] = 42;
		option->retval = 0;
	}
	return 1;
}

SEC("cgroup/setsockopt") int setopt(struct bpf_sockopt *option)
{
	CALLED(BPF_CGROUP_SETSOCKOPT);
	return option->level == 0 && option->optname == 2 ? verdict : 1;
}

/* /dev/zero is character device 1:5. */
SEC("cgroup/dev") int device(struct bpf_cgroup_dev_ctx *about)
{
	CALLED(BPF_CGROUP_DEVICE);
	return about->major == 1 && about->minor == 5 ? verdict : 1;
}

SEC("cgroup/sysctl") int sysctl(struct bpf_sysctl *about)
{
	CALLED(BPF_CGROUP_SYSCTL);
	return about->write ? verdict : 1;
}

LICENSE("GPL");
