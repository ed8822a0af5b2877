/* pytc-test: what a test run has in common with a hook: return values, the VLAN tag, metadata of XDP */
/*
 * "returns" gives back the mark. "tag" returns the tag (tci) of the metadata, 0x10000 more for
 * 802.1ad, -1 without one; "untag" the same, and removes it; "push" adds one.
 * "meta" is for XDP: it sums up the metadata's first 4 bytes, and puts 8 bytes of its own
 * in their place.
 */
#include "common.h"

static long (*const bpf_skb_vlan_pop)(void *skb) = (void *)BPF_FUNC_skb_vlan_pop;
static long (*const bpf_skb_vlan_push)(void *skb, __u16 protocol, __u16 tag) = (void *)BPF_FUNC_skb_vlan_push;
static long (*const bpf_xdp_adjust_meta)(void *xdp, int by) = (void *)BPF_FUNC_xdp_adjust_meta;

int last_tag;

static __always_inline int tag_of(struct __sk_buff *skb)
{
	if (!skb->vlan_present)
		return -1;
	last_tag = skb->vlan_tci + (skb->vlan_proto == net16(0x88a8) ? 0x10000 : 0);
	return last_tag;
}

SEC("tc") int returns(struct __sk_buff *skb)
{
	return skb->mark;
}

SEC("tc") int tag(struct __sk_buff *skb)
{
	return tag_of(skb);
}

SEC("tc") int untag(struct __sk_buff *skb)
{
	int result = tag_of(skb);

	bpf_skb_vlan_pop(skb);
	return result;
}

SEC("tc") int push(struct __sk_buff *skb)
{
	return bpf_skb_vlan_push(skb, net16(0x8100), 9);
}

SEC("action") int act_tag(struct __sk_buff *skb)
{
	return tag_of(skb);
}

SEC("xdp") int meta(struct xdp_md *xdp)
{
	__u8 *start = (void *)(long)xdp->data_meta, *end = (void *)(long)xdp->data;
	int sum = 0;

	if (start + 4 <= end) {
		sum = start[0] + start[1] + start[2] + start[3];
		bpf_xdp_adjust_meta(xdp, 4);
	}
	if (bpf_xdp_adjust_meta(xdp, -8))
		return XDP_ABORTED;
	start = (void *)(long)xdp->data_meta;
	end = (void *)(long)xdp->data;
	if (start + 8 > end)
		return XDP_ABORTED;
	for (int i = 0; i < 8; i++)
		start[i] = sum;
	return XDP_PASS;
}

LICENSE("GPL");
