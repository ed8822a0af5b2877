#include "example.h"

struct alarm {
	struct bpf_timer timer;
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct alarm);
} alarms SEC(".maps"), others SEC(".maps");

/* wrong */
SEC("tc") int wrong(struct __sk_buff *skb)
{
	__u32 key = 0;
	struct alarm *alarm = bpf_map_lookup_elem(&alarms, &key);

	if (alarm)
		bpf_timer_init(&alarm->timer, &others, 0);
	return TC_ACT_OK;
}
/* right */
SEC("tc") int right(struct __sk_buff *skb)
{
	__u32 key = 0;
	struct alarm *alarm = bpf_map_lookup_elem(&alarms, &key);

	if (alarm)
		bpf_timer_init(&alarm->timer, &alarms, 0);
	return TC_ACT_OK;
}
/* end */
char _license[] SEC("license") = "GPL";
