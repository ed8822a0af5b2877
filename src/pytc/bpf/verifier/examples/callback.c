#include "example.h"

struct counts {
	__u64 by_kind[8];
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct counts);
} totals SEC(".maps");

/* wrong */
long visit(void *map, __u32 *key, struct counts *counts, void *data)
{
	return 0;
}

SEC("tc") int wrong(struct __sk_buff *skb)
{
	bpf_for_each_map_elem(&totals, visit, 0, 0);
	return TC_ACT_OK;
}
/* right */
static long look(void *map, __u32 *key, struct counts *counts, void *data)
{
	return 0;
}

SEC("tc") int right(struct __sk_buff *skb)
{
	bpf_for_each_map_elem(&totals, look, 0, 0);
	return TC_ACT_OK;
}
/* end */
char _license[] SEC("license") = "GPL";
