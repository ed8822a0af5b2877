/* pytc-test: programs of sockets and of flows, for the hooks of network namespaces and of maps of sockets */
#include "../common.h"

SEC("sk_lookup") int refuse(struct bpf_sk_lookup *lookup __unused)
{
	return 0;
}

SEC("flow_dissector") int dissect(struct __sk_buff *skb __unused)
{
	return 129; /* BPF_FLOW_DISSECTOR_CONTINUE */
}

SEC("sk_msg") int message(struct sk_msg_md *message __unused)
{
	return 1;
}

SEC("sk_skb/stream_parser") int parser(struct __sk_buff *skb)
{
	return skb->len;
}

SEC("sk_skb/stream_verdict") int verdict(struct __sk_buff *skb __unused)
{
	return 1;
}

LICENSE("GPL");
