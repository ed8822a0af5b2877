/* pytc-test: a classifier and an action, in the sections that tc takes by itself */
#include "common.h"

SEC("classifier") int match(struct __sk_buff *skb __unused)
{
	return TC_ACT_UNSPEC;
}

SEC("action") int act(struct __sk_buff *skb __unused)
{
	return TC_ACT_OK;
}

LICENSE("GPL");
