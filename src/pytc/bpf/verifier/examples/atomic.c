#include "example.h"

__u32 packets;
/* wrong */
SEC("tc") int wrong(struct __sk_buff *skb)
{
	__u32 *data = (void *)(long)skb->data;
	void *data_end = (void *)(long)skb->data_end;

	if ((void *)(data + 1) > data_end)
		return TC_ACT_OK;
	__sync_fetch_and_add(data, 1);
	return TC_ACT_OK;
}
/* right */
SEC("tc") int right(struct __sk_buff *skb)
{
	__sync_fetch_and_add(&packets, 1);
	return TC_ACT_OK;
}
/* end */
char _license[] SEC("license") = "GPL";
