/* A map of each type that commands of "map" treat in a way of its own, all pinned: m:globals/NAME. */
#include "../../objects/common.h"

#define MAP(map_type, name, entries, key_type, value_type)	\
	struct {						\
		__uint(type, map_type);				\
		__uint(max_entries, entries);			\
		__uint(pinning, PIN_BY_NAME);			\
		__type(key, key_type);				\
		__type(value, value_type);			\
	} name SEC(".maps")

#define MAP_SIZES(map_type, name, entries, key_bytes, value_bytes)	\
	struct {						\
		__uint(type, map_type);				\
		__uint(max_entries, entries);			\
		__uint(pinning, PIN_BY_NAME);			\
		__uint(key_size, key_bytes);			\
		__uint(value_size, value_bytes);		\
	} name SEC(".maps")

struct prefix {
	__u32 bits;
	__u8 address[4];
};

struct inner {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
};

MAP(BPF_MAP_TYPE_HASH, hash, 8, __u32, __u64);
MAP_SIZES(BPF_MAP_TYPE_HASH, untyped, 2, 4, 8);
MAP(BPF_MAP_TYPE_ARRAY, array, 8, __u32, __u64);
MAP(BPF_MAP_TYPE_PERCPU_HASH, percpu, 8, __u32, __u64);
MAP(BPF_MAP_TYPE_LRU_HASH, lru, 64, __u32, __u64);
MAP_SIZES(BPF_MAP_TYPE_PROG_ARRAY, progs, 8, 4, 4);
MAP_SIZES(BPF_MAP_TYPE_PERF_EVENT_ARRAY, perf, 2, 4, 4);
MAP_SIZES(BPF_MAP_TYPE_DEVMAP_HASH, devices, 8, 4, 8);

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 8);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(pinning, PIN_BY_NAME);
	__type(key, struct prefix);
	__type(value, __u64);
} lpm SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 8);
	__uint(pinning, PIN_BY_NAME);
	__type(key, __u32);
	__array(values, struct inner);
} outer SEC(".maps");

#define QUEUE(map_type, name)					\
	struct {						\
		__uint(type, map_type);				\
		__uint(max_entries, 8);				\
		__uint(pinning, PIN_BY_NAME);			\
		__type(value, __u64);				\
	} name SEC(".maps")

QUEUE(BPF_MAP_TYPE_QUEUE, queue);
QUEUE(BPF_MAP_TYPE_STACK, stack);
QUEUE(BPF_MAP_TYPE_BLOOM_FILTER, bloom);

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 12);
	__uint(pinning, PIN_BY_NAME);
} ring SEC(".maps");

struct record {
	__u32 length;
	__u32 protocol;
};

/* Its type is in no map. */
const struct record *unused_record __attribute__((used));

/* Returns 0, and sends the length of the packet to the ring buffer. */
SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	struct record *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);

	if (!record)
		return TC_ACT_OK;
	record->length = skb->len;
	record->protocol = skb->protocol;
	bpf_ringbuf_submit(record, 0);
	return TC_ACT_OK;
}

SEC("other") int cls_other(struct __sk_buff *skb)
{
	(void)skb;
	return TC_ACT_SHOT;
}

LICENSE("GPL");
