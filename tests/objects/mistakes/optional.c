/* Two programs that libbpf loads only where they are named. */
#include "../common.h"

SEC("?tc") int optional(struct __sk_buff *skb)
{
	return TC_ACT_OK;
}

SEC("?xdp") int other(struct xdp_md *xdp)
{
	return XDP_PASS;
}

LICENSE("GPL");
