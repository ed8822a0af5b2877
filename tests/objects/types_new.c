/* pytc-test: map types since v6.1: storage of cgroups (v6.2), an arena (v6.9) */
/* Returns 1. The maps are not used by the program. */
#include "common.h"

/* By number: older uapi headers lack them. */
#define CGRP_STORAGE	32
#define ARENA		33

struct {
	__uint(type, CGRP_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} cgrp_storage SEC(".maps");

/* So many pages, which user space maps. */
struct {
	__uint(type, ARENA);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 4);
} arena SEC(".maps");

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	return skb->len != 0;
}

LICENSE("GPL");
