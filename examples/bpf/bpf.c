/*
 * A classifier and two actions that share three maps: the object of the
 * examples in tc-bpf(8).
 *
 *   classifier   dissects the packet (flow.h). Counts IP packets by protocol
 *                in "map_proto" and by transmit queue in "map_queue", and
 *                returns the class of the command line (-1) for them.
 *                Other packets are no match (0).
 *   action-mark  sets skb->mark to 0xb00 + protocol, counts in "map_proto",
 *                and goes on with the next action.
 *   action-rand  randomly drops one in 4 of the packets that action-mark has
 *                marked. Counts seen and dropped packets in "map_drops", by
 *                the protocol in the mark. Set "one_in" there at run time to
 *                drop another share: 1 drops all.
 *
 * Build:   clang -O2 -g -target bpf -mcpu=v2 -I/usr/include/$(uname -m)-linux-gnu \
 *                -c bpf.c -o bpf.o
 *
 * Attach:  pytc qdisc add dev em1 root handle 1: htb default 1
 *          pytc class add dev em1 parent 1: classid 1:1 htb rate 100mbit
 *          pytc filter add dev em1 parent 1: bpf obj bpf.o flowid 1:1 \
 *               action bpf obj bpf.o sec action-mark \
 *               action bpf obj bpf.o sec action-rand ok
 *
 * Read:    pytc map dump name map_proto
 *          pytc map dump name map_queue
 *          pytc map set name map_drops key 1 value.one_in = 2
 *          pytc map get name map_drops key 1
 *
 * Agent:   in a shell that holds the maps, bpf_agent.c or bpf_agent.py:
 *          pytc exec bpf imp /tmp/bpf
 *          pytc filter add dev em1 parent 1: bpf obj bpf.o exp /tmp/bpf flowid 1:1 \
 *               action bpf obj bpf.o sec action-mark \
 *               action bpf obj bpf.o sec action-rand ok
 */
#include <linux/pkt_cls.h>

#include "flow.h"

#define PROTOCOLS	256
#define QUEUES		64
#define MARK		0xb00	/* and the protocol in the lowest byte */
#define ONE_IN		4

/* BPF_MAP0, BPF_MAP1 and BPF_MAP2 of an agent. */
enum {
	MAP_ID_PROTO,
	MAP_ID_QUEUE,
	MAP_ID_DROPS,
};

struct proto {
	__u64 packets;
	__u64 bytes;
	__u64 marked;
};

struct queue {
	__u64 packets;
	__u64 bytes;
};

struct drops {
	__u64 seen;
	__u64 dropped;
	__u64 one_in;
};

struct bpf_elf_map SEC("maps") map_proto = {
	.type		= BPF_MAP_TYPE_HASH,
	.id		= MAP_ID_PROTO,
	.size_key	= sizeof(__u32),
	.size_value	= sizeof(struct proto),
	.max_elem	= PROTOCOLS,
};
MAP_TYPES(map_proto, __u32, struct proto);

struct bpf_elf_map SEC("maps") map_queue = {
	.type		= BPF_MAP_TYPE_HASH,
	.id		= MAP_ID_QUEUE,
	.size_key	= sizeof(__u32),
	.size_value	= sizeof(struct queue),
	.max_elem	= QUEUES,
};
MAP_TYPES(map_queue, __u32, struct queue);

struct bpf_elf_map SEC("maps") map_drops = {
	.type		= BPF_MAP_TYPE_ARRAY,
	.id		= MAP_ID_DROPS,
	.size_key	= sizeof(__u32),
	.size_value	= sizeof(struct drops),
	.max_elem	= PROTOCOLS,
};
MAP_TYPES(map_drops, __u32, struct drops);

/* The element under a key of a hash, made when there is none yet. */
static __always_inline void *element(void *map, const __u32 *key, const void *fresh)
{
	void *found = bpf_map_lookup_elem(map, key);

	if (found)
		return found;
	bpf_map_update_elem(map, key, fresh, BPF_NOEXIST);
	return bpf_map_lookup_elem(map, key);
}

SEC("classifier") int count_flow(struct __sk_buff *skb)
{
	struct proto no_packets = {}, *proto;
	struct queue empty = {}, *queue;
	struct flow flow;
	__u32 key;

	if (dissect(skb, &flow))
		return 0;

	key = flow.protocol;
	proto = element(&map_proto, &key, &no_packets);
	if (likely(proto)) {
		__sync_fetch_and_add(&proto->packets, 1);
		__sync_fetch_and_add(&proto->bytes, skb->len);
	}
	key = skb->queue_mapping;
	queue = element(&map_queue, &key, &empty);
	if (likely(queue)) {
		__sync_fetch_and_add(&queue->packets, 1);
		__sync_fetch_and_add(&queue->bytes, skb->len);
	}
	return -1;
}

SEC("action-mark") int mark_protocol(struct __sk_buff *skb)
{
	struct proto *proto;
	struct flow flow;
	__u32 key;

	if (dissect(skb, &flow))
		return TC_ACT_PIPE;

	key = flow.protocol;
	proto = bpf_map_lookup_elem(&map_proto, &key);
	if (likely(proto))
		__sync_fetch_and_add(&proto->marked, 1);
	skb->mark = MARK | key;
	return TC_ACT_PIPE;
}

SEC("action-rand") int drop_some(struct __sk_buff *skb)
{
	__u32 key = skb->mark & (PROTOCOLS - 1);
	struct drops *drops;
	__u32 one_in;

	if ((skb->mark & ~(PROTOCOLS - 1)) != MARK)
		return TC_ACT_UNSPEC;
	drops = bpf_map_lookup_elem(&map_drops, &key);
	if (unlikely(!drops))
		return TC_ACT_UNSPEC;

	__sync_fetch_and_add(&drops->seen, 1);
	one_in = drops->one_in;
	if (bpf_get_prandom_u32() % (one_in ? one_in : ONE_IN))
		return TC_ACT_UNSPEC;	/* what the command line says: ok */
	__sync_fetch_and_add(&drops->dropped, 1);
	return TC_ACT_SHOT;
}

char __license[] SEC("license") = "GPL";
