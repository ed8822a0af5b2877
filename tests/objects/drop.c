/* pytc-test: direct-action, drops everything */
#include "common.h"

SEC("classifier") int drop_all(struct __sk_buff *skb __unused)
{
	return TC_ACT_SHOT;
}

LICENSE("GPL");
