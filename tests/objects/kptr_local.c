/* pytc-test: a reference to an object of the program's own in a map's value */
/* Returns how many times it ran, as the object counts. */
#include "common.h"
#include "core.h"

struct counter {
	__u64 runs;
	__u64 bytes;
};

extern void *bpf_obj_new_impl(__u64 type_id, void *meta) __ksym;
extern void bpf_obj_drop_impl(void *object, void *meta) __ksym;

struct slot {
	struct counter __attribute__((btf_type_tag("kptr"))) *counter;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct slot);
} slots SEC(".maps");

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	struct counter *counter;
	struct slot *slot, empty = {};
	__u32 key = 0;
	int runs;

	slot = bpf_map_lookup_elem(&slots, &key);
	if (!slot) {
		bpf_map_update_elem(&slots, &key, &empty, BPF_ANY);
		slot = bpf_map_lookup_elem(&slots, &key);
		if (!slot)
			return -1;
	}
	counter = bpf_kptr_xchg(&slot->counter, 0);
	if (!counter) {
		counter = bpf_obj_new_impl(TYPE_ID_LOCAL(struct counter), 0);
		if (!counter)
			return -2;
		counter->runs = 0;
	}
	runs = ++counter->runs;
	counter = bpf_kptr_xchg(&slot->counter, counter);
	if (counter)
		bpf_obj_drop_impl(counter, 0);
	return runs;
}

LICENSE("GPL");
