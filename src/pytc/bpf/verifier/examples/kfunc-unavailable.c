#include "example.h"

struct some_sock {
	int unused;
};
extern __u32 tcp_reno_ssthresh(struct some_sock *socket) __ksym;
/* wrong */
SEC("tc") int wrong(struct __sk_buff *skb)
{
	return tcp_reno_ssthresh((void *)skb->sk); /* for congestion control alone */
}
/* right */
SEC("tc") int right(struct __sk_buff *skb)
{
	return skb->sk ? TC_ACT_OK : TC_ACT_SHOT;
}
/* end */
char _license[] SEC("license") = "GPL";
