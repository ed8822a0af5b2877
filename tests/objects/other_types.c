/* pytc-test: programs of other types beside the classifier, one of them broken */
#include "common.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} seen SEC(".maps");

SEC("kprobe/dev_queue_xmit") int on_xmit(void *regs)
{
	COUNT(seen, 0, regs != 0);
	return 0;
}

/* Broken: reads through a null pointer. */
SEC("kprobe/netif_rx") int broken(void *regs)
{
	__u64 *nothing = 0;

	asm volatile("" : "+r"(nothing));
	return *nothing + (regs != 0);
}

SEC("xdp") int on_xdp(struct xdp_md *xdp)
{
	COUNT(seen, 1, xdp->data_end - xdp->data);
	return XDP_PASS;
}

SEC("socket") int on_socket(struct __sk_buff *skb)
{
	COUNT(seen, 2, 1);
	return skb->len;
}

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	COUNT(seen, 3, skb->len);
	return TC_ACT_OK;
}

LICENSE("GPL");
