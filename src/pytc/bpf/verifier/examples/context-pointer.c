#include "example.h"
/* wrong */
SEC("tc") int wrong(struct __sk_buff *skb)
{
	char buffer[8] = {};

	bpf_skb_load_bytes((void *)skb + 8, 0, buffer, sizeof(buffer));
	return buffer[0];
}
/* right */
SEC("tc") int right(struct __sk_buff *skb)
{
	char buffer[8] = {};

	bpf_skb_load_bytes(skb, 8, buffer, sizeof(buffer));
	return buffer[0];
}
/* end */
char _license[] SEC("license") = "GPL";
