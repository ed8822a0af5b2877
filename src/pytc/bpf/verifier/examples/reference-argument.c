#include "example.h"
/* wrong */
SEC("tc") int wrong(struct __sk_buff *skb)
{
	struct bpf_sock *socket = skb->sk;

	if (socket)
		bpf_sk_release(socket); /* nobody has acquired it */
	return TC_ACT_OK;
}
/* right */
SEC("tc") int right(struct __sk_buff *skb)
{
	struct bpf_sock *socket = skb->sk;

	return socket ? TC_ACT_OK : TC_ACT_SHOT;
}
/* end */
char _license[] SEC("license") = "GPL";
