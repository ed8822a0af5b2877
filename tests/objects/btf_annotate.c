/* pytc-test: legacy maps with annotated key and value types: struct ____btf_map_NAME */
/*
 * Returns 1:7. "annotated" and "annotated_too" have types in BTF: a bpftool dump shows the
 * members of the value. "plain" has none. The wrong one is annotated with sizes that are
 * not those of the map: its types are not used.
 */
#include "common.h"

struct flow {
	__u32 source;
	__u32 destination;
};

struct totals {
	__u64 packets;
	__u64 bytes;
};

#define ANNOTATE(name, key_type, value_type)				\
	struct ____btf_map_##name {					\
		key_type key;						\
		value_type value;					\
	};								\
	struct ____btf_map_##name SEC(".maps." #name) ____btf_map_##name = {}

struct bpf_elf_map SEC("maps") annotated = {
	.type		= BPF_MAP_TYPE_HASH,
	.size_key	= sizeof(struct flow),
	.size_value	= sizeof(struct totals),
	.max_elem	= 8,
	.id		= 1,
};
ANNOTATE(annotated, struct flow, struct totals);

struct bpf_elf_map SEC("maps") annotated_too = {
	.type		= BPF_MAP_TYPE_ARRAY,
	.size_key	= sizeof(__u32),
	.size_value	= sizeof(struct totals),
	.max_elem	= 2,
	.id		= 2,
};
ANNOTATE(annotated_too, __u32, struct totals);

struct bpf_elf_map SEC("maps") plain = {
	.type		= BPF_MAP_TYPE_ARRAY,
	.size_key	= sizeof(__u32),
	.size_value	= sizeof(__u64),
	.max_elem	= 2,
	.id		= 3,
};

struct bpf_elf_map SEC("maps") wrong = {
	.type		= BPF_MAP_TYPE_ARRAY,
	.size_key	= sizeof(__u32),
	.size_value	= sizeof(__u64),
	.max_elem	= 2,
	.id		= 4,
};
ANNOTATE(wrong, __u32, struct totals);

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	struct flow flow = { .source = 1, .destination = skb->len };
	struct totals totals = { .packets = 1, .bytes = skb->len }, *sums;
	__u32 key = 1;

	bpf_map_update_elem(&annotated, &flow, &totals, BPF_ANY);
	sums = bpf_map_lookup_elem(&annotated_too, &key);
	if (sums) {
		__sync_fetch_and_add(&sums->packets, 1);
		__sync_fetch_and_add(&sums->bytes, skb->len);
	}
	COUNT(plain, 1, 1);
	COUNT(wrong, 1, 1);
	return CLASSID(1, 7);
}

LICENSE("GPL");
