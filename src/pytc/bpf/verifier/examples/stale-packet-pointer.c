#include "example.h"
/* wrong */
SEC("tc") int wrong(struct __sk_buff *skb)
{
	unsigned char *data = (void *)(long)skb->data;
	void *data_end = (void *)(long)skb->data_end;

	if ((void *)data + 24 > data_end)
		return TC_ACT_OK;
	bpf_skb_pull_data(skb, 64);
	return data[23] == 17 ? TC_ACT_SHOT : TC_ACT_OK;
}
/* right */
SEC("tc") int right(struct __sk_buff *skb)
{
	unsigned char *data;
	void *data_end;

	bpf_skb_pull_data(skb, 64);
	data = (void *)(long)skb->data;
	data_end = (void *)(long)skb->data_end;
	if ((void *)data + 24 > data_end)
		return TC_ACT_OK;
	return data[23] == 17 ? TC_ACT_SHOT : TC_ACT_OK;
}
/* end */
char _license[] SEC("license") = "GPL";
