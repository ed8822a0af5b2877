#include "example.h"
/* wrong */
SEC("tc") int wrong(struct __sk_buff *skb)
{
	char format[] = "%d\n";

	bpf_trace_printk(format, sizeof(format), skb->len);
	return TC_ACT_OK;
}
/* right */
SEC("tc") int right(struct __sk_buff *skb)
{
	return TC_ACT_OK; /* or the license "GPL", and the call */
}
/* end */
char _license[] SEC("license") = "Proprietary";
