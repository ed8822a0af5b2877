/*
 * Sets the first timeout of SYN and SYN-ACK by the peer's prefix: by default
 * 10 milliseconds for the prefix, where the kernel would wait a second.
 *
 *	pytc cgroup attach CGROUP obj examples/bpf/sockops/synrto.o \
 *		set prefix=0x0a090000 set bits=24 set milliseconds=10
 *	ss -ti state syn-sent		# "rto:" is the timeout in use
 *
 * The kernel counts it in ticks and needs at least one. Without an answer,
 * it doubles the timeout with each further SYN, as always.
 */
#include "sockops.h"

const volatile __u32 prefix = IP4(10, 0, 0, 0);	/* host order */
const volatile __u32 bits = 8;
const volatile __u32 milliseconds = 10;

/* The ticks of a second: the loader takes it from the kernel's settings. */
extern __u32 CONFIG_HZ __attribute__((section(".kconfig")));

SEC("sockops")
int synrto(struct bpf_sock_ops *ops)
{
	__u32 mask = bits ? ~0U << (32 - (bits & 31 ? bits : 32)) : 0;
	__u32 ticks = milliseconds * CONFIG_HZ / 1000;

	if (ops->op != BPF_SOCK_OPS_TIMEOUT_INIT || ops->family != AF_INET)
		return 1;
	if ((net32(ops->remote_ip4) & mask) == (prefix & mask))
		ops->reply = ticks ? ticks : 1;
	return 1;
}

LICENSE("GPL");
