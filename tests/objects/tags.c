/* pytc-test: BTF tags of declarations and of types */
/* Returns the packet's length plus 1; "packets" in .bss counts runs. */
#include "common.h"

#define TAG(text)	__attribute__((btf_decl_tag(text)))
#define TYPE_TAG(text)	__attribute__((btf_type_tag(text)))

struct flow {
	__u32 source TAG("network_order");
	__u32 destination TAG("network_order") TAG("second");
	__u64 TYPE_TAG("first") TYPE_TAG("again") *next;
} TAG("a_struct");

typedef __u32 length_t TAG("a_typedef");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct flow);
} flows SEC(".maps");

__u64 packets TAG("a_variable");

__noinline TAG("a_function") int length_of(struct __sk_buff *skb TAG("an_argument"), length_t more)
{
	return skb->len + more;
}

SEC("classifier") TAG("a_program") int cls_main(struct __sk_buff *skb)
{
	struct flow flow = { .source = skb->len };
	__u32 key = 1;

	bpf_map_update_elem(&flows, &key, &flow, BPF_ANY);
	__sync_fetch_and_add(&packets, 1);
	return length_of(skb, 1);
}

LICENSE("GPL");
