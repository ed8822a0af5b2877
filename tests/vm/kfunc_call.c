/* pytc-test: kfuncs for tests that Linux 6.1 has in the kernel itself; later ones are in a module of its tests */
/*
 * Returns 10: bpf_kfunc_call_test2 adds its two numbers, here 3 and 7. "sum" in .bss is
 * that of bpf_kfunc_call_test1: 1 + 2 + 3 + 4 * 2^32.
 */
#include "../objects/common.h"

/* Kinds of types have to agree, so a mere "struct sock;" will not do; members do not matter. */
struct sock {
	int unused;
};

extern __u64 bpf_kfunc_call_test1(struct sock *socket, __u32 first, __u64 second, __u32 third, __u64 fourth) __ksym;
extern int bpf_kfunc_call_test2(struct sock *socket, __u32 first, __u32 second) __ksym;

static struct bpf_sock *(*const bpf_sk_fullsock)(struct bpf_sock *socket) = (void *)BPF_FUNC_sk_fullsock;

__u64 sum;

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	struct bpf_sock *socket = skb->sk;

	if (!socket)
		return -1;
	socket = bpf_sk_fullsock(socket);
	if (!socket)
		return -2;
	sum = bpf_kfunc_call_test1((struct sock *)socket, 1, 2, 3, 4ULL << 32);
	return bpf_kfunc_call_test2((struct sock *)socket, 3, 7);
}

LICENSE("GPL");
