/* pytc-test: a ring buffer, which has neither keys nor values */
#include "common.h"

struct record {
	__u32 length;
	__u32 protocol;
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 16);
} records SEC(".maps");

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	struct record *record;

	record = bpf_ringbuf_reserve(&records, sizeof(*record), 0);
	if (!record)
		return TC_ACT_OK;
	record->length = skb->len;
	record->protocol = skb->protocol;
	bpf_ringbuf_submit(record, 0);
	return TC_ACT_OK;
}

LICENSE("GPL");
