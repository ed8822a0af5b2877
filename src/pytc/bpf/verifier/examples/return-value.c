#include "example.h"
/* wrong */
SEC("cgroup_skb/ingress") int wrong(struct __sk_buff *skb)
{
	return TC_ACT_STOLEN;
}
/* right */
SEC("cgroup_skb/ingress") int right(struct __sk_buff *skb)
{
	return 1;
}
/* end */
char _license[] SEC("license") = "GPL";
