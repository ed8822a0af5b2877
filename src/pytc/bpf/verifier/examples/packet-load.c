#include "example.h"

unsigned long long load_byte(void *ctx, unsigned long long offset) asm("llvm.bpf.load.byte");
/* wrong */
SEC("xdp") int wrong(struct xdp_md *ctx)
{
	return load_byte(ctx, 12) == 8 ? XDP_PASS : XDP_DROP;
}
/* right */
SEC("tc") int right(struct __sk_buff *skb)
{
	return load_byte(skb, 12) == 8 ? TC_ACT_OK : TC_ACT_SHOT;
}
/* end */
char _license[] SEC("license") = "GPL";
