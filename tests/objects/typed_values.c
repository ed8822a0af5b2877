/* pytc-test: a firewall whose maps have every sort of value: what pytc map reads and writes */
/*
 * Passes and counts packets; drops those from an address whose verdict is DROP. Returns TC_ACT_OK or TC_ACT_SHOT.
 * An event is sent for each packet from an address that has a verdict.
 */
#include "common.h"

#include <linux/if_ether.h>
#include <linux/ip.h>

#ifndef offsetof
# define offsetof(type, member)	__builtin_offsetof(type, member)
#endif

enum action {
	PASS,
	DROP,
	COUNT_ONLY = 7,
	NEVER = -1,
};

struct endpoint {
	__be32 address;
	__be16 port;
	__u16 protocol;
};

struct verdict {
	enum action action;
	__u32 hits;
	__u64 bytes;
	char note[16];
	union {
		__u32 word;
		__u8 octets[4];
	} tag;
	__u32 low : 4, high : 12, : 4, rest : 12;
	__s16 deltas[3];
	_Bool on;
	struct {
		__u8 first;
		struct endpoint peer;
	} inner;
};

struct sums {
	__u64 packets;
	__u64 bytes;
};

struct settings {
	_Bool enabled;
	__u8 protocol;
	__u16 ports[4];
};

struct event {
	__be32 address;
	__u32 length;
	enum action action;
	char note[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__uint(pinning, PIN_BY_NAME);
	__type(key, __be32);
	__type(value, struct verdict);
} verdicts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 64);
	__type(key, struct endpoint);
	__type(value, __u64);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__uint(pinning, PIN_BY_NAME);
	__type(key, __u32);
	__type(value, struct sums);
} statistics SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(pinning, PIN_BY_NAME);
	__type(key, __u32);
	__type(value, struct settings);
} settings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 12);
	__uint(pinning, PIN_BY_NAME);
} notices SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(int));
	__uint(value_size, sizeof(int));
	__uint(pinning, PIN_BY_NAME);
} samples SEC(".maps");

/* The event is not in any map's type: without this, its type would not be in the BTF. */
const struct event *unused_event __attribute__((used));

static void notify(struct __sk_buff *skb, const struct verdict *verdict, __be32 address)
{
	struct event sample = { .address = address, .length = skb->len, .action = verdict->action };
	struct event *event;

	__builtin_memcpy(sample.note, verdict->note, sizeof(sample.note));
	bpf_perf_event_output(skb, &samples, BPF_F_CURRENT_CPU, &sample, sizeof(sample));
	event = bpf_ringbuf_reserve(&notices, sizeof(*event), 0);
	if (!event)
		return;
	*event = sample;
	bpf_ringbuf_submit(event, 0);
}

SEC("classifier") int firewall(struct __sk_buff *skb)
{
	struct endpoint source = {};
	struct settings *chosen;
	struct verdict *verdict;
	__u32 key = 0, dropped = 1;
	__u64 one = 1;
	struct sums *sums;
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct iphdr *ip = data + ETH_HLEN;

	chosen = bpf_map_lookup_elem(&settings, &key);
	if (!chosen || !chosen->enabled)
		return TC_ACT_OK;
	if ((void *)(ip + 1) > end || skb->protocol != __builtin_bswap16(ETH_P_IP))
		return TC_ACT_OK;
	source.address = ip->saddr;
	source.protocol = ip->protocol;
	bpf_map_update_elem(&flows, &source, &one, BPF_ANY);
	verdict = bpf_map_lookup_elem(&verdicts, &source.address);
	if (verdict) {
		verdict->hits += 1;
		verdict->bytes += skb->len;
		notify(skb, verdict, ip->saddr);
	}
	sums = bpf_map_lookup_elem(&statistics, verdict && verdict->action == DROP ? &dropped : &key);
	if (sums) {
		sums->packets += 1;
		sums->bytes += skb->len;
	}
	return verdict && verdict->action == DROP ? TC_ACT_SHOT : TC_ACT_OK;
}

LICENSE("GPL");
