#include "example.h"
/* wrong */
SEC("tc") int wrong(struct __sk_buff *skb)
{
	return bpf_xdp_adjust_head(skb, 14);
}
/* right */
SEC("xdp") int right(struct xdp_md *ctx)
{
	return bpf_xdp_adjust_head(ctx, 14) ? XDP_ABORTED : XDP_PASS;
}
/* end */
char _license[] SEC("license") = "GPL";
