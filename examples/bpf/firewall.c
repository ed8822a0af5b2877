/*
 * A small firewall, controlled through its maps while it runs.
 *
 *   classifier  looks the source address of each IPv4 packet up in the hash
 *               "verdicts", counts the packet there, and drops it when the
 *               verdict says so. Does nothing while settings.enabled is 0.
 *               "passed_dropped" counts packets and bytes passed (0) and
 *               dropped (1), per CPU. Sends an event to the ring buffer
 *               "notices" for each dropped packet.
 *
 * All maps are pinned in the global namespace, m:globals/NAME.
 *
 * Build:   clang -O2 -g -target bpf -mcpu=v2 -I/usr/include/$(uname -m)-linux-gnu \
 *                -c firewall.c -o firewall.o
 *
 * Attach:  pytc qdisc add dev em1 clsact
 *          pytc filter add dev em1 ingress bpf da obj firewall.o
 *
 * Read:    pytc map set pinned m:globals/settings value.enabled = true
 *          pytc map set pinned m:globals/verdicts key 192.0.2.7 value { action DROP }
 *          pytc map dump pinned m:globals/passed_dropped sum
 */
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>

#include "helpers.h"

static void *(*const bpf_ringbuf_reserve)(void *ring, __u64 size, __u64 flags) __unused =
	(void *)BPF_FUNC_ringbuf_reserve;
static void (*const bpf_ringbuf_submit)(void *record, __u64 flags) __unused =
	(void *)BPF_FUNC_ringbuf_submit;

enum action {
	PASS,
	DROP,
};

struct verdict {
	enum action action;
	__u32 packets;
	char note[16];
};

struct settings {
	_Bool enabled;
};

struct counter {
	__u64 packets;
	__u64 bytes;
};

struct notice {
	__be32 source;
	__be32 destination;
	__u32 length;
	__u8 protocol;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__uint(pinning, PIN_BY_NAME);
	__type(key, __be32);
	__type(value, struct verdict);
} verdicts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(pinning, PIN_BY_NAME);
	__type(key, __u32);
	__type(value, struct settings);
} settings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__uint(pinning, PIN_BY_NAME);
	__type(key, __u32);
	__type(value, struct counter);
} passed_dropped SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 16);
	__uint(pinning, PIN_BY_NAME);
} notices SEC(".maps");

/* Not inlined, so that its parameters' types are in the object: a reader of the events can ask for them by name. */
static __noinline void describe(struct notice *notice, const struct iphdr *ip, __u32 length)
{
	notice->source = ip->saddr;
	notice->destination = ip->daddr;
	notice->length = length;
	notice->protocol = ip->protocol;
}

static void notify(struct __sk_buff *skb, const struct iphdr *ip)
{
	struct notice *notice;

	notice = bpf_ringbuf_reserve(&notices, sizeof(*notice), 0);
	if (!notice)
		return;
	describe(notice, ip, skb->len);
	bpf_ringbuf_submit(notice, 0);
}

SEC("classifier") int firewall(struct __sk_buff *skb)
{
	struct counter *counter;
	struct settings *chosen;
	struct verdict *verdict;
	__u32 zero = 0, dropped;
	struct iphdr ip;

	chosen = bpf_map_lookup_elem(&settings, &zero);
	if (!chosen || !chosen->enabled || skb->protocol != net16(ETH_P_IP))
		return TC_ACT_OK;
	if (bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof(ip)))
		return TC_ACT_OK;
	verdict = bpf_map_lookup_elem(&verdicts, &ip.saddr);
	if (verdict)
		__sync_fetch_and_add(&verdict->packets, 1);
	dropped = verdict && verdict->action == DROP;
	counter = bpf_map_lookup_elem(&passed_dropped, &dropped);
	if (counter) {
		counter->packets += 1;
		counter->bytes += skb->len;
	}
	if (!dropped)
		return TC_ACT_OK;
	notify(skb, &ip);
	return TC_ACT_SHOT;
}

char _license[] SEC("license") = "GPL";
