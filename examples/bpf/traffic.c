/*
 * Traffic per IP protocol, and a filter for ICMP echo requests.
 *
 * Two programs for direct-action in the modern style: BTF maps, global
 * variables and a function that is called, not inlined.
 *
 *   classifier  counts packets and bytes of each IP protocol (IPv4, and the
 *               first next-header of IPv6) in the hash map "protocols", and
 *               all packets in the variable total_packets. Passes everything.
 *   drop        drops ICMP (IPv4) echo requests and counts them in the array
 *               map "drops". Passes everything else.
 *
 * Build:   clang -O2 -g -target bpf -mcpu=v2 -I/usr/include/$(uname -m)-linux-gnu \
 *                -c traffic.c -o traffic.o
 *          -g is required: BTF describes the maps.
 *
 * Attach:  pytc qdisc add dev em1 clsact
 *          pytc filter add dev em1 ingress bpf da obj traffic.o
 *          pytc filter add dev em1 egress bpf da obj traffic.o sec drop
 *
 * Read:    pytc map dump name protocols
 *          pytc map dump name traffic.bss
 *          pytc map dump name drops
 */
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>

#include "helpers.h"

#define NOT_IP		(-1)
#define ICMP_ECHO	8	/* <linux/icmp.h> wants the libc of the target */

struct counter {
	__u64 packets;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, struct counter);
} protocols SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} drops SEC(".maps");

__u64 total_packets;				/* .bss */
volatile __u32 counting = 1;			/* .data: 0 pauses the counters */
const volatile __u32 header_bytes = ETH_HLEN;	/* .rodata: left out of "bytes" */

/* A function of its own in .text. The IP protocol, or NOT_IP. */
static __noinline int ip_protocol(struct __sk_buff *skb)
{
	__u32 offset;
	__u8 protocol;

	if (skb->protocol == net16(ETH_P_IP))
		offset = ETH_HLEN + offsetof(struct iphdr, protocol);
	else if (skb->protocol == net16(ETH_P_IPV6))
		offset = ETH_HLEN + offsetof(struct ipv6hdr, nexthdr);
	else
		return NOT_IP;

	if (bpf_skb_load_bytes(skb, offset, &protocol, sizeof(protocol)))
		return NOT_IP;
	return protocol;
}

SEC("classifier") int count_protocols(struct __sk_buff *skb)
{
	struct counter first = {}, *count;
	int protocol;
	__u32 key;

	if (!counting)
		return TC_ACT_OK;
	__sync_fetch_and_add(&total_packets, 1);

	protocol = ip_protocol(skb);
	if (protocol == NOT_IP)
		return TC_ACT_OK;

	key = protocol;
	count = bpf_map_lookup_elem(&protocols, &key);
	if (!count) {
		/* Another CPU may be first: then its entry stays. */
		bpf_map_update_elem(&protocols, &key, &first, BPF_NOEXIST);
		count = bpf_map_lookup_elem(&protocols, &key);
	}
	if (count) {
		__sync_fetch_and_add(&count->packets, 1);
		__sync_fetch_and_add(&count->bytes, skb->len - header_bytes);
	}
	return TC_ACT_OK;
}

SEC("drop") int drop_icmp(struct __sk_buff *skb)
{
	__u32 offset = ETH_HLEN, key = 0;
	__u8 ihl, type;
	__u64 *count;

	if (skb->protocol != net16(ETH_P_IP) || ip_protocol(skb) != IPPROTO_ICMP)
		return TC_ACT_OK;

	if (bpf_skb_load_bytes(skb, offset, &ihl, sizeof(ihl)))
		return TC_ACT_OK;
	offset += (ihl & 0x0f) * 4;
	if (bpf_skb_load_bytes(skb, offset, &type, sizeof(type)) ||
	    type != ICMP_ECHO)
		return TC_ACT_OK;

	count = bpf_map_lookup_elem(&drops, &key);
	if (count)
		__sync_fetch_and_add(count, 1);
	return TC_ACT_SHOT;
}

char __license[] SEC("license") = "GPL";
