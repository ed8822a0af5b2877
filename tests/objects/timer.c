/* pytc-test: a timer in a map's value, with a callback */
/*
 * Returns 0 when the timer was started, to go off in a millisecond; then "fired" in .bss
 * grows by one and by 1000 times the value's "step", which is the packet's length. -2 when
 * neither a pin nor a descriptor keeps the map.
 */
#include "common.h"

#define MONOTONIC	1
#define MILLISECOND	1000000

struct alarm {
	struct bpf_timer timer;
	__u64 step;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct alarm);
} alarms SEC(".maps");

__u64 fired;

static int ring(void *map, __u32 *key, struct alarm *alarm)
{
	__sync_fetch_and_add(&fired, 1 + 1000 * alarm->step);
	return 0;
}

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	struct alarm *alarm;
	__u32 key = 0;

	alarm = bpf_map_lookup_elem(&alarms, &key);
	if (!alarm)
		return -1;
	alarm->step = skb->len;
	/* Fails the second time, since it is there already. */
	bpf_timer_init(&alarm->timer, &alarms, MONOTONIC);
	if (bpf_timer_set_callback(&alarm->timer, ring))
		return -2;
	return bpf_timer_start(&alarm->timer, MILLISECOND, 0);
}

LICENSE("GPL");
