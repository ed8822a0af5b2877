/* pytc-test: refused: a helper for GPL programs, and another license */
#include "common.h"

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	char format[] = "length %u";

	bpf_trace_printk(format, sizeof(format), skb->len);
	return TC_ACT_OK;
}

LICENSE("Proprietary");
