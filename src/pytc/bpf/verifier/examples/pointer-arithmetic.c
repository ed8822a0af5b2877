#include "example.h"
/* wrong */
SEC("tc") int wrong(struct __sk_buff *skb)
{
	unsigned long data = skb->data;

	asm volatile("%0 &= -4" : "+r"(data)); /* rounds the pointer down */
	return *(volatile char *)data;
}
/* right */
SEC("tc") int right(struct __sk_buff *skb)
{
	unsigned char *byte = (void *)(long)skb->data;
	void *data_end = (void *)(long)skb->data_end;

	byte += skb->mark & 60; /* rounds the offset */
	if ((void *)(byte + 1) > data_end)
		return TC_ACT_OK;
	return *byte;
}
/* end */
char _license[] SEC("license") = "GPL";
