#include "example.h"

char changing[] = "length";
static const char constant[] = "length";
/* wrong */
SEC("tc") int wrong(struct __sk_buff *skb)
{
	char to[16] = {};

	return bpf_snprintf(to, sizeof(to), changing, 0, 0);
}
/* right */
SEC("tc") int right(struct __sk_buff *skb)
{
	char to[16] = {};

	return bpf_snprintf(to, sizeof(to), constant, 0, 0);
}
/* end */
char _license[] SEC("license") = "GPL";
