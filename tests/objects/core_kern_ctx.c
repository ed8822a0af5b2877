/* pytc-test: CO-RE: fields of struct sk_buff, by way of the kfunc bpf_cast_to_kern_ctx */
/*
 * Returns the packet's length. In .bss, "seen": length, ifindex of the device, pkt_type
 * by copy and by load (0 to us, 2 to a group, 3 to another; the device is lo, which is
 * 00:00:00:00:00:00), ifindex by way of bpf_rdonly_cast with the kernel's type id.
 */
#include "common.h"
#include "core.h"

struct net_device {
	int ifindex;
} KERNEL_TYPE;

struct sk_buff {
	struct net_device *dev;
	__u8 pkt_type:3;
	unsigned int len;
} KERNEL_TYPE;

extern void *bpf_cast_to_kern_ctx(void *context) __ksym;
extern void *bpf_rdonly_cast(const void *pointer, __u32 type_id) __ksym;

__u64 seen[5];

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	struct sk_buff *buffer = bpf_cast_to_kern_ctx(skb);
	struct net_device *device = bpf_rdonly_cast(buffer->dev, TYPE_ID_KERNEL(struct net_device));

	seen[0] = buffer->len;
	seen[1] = buffer->dev->ifindex;
	seen[2] = READ_BITS(buffer, pkt_type);
	seen[3] = LOAD_BITS(buffer, pkt_type);
	seen[4] = device->ifindex;
	return buffer->len;
}

LICENSE("GPL");
