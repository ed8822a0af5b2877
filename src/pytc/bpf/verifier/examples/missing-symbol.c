#include "example.h"

struct net_device {
	unsigned int ifindex, never_there;
} __core;
/* wrong */
SEC("tc") int wrong(struct __sk_buff *skb)
{
	struct net_device *device = (void *)(long)skb->mark;
	unsigned int *field = &device->never_there;

	return (long)field & 7;
}
/* right */
SEC("tc") int right(struct __sk_buff *skb)
{
	struct net_device *device = (void *)(long)skb->mark;

	if (!__builtin_preserve_field_info(device->never_there, 2)) /* bpf_core_field_exists() */
		return TC_ACT_OK;
	return (long)&device->never_there & 7;
}
/* end */
char _license[] SEC("license") = "GPL";
