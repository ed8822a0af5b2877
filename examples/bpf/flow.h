/*
 * A flow dissector: from the Ethernet header to the ports.
 *
 * Skips up to two VLAN tags, then IPv4, or IPv6 with up to four extension
 * headers. Loops are unrolled for old kernels.
 */
#ifndef PYTC_EXAMPLES_FLOW_H
#define PYTC_EXAMPLES_FLOW_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "helpers.h"

#define VLAN_TAGS		2
#define EXTENSION_HEADERS	4
#define FRAGMENT_OFFSET		0x1fff	/* of iphdr.frag_off */
#define FRAGMENT_OFFSET_6	0xfff8	/* of the fragment header */

/* All in network byte order. An IPv4 address is the last of the four words. */
struct flow {
	__be32 source[4];
	__be32 destination[4];
	struct {
		__be16 source;
		__be16 destination;
	} port;				/* 0 where there are none */
	__u32 transport;		/* offset of the TCP or UDP header */
	__u8 protocol;			/* IPPROTO_TCP and so on */
	__u8 later_fragment;		/* without a transport header */
};

static __always_inline int dissect_ipv4(struct __sk_buff *skb, __u32 offset, struct flow *flow)
{
	struct iphdr ip;

	if (bpf_skb_load_bytes(skb, offset, &ip, sizeof(ip)))
		return -1;
	flow->source[3] = ip.saddr;
	flow->destination[3] = ip.daddr;
	flow->protocol = ip.protocol;
	flow->later_fragment = (ip.frag_off & net16(FRAGMENT_OFFSET)) != 0;
	flow->transport = offset + ip.ihl * 4;
	return 0;
}

static __always_inline int dissect_ipv6(struct __sk_buff *skb, __u32 offset, struct flow *flow)
{
	struct {
		__u8 next;
		__u8 length;		/* in units of 8 bytes, without the first */
		__be16 fragment;
	} extension;
	struct ipv6hdr ip;
	__u8 next;
	int i;

	if (bpf_skb_load_bytes(skb, offset, &ip, sizeof(ip)))
		return -1;
	__builtin_memcpy(flow->source, &ip.saddr, sizeof(flow->source));
	__builtin_memcpy(flow->destination, &ip.daddr, sizeof(flow->destination));
	next = ip.nexthdr;
	offset += sizeof(ip);
#pragma unroll
	for (i = 0; i < EXTENSION_HEADERS; i++) {
		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING &&
		    next != IPPROTO_FRAGMENT && next != IPPROTO_DSTOPTS)
			break;
		if (bpf_skb_load_bytes(skb, offset, &extension, sizeof(extension)))
			return -1;
		if (next != IPPROTO_FRAGMENT) {
			offset += (extension.length + 1) * 8;
		} else {
			offset += 8;
			if (extension.fragment & net16(FRAGMENT_OFFSET_6))
				flow->later_fragment = 1;
		}
		next = extension.next;
	}
	flow->protocol = next;
	flow->transport = offset;
	return 0;
}

/* 0, or -1 for what is not IP or is cut off. */
static __always_inline int dissect(struct __sk_buff *skb, struct flow *flow)
{
	__u32 offset = offsetof(struct ethhdr, h_proto);
	__be16 type;
	int i, outcome;

	__builtin_memset(flow, 0, sizeof(*flow));
	if (bpf_skb_load_bytes(skb, offset, &type, sizeof(type)))
		return -1;
#pragma unroll
	for (i = 0; i < VLAN_TAGS; i++) {
		if (type != net16(ETH_P_8021Q) && type != net16(ETH_P_8021AD))
			break;
		offset += 4;
		if (bpf_skb_load_bytes(skb, offset, &type, sizeof(type)))
			return -1;
	}
	offset += sizeof(type);

	if (type == net16(ETH_P_IP))
		outcome = dissect_ipv4(skb, offset, flow);
	else if (type == net16(ETH_P_IPV6))
		outcome = dissect_ipv6(skb, offset, flow);
	else
		outcome = -1;
	if (outcome || flow->later_fragment)
		return outcome;
	if (flow->protocol == IPPROTO_TCP || flow->protocol == IPPROTO_UDP ||
	    flow->protocol == IPPROTO_SCTP || flow->protocol == IPPROTO_DCCP ||
	    flow->protocol == IPPROTO_UDPLITE)
		return bpf_skb_load_bytes(skb, flow->transport, &flow->port, sizeof(flow->port)) ? -1 : 0;
	return 0;
}

#endif
