/*
 * Constants for programs of type sock_ops, without the socket headers of the
 * C library or the kernel. struct bpf_sock_ops itself is in <linux/bpf.h>, and
 * has these byte orders:
 *
 *	family, op, args, reply, local_port	host order
 *	remote_ip4, local_ip4, *_ip6[]		network order
 *	remote_port				network order, in the upper 16
 *						bits of a little-endian word:
 *						port_of(remote_port)
 */
#ifndef PYTC_EXAMPLES_SOCKOPS_H
#define PYTC_EXAMPLES_SOCKOPS_H

#include "../helpers.h"

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define net32(x)	__builtin_bswap32(x)
#else
#define net32(x)	((__u32)(x))
#endif
#define port_of(x)	net32(x)

#define IP4(a, b, c, d)	((__u32)((a) << 24 | (b) << 16 | (c) << 8 | (d)))

#define AF_INET		2
#define AF_INET6	10

#define SOL_SOCKET	1
#define SO_SNDBUF	7
#define SO_RCVBUF	8
#define SOL_TCP		6
#define TCP_CONGESTION	13

static long (*const bpf_setsockopt)(void *socket, int level, int name,
				    const void *value, int size) __unused =
	(void *)BPF_FUNC_setsockopt;
static long (*const bpf_getsockopt)(void *socket, int level, int name,
				    void *value, int size) __unused =
	(void *)BPF_FUNC_getsockopt;

#define LICENSE(text)	char _license[] SEC("license") = text

#endif
