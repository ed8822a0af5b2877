#include "example.h"
/* wrong */
SEC("tc") int wrong(struct __sk_buff *skb)
{
	__u64 result;

	bpf_ktime_get_ns();
	asm volatile("%0 = r5" : "=r"(result)); /* an argument of the call before */
	return result;
}
/* right */
SEC("tc") int right(struct __sk_buff *skb)
{
	__u64 result = 0;

	bpf_ktime_get_ns();
	asm volatile("%0 += 5" : "+r"(result));
	return result;
}
/* end */
char _license[] SEC("license") = "GPL";
