/* pytc-test: BTF maps with a type for the key and a size for the value, the other way round, and both */
/* Returns the packet's length: it is put at key 1 of all three, and read back from the last. */
#include "common.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__uint(value_size, 8);
} typed_key SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__uint(key_size, 4);
	__type(value, __u64);
} typed_value SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 8);
	__uint(key_size, 4);
	__uint(value_size, 8);
	__type(key, __u32);
	__type(value, __u64);
} both SEC(".maps");

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	__u64 length = skb->len, *back;
	__u32 key = 1;

	bpf_map_update_elem(&typed_key, &key, &length, BPF_ANY);
	bpf_map_update_elem(&typed_value, &key, &length, BPF_ANY);
	bpf_map_update_elem(&both, &key, &length, BPF_ANY);
	back = bpf_map_lookup_elem(&both, &key);
	return back ? *back : -1;
}

LICENSE("GPL");
