/* pytc-test: programs of every type that the kernel runs on a packet in a test, and what they change */
/*
 * "on_tc" and "on_act" return 7 and turn byte 6 of the packet around, "on_tc" doubles the
 * mark as well; "on_xdp" returns 2 (XDP_PASS) and puts 4 bytes before the packet;
 * "on_socket" returns the length without the Ethernet header, "on_cgroup" 1, "on_lwt" 0;
 * "on_dissector" 0 for IPv4, 1 for others. Each counts at its own key of "seen".
 */
#include "common.h"

static long (*const bpf_skb_store_bytes)(void *skb, __u32 offset, const void *from, __u32 size,
					 __u64 flags) = (void *)BPF_FUNC_skb_store_bytes;
static long (*const bpf_xdp_adjust_head)(void *xdp, int by) = (void *)BPF_FUNC_xdp_adjust_head;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
} seen SEC(".maps");

static __noinline int turn(struct __sk_buff *skb)
{
	__u8 byte = 0;

	bpf_skb_load_bytes(skb, 6, &byte, 1);
	byte = ~byte;
	return bpf_skb_store_bytes(skb, 6, &byte, 1, 0);
}

SEC("tc") int on_tc(struct __sk_buff *skb)
{
	COUNT(seen, 0, 1);
	skb->mark *= 2;
	return turn(skb) ? -1 : 7;
}

SEC("action") int on_act(struct __sk_buff *skb)
{
	COUNT(seen, 1, 1);
	return turn(skb) ? -1 : 7;
}

SEC("xdp") int on_xdp(struct xdp_md *xdp)
{
	__u8 *start, *end;

	COUNT(seen, 2, 1);
	if (bpf_xdp_adjust_head(xdp, -4))
		return XDP_ABORTED;
	start = (void *)(long)xdp->data;
	end = (void *)(long)xdp->data_end;
	if (start + 4 > end)
		return XDP_DROP;
	start[0] = 0xde;
	start[1] = 0xad;
	start[2] = 0xbe;
	start[3] = 0xef;
	return XDP_PASS;
}

SEC("socket") int on_socket(struct __sk_buff *skb)
{
	COUNT(seen, 3, 1);
	return skb->len;
}

SEC("cgroup_skb/ingress") int on_cgroup(struct __sk_buff *skb)
{
	COUNT(seen, 4, skb->len);
	return 1;
}

SEC("lwt_in") int on_lwt(struct __sk_buff *skb)
{
	COUNT(seen, 5, skb->len);
	return 0;
}

SEC("flow_dissector") int on_dissector(struct __sk_buff *skb)
{
	COUNT(seen, 6, 1);
	return skb->flow_keys->n_proto == net16(0x0800) ? 0 : 1;
}

LICENSE("GPL");
