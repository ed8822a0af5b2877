/* pytc-test: a classifier and an action with a map, for tc and pytc alike */
#include "../objects/common.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} hits SEC(".maps");

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	COUNT(hits, 0, 1);
	return -1;
}

SEC("action") int act_main(struct __sk_buff *skb)
{
	COUNT(hits, 1, 1);
	return -1;
}

LICENSE("GPL");
