/* pytc-test: a perf event array without a number of entries: one for each possible CPU */
/* Returns what bpf_perf_event_output does: -2 (ENOENT) while no event is in the slot of the CPU, or 0. */
#include "common.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(int));
	__uint(value_size, sizeof(int));
} events SEC(".maps");

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	__u32 record[2] = { skb->len, skb->protocol };

	return bpf_perf_event_output(skb, &events, BPF_F_CURRENT_CPU, record, sizeof(record));
}

LICENSE("GPL");
