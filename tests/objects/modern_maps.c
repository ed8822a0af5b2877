/* pytc-test: BTF maps: types, sizes only, flags, pinning by name */
#include "common.h"

struct sums {
	__u64 packets;
	__u64 bytes;
};

struct prefix {
	__u32 bits;
	__u8 address[4];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, struct sums);
} by_protocol SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u64));
} sizes_only SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 128);
	__type(key, __u32);
	__type(value, __u64);
} recent SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 16);
	__uint(key_size, sizeof(__u32));
	__type(value, __u64);
} per_cpu SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 32);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct prefix);
	__type(value, __u32);
} routes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__uint(pinning, PIN_BY_NAME);
	__type(key, __u32);
	__type(value, __u64);
} pinned_by_name SEC(".maps");

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	struct prefix all = { .bits = 32, .address = { 192, 0, 2, 1 } };
	struct sums first = { .packets = 1, .bytes = skb->len }, *sums;
	__u32 key = skb->protocol;

	sums = bpf_map_lookup_elem(&by_protocol, &key);
	if (sums) {
		__sync_fetch_and_add(&sums->packets, 1);
		__sync_fetch_and_add(&sums->bytes, skb->len);
	} else {
		bpf_map_update_elem(&by_protocol, &key, &first, BPF_ANY);
	}
	COUNT(sizes_only, 3, 1);
	COUNT(recent, skb->hash, 1);
	COUNT(per_cpu, skb->ifindex, 1);
	COUNT(pinned_by_name, 1, skb->len);
	if (bpf_map_lookup_elem(&routes, &all))
		return TC_ACT_SHOT;
	return TC_ACT_OK;
}

LICENSE("GPL");
