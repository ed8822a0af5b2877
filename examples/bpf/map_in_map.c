/*
 * Counters swapped as a whole: a map of maps.
 *
 * Slot 0 of "map_current" holds a map, in which the classifier counts by IP
 * protocol. A reader puts the other map there: packets are then counted in
 * that one, and the first stays unchanged while it is read.
 *
 * "map_even" is in the slot from the start: the loader puts a map with an
 * inner_idx into the outer map whose inner_id is its id, and it is the
 * template of all inner maps. "map_odd" has the same layout, as the spare.
 *
 * Build:   clang -O2 -g -target bpf -mcpu=v2 -I/usr/include/$(uname -m)-linux-gnu \
 *                -c map_in_map.c -o map_in_map.o
 *
 * Attach:  pytc qdisc add dev em1 clsact
 *          pytc filter add dev em1 egress bpf da obj map_in_map.o
 *
 * Read:    pytc map set pinned m:globals/map_current key 0 value m:globals/map_odd
 *          pytc map get pinned m:globals/map_even key 1
 *          pytc map set pinned m:globals/map_current key 0 value m:globals/map_even
 *          pytc map get pinned m:globals/map_odd key 1
 */
#include <linux/pkt_cls.h>

#include "flow.h"

#define PROTOCOLS	256
#define MAP_ID_COUNTERS	7
#define NOWHERE		((__u32)-1)

#define COUNTERS(name, number, place)				\
	struct bpf_elf_map SEC("maps") name = {			\
		.type		= BPF_MAP_TYPE_ARRAY,		\
		.id		= number,			\
		.size_key	= sizeof(__u32),		\
		.size_value	= sizeof(__u64),		\
		.max_elem	= PROTOCOLS,			\
		.pinning	= PIN_GLOBAL_NS,		\
		.inner_idx	= place,			\
	}

COUNTERS(map_even, MAP_ID_COUNTERS, 0);
COUNTERS(map_odd, MAP_ID_COUNTERS + 1, NOWHERE);

struct bpf_elf_map SEC("maps") map_current = {
	.type		= BPF_MAP_TYPE_ARRAY_OF_MAPS,
	.id		= 0,
	.size_key	= sizeof(__u32),
	.size_value	= sizeof(__u32),
	.max_elem	= 1,
	.pinning	= PIN_GLOBAL_NS,
	.inner_id	= MAP_ID_COUNTERS,
	.inner_idx	= NOWHERE,
};

SEC("classifier") int count(struct __sk_buff *skb)
{
	__u32 slot = 0, protocol;
	struct flow flow;
	__u64 *packets;
	void *counters;

	if (dissect(skb, &flow))
		return TC_ACT_OK;
	counters = bpf_map_lookup_elem(&map_current, &slot);
	if (unlikely(!counters))
		return TC_ACT_OK;

	protocol = flow.protocol;
	packets = bpf_map_lookup_elem(counters, &protocol);
	if (likely(packets))
		__sync_fetch_and_add(packets, 1);
	return TC_ACT_OK;
}

char __license[] SEC("license") = "GPL";
