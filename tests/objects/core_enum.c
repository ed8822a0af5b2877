/* pytc-test: CO-RE: enumerators: whether they exist, their values, 64 bits wide */
/*
 * Returns the kernel's BPF_MAP_TYPE_RINGBUF, 27. In .bss, "exists": 1 1 0 0 1 and
 * "values": 27, BPF_MAP_TYPE_HASH 1, 0, 0, PERF_CONTEXT_HV -32 as u64. From clang 15 on
 * the last is of an enum of 64 bits here as well.
 */
#include "common.h"
#include "core.h"

/* The numbers here are wrong on purpose. */
enum bpf_map_type___mine {
	BPF_MAP_TYPE_RINGBUF___mine = 5,
	BPF_MAP_TYPE_HASH___mine = 6,
	BPF_MAP_TYPE_NEVER_THERE___mine = 7,
};

enum never_there {
	NEVER_THERE = 8,
};

enum perf_callchain_context___mine {
	PERF_CONTEXT_HV___mine = 9,
#if __clang_major__ >= 15
	PERF_CONTEXT_KERNEL___mine = 0x123456789aULL,
#endif
};

__u64 values[5];
__u8 exists[5];

#define ANSWER(number, type, name)				\
	exists[number] = ENUM_EXISTS(type, name);		\
	if (ENUM_EXISTS(type, name))				\
		values[number] = ENUM_VALUE(type, name);

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	ANSWER(0, enum bpf_map_type___mine, BPF_MAP_TYPE_RINGBUF___mine)
	ANSWER(1, enum bpf_map_type___mine, BPF_MAP_TYPE_HASH___mine)
	ANSWER(2, enum bpf_map_type___mine, BPF_MAP_TYPE_NEVER_THERE___mine)
	ANSWER(3, enum never_there, NEVER_THERE)
	ANSWER(4, enum perf_callchain_context___mine, PERF_CONTEXT_HV___mine)
	return ENUM_VALUE(enum bpf_map_type___mine, BPF_MAP_TYPE_RINGBUF___mine);
}

LICENSE("GPL");
