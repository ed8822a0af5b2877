// Maps whose keys have padding, between members, at the end, and in structures within; and some that have none.
#include "common.h"

struct flow {
	__be32 source, target;
	__be16 port;
};

struct tunnel {
	__u8 kind;
	struct flow ends[2];
};

struct __attribute__((packed)) packed {
	__be32 source;
	__be16 port;
};

struct either {
	union {
		struct {
			__u8 kind;
			__u32 number;
		} one;
		__u64 other;
	};
	__u32 low : 4, high : 28;
	__u32 rest;
};

#define MAP(name, map_type, key_type)				\
	struct {						\
		__uint(type, map_type);				\
		__uint(max_entries, 16);			\
		__type(key, key_type);				\
		__type(value, struct flow);			\
	} name SEC(".maps")

MAP(flows, BPF_MAP_TYPE_HASH, struct flow);
MAP(tunnels, BPF_MAP_TYPE_LRU_HASH, struct tunnel);
MAP(packed_flows, BPF_MAP_TYPE_HASH, struct packed);
MAP(unions, BPF_MAP_TYPE_HASH, struct either);
MAP(array, BPF_MAP_TYPE_ARRAY, __u32);

SEC("classifier")
int count(struct __sk_buff *skb)
{
	struct flow flow;
	struct tunnel tunnel;
	struct packed packed = {};
	struct either either = {};
	__u32 zero = 0;

	__builtin_memset(&flow, 0, sizeof(flow));
	__builtin_memset(&tunnel, 0, sizeof(tunnel));
	return bpf_map_lookup_elem(&flows, &flow) || bpf_map_lookup_elem(&tunnels, &tunnel) ||
	       bpf_map_lookup_elem(&packed_flows, &packed) || bpf_map_lookup_elem(&unions, &either) ||
	       bpf_map_lookup_elem(&array, &zero);
}

LICENSE("GPL");
