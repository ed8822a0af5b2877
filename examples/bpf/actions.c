/*
 * A classifier and two actions in one object, which share their maps.
 *
 * The command of tc-bpf(8): the classifier lets every packet match, the first
 * action marks it, the second drops every other one at random. All three
 * count in the array map "map_seen", one slot each, in this order; a loader
 * that reads the object three times would give each a map of its own.
 *
 * Build:   clang -O2 -g -target bpf -mcpu=v2 -I/usr/include/$(uname -m)-linux-gnu \
 *                -c actions.c -o actions.o
 *
 * Attach:  tc qdisc add dev em1 root handle 1: htb default 1
 *          pytc filter add dev em1 parent 1: bpf obj actions.o flowid 1:1 \
 *               action bpf obj actions.o sec action-mark \
 *               action bpf obj actions.o sec action-rand ok
 *          The kernel needs act_bpf for it.
 *
 * Read:    pytc -s filter show dev em1
 *          pytc map dump name map_seen
 */
#include <linux/pkt_cls.h>

#include "helpers.h"

#define MARK		0xb1f
#define MATCH		(-1)
#define AS_SAID		(-1)

enum program {
	CLASSIFIER,
	ACTION_MARK,
	ACTION_RAND,
	PROGRAMS,
};

struct bpf_elf_map SEC("maps") map_seen = {
	.type		= BPF_MAP_TYPE_ARRAY,
	.id		= 1,
	.size_key	= sizeof(__u32),
	.size_value	= sizeof(__u64),
	.max_elem	= PROGRAMS,
	.pinning	= PIN_NONE,
};

static inline void count(__u32 program)
{
	__u64 *packets = bpf_map_lookup_elem(&map_seen, &program);

	if (likely(packets))
		__sync_fetch_and_add(packets, 1);
}

/* -1 is the class that the command line gives with "flowid". */
SEC("classifier") int cls_main(struct __sk_buff *skb __unused)
{
	count(CLASSIFIER);
	return MATCH;
}

SEC("action-mark") int act_mark(struct __sk_buff *skb)
{
	count(ACTION_MARK);
	skb->mark = MARK;
	return TC_ACT_PIPE;
}

/* -1 is the control of the command line: "ok". */
SEC("action-rand") int act_rand(struct __sk_buff *skb __unused)
{
	count(ACTION_RAND);
	return bpf_get_prandom_u32() & 1 ? AS_SAID : TC_ACT_SHOT;
}

char __license[] SEC("license") = "GPL";
